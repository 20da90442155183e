"""`promptdrift replay` where nothing changes but the hour: sessions, retries, known users, day and week."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

import msgspec
import numpy as np

from app.adapters import replay
from app.adapters.encoders import load_encoder
from app.core.fixedpoint import WORDING_SCALE
from app.ports import Encoder
from app.settings import DetectionSettings
from benchmarks import page, sessions, worlds
from benchmarks.sessions import DAY
from benchmarks.streams import APPLICATION, START
from benchmarks.worlds import Rows, World
from schemas.events import Interaction

SAMPLES = 1e-4  # a second: so few that the least share is kept, a tenth
LEARNED_DAYS = 14.5  # two weeks are what a weekly cycle can be learned from


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Streams, weeks of each, sessions a week; a session is one unit or more."""

    streams: int = 20
    weeks: int = 18
    per_week: int = 1300


QUICK = Size(streams=1, weeks=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calm:
    """What one unchanged stream was told.  `promised`: false pages that the user's budget allows for it."""

    seed: int
    events: int
    units: int
    days: float
    learned: int
    horizon_seconds: float
    cycles_found: bool
    claimed: bool
    incidents: int
    highest: float
    threshold: float
    pages_per_30_days: float

    @property
    def promised(self) -> float:
        return self.pages_per_30_days * self.days / 30


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Of `python -m benchmarks quiet`."""
    command.add_argument("--keep", type=Path, help="of a long run in parts: streams in this file are done")
    command.add_argument("--part", type=int, help="measure so many streams that are not, and stop")


def main(chosen: argparse.Namespace) -> None:
    """Replay every stream; the page is written when none is left out."""
    size = QUICK if chosen.quick else Size()
    keep, part = getattr(chosen, "keep", None), getattr(chosen, "part", None)
    encoder = load_encoder(table=None, model=None, cache_dir=None)
    world = worlds.load(held=not chosen.quick)
    near = subjects(world, encoder)
    found = kept(keep)
    for seed in range(len(found), min(size.streams, len(found) + (part or size.streams))):
        found.append(measure(stream(world, near, seed=seed, size=size), seed=seed, encoder=encoder))
        sys.stderr.write(f"{found[-1]}\n")
        if keep is not None:
            with keep.open("ab") as lines:
                lines.write(msgspec.json.encode(asdict(found[-1])) + b"\n")
    text = section(found)
    sys.stdout.write(text + "\n")
    if not chosen.quick and len(found) == size.streams:
        page.write("quiet", text)


def kept(path: Path | None) -> list[Calm]:
    """Streams measured by an earlier part of the same run."""
    lines = path.read_bytes().splitlines() if path is not None and path.is_file() else []
    return [Calm(**msgspec.json.decode(line)) for line in lines]


def subjects(world: World, encoder: Encoder) -> Rows:
    """The nearest clean texts of every clean text by wording, (N, NEIGHBOURS)."""
    clean = world.clean_rows()
    wording = encoder.encode([world.texts[row] for row in clean]).wording / np.float32(WORDING_SCALE)
    return sessions.nearest(wording.astype(np.float32), clean, len(world.texts))


def stream(world: World, near: Rows, *, seed: int, size: Size) -> list[Interaction]:
    """Unchanged traffic of one application."""
    random = np.random.default_rng([23, seed])
    events = sessions.everyday(world, near, random, weeks=size.weeks, per_week=size.per_week)
    triples = zip(events.rows.tolist(), events.times.tolist(), events.keys.tolist(), strict=True)
    return [
        Interaction(
            application=APPLICATION,
            time=START + timedelta(seconds=time),
            prompt=world.texts[row],
            id=f"{seed}-{number}",
            user_hash=f"u{key}",
        )
        for number, (row, time, key) in enumerate(triples)
    ]


def measure(events: Sequence[Interaction], *, seed: int, encoder: Encoder) -> Calm:
    """Replay a stream as the product would, but for the time that it learns and what it keeps.

    Of the units one in ten is kept as a sample: samples explain, and no alarm rests on them.
    """
    said = replay.run(
        events,
        encoder=encoder,
        evalset=None,
        detection=DetectionSettings(
            baseline_seconds=LEARNED_DAYS * DAY, samples_per_second=SAMPLES, seed=seed
        ),
        partitions=1,
    )
    baseline = said.baselines[0]
    scored = [r for r in said.readings if r.monitor == "change" and r.value is not None]
    first, last = scored[0], scored[-1]
    assert last.budget is not None
    return Calm(
        seed=seed,
        events=len(events),
        units=last.totals.units - first.totals.units + first.units,
        days=last.budget.days,
        learned=baseline.reference.units,
        horizon_seconds=baseline.horizon_seconds,
        cycles_found=baseline.dependence.cycles_found,
        claimed=not baseline.doubts,
        incidents=len({alert.incident for alert in said.alerts if alert.state == "firing"}),
        highest=max(reading.value or 0.0 for reading in scored),
        threshold=last.threshold or 0.0,
        pages_per_30_days=last.budget.pages_per_30_days,
    )


def section(found: list[Calm]) -> str:
    """Of the page."""
    rows = [
        [
            str(one.seed), f"{one.events:,}", f"{one.learned:,}", f"{one.units:,}", f"{one.days:.0f}",
            f"{one.horizon_seconds:,.0f} s", "yes" if one.cycles_found else "no",
            "yes" if one.claimed else "withheld", str(one.incidents),
            f"{one.highest:.1f} / {one.threshold:.1f}",
        ]
        for one in found
    ]  # fmt: skip
    header = [
        "stream", "events", "units learned from", "units watched", "days", "horizon", "cycles found",
        "promised", "incidents", "highest score / threshold",
    ]  # fmt: skip
    return f"{summary(found)}\n\n{page.table(header, rows)}"


def summary(found: list[Calm]) -> str:
    """Incidents beside what was promised, and how the highest scores lie where chance would put them."""
    units = sum(one.units for one in found)
    incidents, allowed = sum(one.incidents for one in found), sum(one.promised for one in found)
    run = 10 ** found[0].threshold
    below = sum(one.highest < np.log10(one.units / np.log(2)) for one in found)
    return (
        f"Incidents: **{incidents}**, in {len(found)} streams of {units:,} units together. The run length of "
        f"{run:,.0f} units allows {units / run:.2g}, the budget ({found[0].pages_per_30_days:.2g} pages in "
        f"30 days for this monitor) {allowed:.0f}. Were every run length exactly as promised, about half of "
        f"the streams would stay below log10(units / ln 2): {below} of {len(found)} did."
    )
