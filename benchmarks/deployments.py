"""What is said of a deployment in simulated worlds where the truth is known, by ours and by plain tests."""

import argparse
import sys
from dataclasses import dataclass, field

import numpy as np

from app.adapters.encoders import load_encoder
from app.core.adaptation import FEWEST_USERS
from app.core.aftermath import LEVEL, Look, assess
from app.core.exposure import Rows as ExposureRows
from app.core.exposure import divide
from app.core.fixedpoint import Floats
from app.core.followup import CALENDAR
from app.core.panel import History, rows_of
from app.core.permutation import spent
from app.core.reference import Reference, Rows, build
from benchmarks import page, rollouts
from benchmarks.rollouts import DAY, DEPLOYED_AT, RELEASE, WORLDS, Pools, Remembered, World
from schemas.readings import Adaptation

LOOK_DAYS = (1, 2, 3, 4, 5, 6, 7, 10, 14)
REFERENCE_UNITS = 2000
PERMUTATIONS = 199
WINDOW = 500  # prompts of the two-sample test
CLOSE = 0.1
EXACT = 1e-9  # below it, nobody came or left: there was nothing to estimate
RUNS = 12
STYLES = {"grow terse": True, "ask in detail": False}
AGAIN = ("adaptation 15 %", "adaptation 30 %", "adaptation 60 %", "all three")  # with the second style


@dataclass(slots=True)
class Found:
    """What was said in the runs of one world."""

    world: World
    blamed: list[bool] = field(default_factory=list)  # at any of the daily looks
    placebo: list[bool] = field(default_factory=list)  # at the placebo date, at 5 %
    errors: list[float] = field(default_factory=list)  # largest of the three shares, one look
    covered: list[bool] = field(default_factory=list)  # each share's 95 % interval
    shares: list[Floats] = field(default_factory=list)
    before_after: list[bool] = field(default_factory=list)
    two_sample: list[bool] = field(default_factory=list)


def add_arguments(command: argparse.ArgumentParser) -> None:
    """How often each world is run."""
    command.add_argument("--runs", type=int, default=RUNS, help="of each world (default: %(default)s)")


def main(chosen: argparse.Namespace) -> None:
    """Measure, print, and write the page unless quick."""
    runs = 6 if chosen.quick else getattr(chosen, "runs", RUNS)
    encoder = load_encoder()
    sections = []
    for style, terse in STYLES.items():
        pools = rollouts.real_pools(encoder, terse=terse)
        metric = Remembered.of_pools(reference_of(pools), pools)
        worlds = [world for world in WORLDS if terse or world.name in AGAIN]
        found = [measure(world, pools, metric, runs=runs) for world in worlds]
        sections.append(f"Users who adapt {style}:\n\n{section(found)}")
    text = "\n\n".join(sections)
    sys.stdout.write(text + "\n")
    if not chosen.quick:
        page.write("deployments", text)


def reference_of(pools: Pools, *, seed: int = 0) -> Reference:
    """A baseline of what users usually ask."""
    usual = pools.usual
    random = np.random.default_rng(seed)
    chosen = random.permutation(len(usual.wording))[:REFERENCE_UNITS]
    wording, shape = rows_of(usual.prompts(chosen))
    rows = Rows(wording=wording, shape=shape, texts=("",) * len(chosen))
    return build(rows, application="bench", kind="baseline", fingerprint="bench")


def measure(world: World, pools: Pools, metric: Remembered, *, runs: int) -> Found:
    """Each run is a new panel."""
    found = Found(world)
    truth = rollouts.true_shares(world, pools, metric)
    for run in range(runs):
        panel = rollouts.histories(world, pools, seed=run)
        found.blamed.append(any(seen.significant for seen in daily(panel, metric, seed=run)))
        last = assess(panel, _look(LEVEL, LOOK_DAYS[-1], run), metric=metric, habits=())
        if last.placebo_p is not None:
            found.placebo.append(last.placebo_p <= LEVEL)
        told = (last.adaptation, last.outside, last.audience)
        if truth is not None and all(share is not None for share in told):
            _score(found, last, truth)
        found.before_after.append(before_after(panel, metric, seed=run) <= LEVEL)
        found.two_sample.append(two_sample(panel, metric, seed=run) <= LEVEL)
    sys.stderr.write(f"{world.name}\n")
    return found


