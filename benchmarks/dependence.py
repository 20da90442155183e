"""Does the promised run length hold when prompts depend on each other?  Ours on units, peers on events."""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from msgspec.structs import replace

from app.core.aspects import Subject
from app.core.baseline import Baseline, BaselineSettings, learn
from app.core.fixedpoint import Floats
from app.core.units import UnitRule, Verdict, is_unit
from benchmarks import contest, page, sessions, vectors, worlds
from benchmarks.contest import NULL, Plan
from benchmarks.ours import Ours
from benchmarks.run_lengths import Paths, RunLength, realised
from benchmarks.sessions import Events
from benchmarks.shifts import TICK
from benchmarks.vector_peers import Matrix
from benchmarks.vectors import Vectors, default_bank
from benchmarks.worlds import Rows, World
from schemas.ticks import Sample

TEXT_HORIZON = 3600.0  # the product's default
PROMISE = 10_000.0
LEARNED_UNITS = 2000
WEEKS_OF_BASELINE = 2
Maker = Callable[[np.random.Generator, int], Events]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """References; streams and units of each; events are as many as they need."""

    references: int = 2
    streams: int = 16
    units: int = 12_000


QUICK = Size(references=1, streams=8, units=6000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What was found of one kind of traffic.  `doubts`: why the product promises nothing there."""

    name: str
    ours: RunLength
    references: list[RunLength]
    events_per_unit: float
    horizons: list[float]
    doubts: list[str]
    peers: dict[str, RunLength]


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Nothing of its own."""


def main(chosen: argparse.Namespace) -> None:
    """Measure, print, and write the page unless quick."""
    size = QUICK if chosen.quick else Size()
    world = worlds.load(held=not chosen.quick)
    seen = vectors.encode(world)
    text = section(measure(world, seen, size))
    sys.stdout.write(text + "\n")
    if not chosen.quick:
        page.write("dependence", text)


def measure(world: World, seen: Vectors, size: Size) -> list[Kept]:
    """Four kinds of traffic."""
    near = sessions.neighbours(world, seen)
    gram = contest.gram_of(seen, worlds.reference_rows(world, np.random.default_rng(17)))
    spacing = WEEKS_OF_BASELINE * 7 * sessions.DAY / LEARNED_UNITS
    makers: dict[str, Maker] = {
        "independent": lambda random, count: sessions.independent(world, random, count),
        "sessions and retries, complete keys": lambda random, count: sessions.sessions(
            world, near, random, count
        ),
        "the same, one session in ten without a key": lambda random, count: sessions.sessions(
            world, near, random, count, keyless=0.1
        ),
        "a swing with day and week": lambda random, count: sessions.weekly(
            world, random, count, spacing=spacing
        ),
    }
    return [one_kind(name, maker, seen, gram, size) for name, maker in makers.items()]


def one_kind(name: str, make: Maker, seen: Vectors, gram: Matrix, size: Size) -> Kept:
    """Ours learns from the traffic itself, by its own rules; peers from as many of its events."""
    paths: list[Paths] = []
    theirs: dict[str, list[Paths]] = {}
    horizons: list[float] = []
    doubts: list[str] = []
    ratio = 1.0
    for number in range(size.references):
        random = np.random.default_rng([17, number])
        trial = candidates(make(random, 3 * LEARNED_UNITS))
        ratio = max(3 * LEARNED_UNITS / max(len(trial), 1), 1.0)
        against, ratio = learned(make(random, round(8 * ratio * LEARNED_UNITS)), seen)
        horizons.append(against.horizon_seconds)
        doubts += getattr(against, "doubts", ())
        streams = [
            make(random, round(1.3 * ratio * (size.units + LEARNED_UNITS))) for _ in range(size.streams)
        ]
        units = [_units(one, against.horizon_seconds, size.units) for one in streams]
        rows, times = (np.stack(part) for part in zip(*units, strict=True))
        paths.append(Ours(against, seen).paths(rows, times))
        if number:  # peers are dear, and tell of one reference what they would of the next
            continue
        events = {NULL: np.stack([one.rows[: size.units // TICK * TICK] for one in streams])}
        reference = make(random, LEARNED_UNITS).rows
        plan = Plan(bootstrap=32, units=size.units)
        for peer, scored in contest.windowed(gram, reference, events, random, plan).items():
            theirs.setdefault(peer, []).append(scored[NULL])
        sys.stderr.write(f"{name}: reference {number}\n")
    level = float(np.log10(PROMISE))
    return Kept(
        name=name,
        ours=realised(np.concatenate(paths), level, TICK),
        references=[realised(one, level, TICK) for one in paths],
        events_per_unit=ratio,
        horizons=sorted(set(horizons)),
        doubts=sorted(set(doubts)),
        peers={peer: realised(np.concatenate(of), level, TICK) for peer, of in theirs.items()},
    )


def candidates(events: Events) -> list[Sample]:
    """What the unit rule lets through, as `measure` would send it; vectors are filled in by `learned`."""
    rule = UnitRule(text_horizon_seconds=TEXT_HORIZON)
    out = []
    triples = zip(events.rows.tolist(), events.times.tolist(), events.keys.tolist(), strict=True)
    for number, (row, time, key) in enumerate(triples):
        told = rule.admit(id=str(number), key=str(key) if key >= 0 else None, text=str(row), time=time)
        if told.verdict is Verdict.CANDIDATE:
            out.append(
                Sample(
                    id=str(number),
                    application="bench",
                    time=time,
                    ordinal=row,
                    text="",
                    wording=b"",
                    shape=b"",
                    reason="learning",
                    inclusion=1.0,
                    gap=told.gap,
                    key=told.key,
                )
            )
    return out


def learned(events: Events, seen: Vectors) -> tuple[Baseline, float]:
    """A baseline of about LEARNED_UNITS units, and how many events a unit takes."""
    found = [_with_vectors(one, seen) for one in candidates(events)]
    count = LEARNED_UNITS
    while True:
        against = learn(
            found[:count],
            subject=Subject("bench"),
            fingerprint="bench",
            settings=BaselineSettings(events=count, bank=default_bank()),
            partitions=1,
            until=found[min(count, len(found)) - 1].time,
        )
        units = against.reference.units
        if units >= 0.9 * LEARNED_UNITS or count >= len(found):
            spent = int(found[min(count, len(found)) - 1].id) + 1
            return against, spent / units
        count = min(round(1.05 * count * LEARNED_UNITS / units), len(found))


def _with_vectors(sample: Sample, seen: Vectors) -> Sample:
    row = sample.ordinal
    return replace(sample, wording=seen.wording[row].tobytes(), shape=seen.shape[row].tobytes())


def _units(events: Events, horizon: float, most: int) -> tuple[Rows, Floats]:
    """Rows of the first `most` units, in whole ticks, and the middle of each tick's time."""
    found = [one for one in candidates(events) if is_unit(one.gap, horizon)]
    if len(found) < most:
        raise ValueError(f"{len(found):,} units of {len(events.rows):,} events; {most:,} are wanted")
    kept = found[: most // TICK * TICK]
    times = np.array([one.time for one in kept]).reshape(-1, TICK).mean(axis=1)
    return np.array([one.ordinal for one in kept]), times


def section(found: list[Kept]) -> str:
    """Of the page."""
    rows = []
    for one in found:
        each = [reference.value / PROMISE for reference in one.references]
        peers = [_ratio(run) for run in one.peers.values()]
        horizon = ", ".join(f"{seconds:,.0f} s" for seconds in one.horizons)
        rows.append(
            [
                one.name,
                _ratio(one.ours),
                f"{min(each):.2f}",
                f"{one.events_per_unit:.1f}",
                horizon,
                "; ".join(one.doubts) or "yes",
                *peers,
            ]
        )
    header = [
        "traffic", "ours, in units", "worst reference", "events a unit", "horizon", "promised",
        *(f"{peer}, in events" for peer in found[0].peers),
    ]  # fmt: skip
    return page.table(header, rows)


def _ratio(run: RunLength) -> str:
    low, high = (limit / PROMISE for limit in run.interval)
    return f"{run.value / PROMISE:.3g} [{low:.2g}, {high:.2g}]"
