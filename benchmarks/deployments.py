"""What is said of a deployment in simulated worlds where the truth is known, by ours and by plain tests."""

import argparse
import sys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.adapters.encoders import load_encoder
from app.core.aftermath import LEVEL, Look, assess
from app.core.exposure import Rows as ExposureRows
from app.core.exposure import divide
from app.core.fixedpoint import Floats
from app.core.followup import CALENDAR
from app.core.panel import History, rows_of
from app.core.permutation import NONE_BLAMED, spent
from app.core.reference import Reference, build
from app.core.rows import Rows
from benchmarks import deployment_tables, page, rollouts
from benchmarks.deployment_tables import Found
from benchmarks.rollouts import DAY, DEPLOYED_AT, RELEASE, WORLDS, Pools, Remembered, World
from schemas.readings import Adaptation

LOOK_DAYS = (1, 2, 3, 4, 5, 6, 7, 10, 14)
REFERENCE_UNITS = 2000
PERMUTATIONS = 199
WINDOW = 500  # prompts of the two-sample test
EXACT = 1e-9  # below it, nobody came or left: there was nothing to estimate
RUNS = 20
STYLES = {"grow terse": True, "ask in detail": False}
AGAIN = ("adaptation 15 %", "adaptation 30 %", "adaptation 60 %", "all three")  # with the second style


def add_arguments(command: argparse.ArgumentParser) -> None:
    """How often each world is run."""
    command.add_argument("--runs", type=int, default=RUNS, help="of each world (default: %(default)s)")


def main(chosen: argparse.Namespace) -> None:
    """Measure, print, and write the page unless quick."""
    runs = 6 if chosen.quick else getattr(chosen, "runs", RUNS)
    encoder = load_encoder()
    sections: list[str] = []
    every: list[Found] = []
    for style, terse in STYLES.items():
        pools = rollouts.real_pools(encoder, terse=terse)
        metric = Remembered.of_pools(reference_of(pools), pools)
        worlds = [world for world in WORLDS if terse or world.name in AGAIN]
        found = [measure(world, pools, metric, runs=runs, style=style) for world in worlds]
        every += found
        sections.append(f"Users who adapt {style}:\n\n{deployment_tables.worlds(found)}")
    text = "\n\n".join([deployment_tables.bars(every), *sections])
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


def measure(
    world: World,
    pools: Pools,
    metric: Remembered,
    *,
    runs: int,
    style: str,
    days: Sequence[int] = LOOK_DAYS,
) -> Found:
    """Each run is a new panel, looked at on some days."""
    found = Found(world, style, rollouts.true_shares(world, pools, metric))
    for run in range(runs):
        panel = rollouts.histories(world, pools, seed=run)
        found.blamed.append(any(seen.significant for seen in daily(panel, metric, seed=run, days=days)))
        last, _ = assess(panel, _look(LOOK_DAYS[-1], run), metric=metric, habits=())
        found.once.append(last.significant)
        if last.placebo_p is not None:
            found.placebo.append(last.placebo_p <= LEVEL)
        if found.truth is not None:
            _score(found, last, found.truth)
        found.before_after.append(before_after(panel, metric, seed=run) <= LEVEL)
        found.two_sample.append(two_sample(panel, metric, seed=run) <= LEVEL)
    sys.stderr.write(f"{world.name}\n")
    return found


def _score(found: Found, last: Adaptation, truth: Floats) -> None:
    shares = [share for share in (last.adaptation, last.outside, last.audience) if share is not None]
    if len(shares) < len(truth):
        return
    values = np.array([share.value for share in shares])
    found.shares.append(values)
    found.errors.append(float(np.abs(values - truth).max()))
    moving = [share for share in zip(shares, truth, strict=True) if share[0].high > EXACT]
    found.covered += [share.low <= true <= share.high for share, true in moving]


def daily(
    panel: list[History], metric: Remembered, *, seed: int, days: Sequence[int] = LOOK_DAYS
) -> list[Adaptation]:
    """Looks as `Followup` takes them, until one is significant."""
    out: list[Adaptation] = []
    blamed = NONE_BLAMED
    for day in days:
        error = spent(LEVEL, day * DAY / CALENDAR[-1])
        seen, blamed = assess(panel, _look(day, seed, error, blamed), metric=metric, habits=())
        out.append(seen)
        if seen.significant:
            break
    return out


def _look(day: int, seed: int, error: float = LEVEL, blamed: NDArray[np.bool_] = NONE_BLAMED) -> Look:
    now = DEPLOYED_AT + day * DAY
    return Look(release=RELEASE, number=1, now=now, error=error, seed=seed, blamed=blamed)


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
