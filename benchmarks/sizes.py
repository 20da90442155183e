"""What a small reference costs: run length and delay of the detector by the number of units learned from."""

import argparse
import sys
from dataclasses import dataclass

import numpy as np

from benchmarks import page, vectors, worlds
from benchmarks.contest import NULL
from benchmarks.ours import Ours, learn
from benchmarks.power_tables import PROMISED, TARGET
from benchmarks.run_lengths import Delays, Paths, RunLength, delays, realised
from benchmarks.shifts import CLEAN_UNITS, GRID, TICK, stream
from benchmarks.vectors import Vectors, default_bank
from benchmarks.worlds import Traffic, World

SIZES = (100, 200, 400, 800, 1600)
SHOWN = ("code 10 %", "terse 20 %", "language 5 %")


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """References of each size; streams of each."""

    references: int = 4
    null: int = 16
    shifted: int = 8
    units: int = 12_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What references of one size do; `delays` at the threshold that promises 10,000."""

    units: int
    scales: int
    pooled: RunLength
    each: list[RunLength]
    delays: dict[str, Delays]


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Nothing of its own."""


def main(chosen: argparse.Namespace) -> None:
    """Measure, print, and write the page unless quick."""
    world = worlds.load(held=not chosen.quick)
    seen = vectors.encode(world)
    size = Size(references=1, null=4, shifted=4) if chosen.quick else Size()
    found = []
    for units in SIZES:
        found.append(of_size(world, seen, units, size))
        sys.stderr.write(f"{units} units: {found[-1].pooled}\n")
    text = table(found)
    sys.stdout.write(text + "\n")
    if not chosen.quick:
        page.write("sizes", text)


def of_size(world: World, seen: Vectors, units: int, size: Size) -> Found:
    """Several references of so many units, streams against each."""
    paths: dict[str, list[Paths]] = {name: [] for name in (NULL, *SHOWN)}
    scales = 0
    for number in range(size.references):
        random = np.random.default_rng([29, units, number])
        reference = worlds.reference_rows(world, random, units)
        traffic = Traffic(world, reference)
        detector = Ours(learn(seen, reference, seed=number, bank=default_bank()), seen)
        scales = len(detector.baseline.calibration.decays)
        paths[NULL].append(detector.paths(traffic.clean(random, (size.null, size.units))))
        for shift in GRID:
            if shift.name in SHOWN:
                paths[shift.name].append(detector.paths(stream(traffic, shift, random, size.shifted)))
    return Found(
        units=units,
        scales=scales,
        pooled=realised(np.concatenate(paths[NULL]), PROMISED, TICK),
        each=[realised(one, PROMISED, TICK) for one in paths[NULL]],
        delays={name: delays(np.concatenate(paths[name]), PROMISED, TICK, CLEAN_UNITS) for name in SHOWN},
    )


def table(found: list[Found]) -> str:
    """Of the page."""
    rows = []
    for one in found:
        low, high = (limit / TARGET for limit in one.pooled.interval)
        each = [run.value / TARGET for run in one.each]
        rows.append(
            [
                f"{one.units:,}",
                str(one.scales),
                f"{one.pooled.value / TARGET:.2f} [{low:.2f}, {high:.2f}]",
                f"{min(each):.2f} to {max(each):.2f}",
                *map(_delay, one.delays.values()),
            ]
        )
    header = [
        "units", "scales", "realised / promised run length", "worst to best reference",
        *(f"{name}, median delay" for name in SHOWN),
    ]  # fmt: skip
    return page.table(header, rows)


def _delay(one: Delays) -> str:
    return f"{one.median:,.0f}" + ("" if one.share > 0.995 else f" ({one.share:.0%})")