def _score(found: Found, last: Adaptation, truth: Floats) -> None:
    shares = [share for share in (last.adaptation, last.outside, last.audience) if share is not None]
    values = np.array([share.value for share in shares])
    found.shares.append(values)
    found.errors.append(float(np.abs(values - truth).max()))
    moving = [share for share in zip(shares, truth, strict=True) if share[0].high > EXACT]
    found.covered += [share.low <= true <= share.high for share, true in moving]


def daily(panel: list[History], metric: Remembered, *, seed: int) -> list[Adaptation]:
    """Looks as `Followup` takes them, until one is significant."""
    out: list[Adaptation] = []
    since = 0.0
    for day in LOOK_DAYS:
        until = day * DAY / CALENDAR[-1]
        seen = assess(panel, _look(spent(LEVEL, since, until), day, seed), metric=metric, habits=())
        out.append(seen)
        if min(seen.exposed, seen.control) >= FEWEST_USERS:
            since = until
        if seen.significant:
            break
    return out


def _look(level: float, day: int, seed: int) -> Look:
    return Look(release=RELEASE, number=1, now=DEPLOYED_AT + day * DAY, level=level, seed=seed)


def before_after(panel: list[History], metric: Remembered, *, seed: int) -> float:
    """P-value of "the users of the new version ask as before": signs of their changes flipped."""
    exposure = divide(panel, RELEASE, now=DEPLOYED_AT + LOOK_DAYS[-1] * DAY)
    changes = ExposureRows(exposure, metric).arm(exposure.exposed).change
    gram = changes @ changes.T
    signs = np.random.default_rng(seed).choice((-1.0, 1.0), size=(PERMUTATIONS, len(gram)))
    reached = np.einsum("ij,ij->i", signs @ gram, signs) >= gram.sum()
    return (1 + int(reached.sum())) / (PERMUTATIONS + 1)


def two_sample(panel: list[History], metric: Remembered, *, seed: int) -> float:
    """P-value of a windowed MMD test (Gretton et al., 2012) on all prompts before against the newest."""
    prompts = sorted((p for history in panel for p in history.prompts), key=lambda p: p.time)
    old = [p for p in prompts if p.time < DEPLOYED_AT][-WINDOW:]
    rows = metric.rows(*rows_of([*old, *prompts[-WINDOW:]]))
    norms = np.square(rows).sum(axis=1)
    distances = np.maximum(norms[:, None] + norms - 2 * rows @ rows.T, 0.0)
    kernel = np.exp(-distances / np.median(distances[distances > 0]))
    labels = np.r_[
        np.full(len(old), 1 / len(old)), np.full(len(rows) - len(old), -1 / (len(rows) - len(old)))
    ]
    drawn = np.random.default_rng(seed).permuted(np.tile(labels, (PERMUTATIONS, 1)), axis=1)
    reached = np.einsum("ij,ij->i", drawn @ kernel, drawn) >= labels @ kernel @ labels
    return (1 + int(reached.sum())) / (PERMUTATIONS + 1)


def section(found: list[Found]) -> str:
    """Of the page."""
    header = [
        "world", "ours, looked at daily", "ours, placebo date", "shares: adaptation, outside, audience",
        "within 10 points", "intervals cover", "told", "before/after test", "windowed MMD",
    ]  # fmt: skip
    without = [one for one in found if one.world.blameless]
    adapted = [one for one in found if not one.world.blameless]
    together = {"all without adaptation": without, "all with adaptation": adapted}
    pooled = [_pooled(name, worlds) for name, worlds in together.items() if worlds]
    return page.table(header, [_row(one) for one in [*found, *pooled]])


def _pooled(name: str, worlds: list[Found]) -> Found:
    """Several worlds as one; their shares have no mean."""
    out = Found(World(name=name))
    for one in worlds:
        for flags in ("blamed", "errors", "covered", "before_after", "two_sample"):
            getattr(out, flags).extend(getattr(one, flags))
        if not one.world.apart_before:  # where the arms did move apart before, the placebo ought to say so
            out.placebo.extend(one.placebo)
    return out


def _row(one: Found) -> list[str]:
    runs = len(one.blamed)
    shares = np.mean(one.shares, axis=0) if one.shares else None
    return [
        one.world.name,
        _rate(one.blamed),
        _rate(one.placebo),
        "" if shares is None else ", ".join(f"{share:.2f}" for share in shares),
        _rate([error <= CLOSE for error in one.errors]),
        _rate(one.covered),
        f"{len(one.errors)} of {runs}" if one.errors else "",
        _rate(one.before_after),
        _rate(one.two_sample),
    ]


def _rate(flags: list[bool]) -> str:
    return f"{np.mean(flags):.0%}" if flags else ""
