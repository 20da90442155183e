"""Does int8 cost detection?  One windowed statistic on both precisions' vectors, on the same streams."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from app.adapters.transformer import TransformerEncoder
from benchmarks import contest, page, vectors, worlds
from benchmarks.contest import NULL, Plan
from benchmarks.run_lengths import Delays, delays, level_at
from benchmarks.shifts import CLEAN_UNITS, GRID, TICK, stream
from benchmarks.worlds import Traffic, World

Precision = Literal["fp32", "int8"]
SHIFTS = ("topic 20 %", "code 5 %", "jailbreak 5 %", "language 5 %", "lengthen 20 %")
WINDOW = "MMD W=500"
RUN = 10_000.0
MOST_TEXTS = 500  # of a stratum: both precisions encode every one


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """Delays of both precisions at the same realised run length, on the same streams."""

    shift: str
    full: Delays
    rough: Delays


def measure(rough: TransformerEncoder, *, quick: bool) -> list[Power]:
    """Windowed MMD, thresholds moved until each precision's clean streams alarm once in RUN units."""
    world = small(worlds.load(held=False))
    seen = vectors.encode(world)
    plan = Plan(references=2, shifted=12, null=24) if quick else Plan(references=4, shifted=16, null=32)
    found = {"fp32": paths(world, seen, plan)}
    found["int8"] = paths(world, replace(seen, meaning=rough.encode(world.texts)), plan)
    levels = {precision: level_at(found[precision][NULL], RUN, TICK) for precision in found}
    return [
        Power(
            shift=shift,
            full=delays(found["fp32"][shift], levels["fp32"], TICK, CLEAN_UNITS),
            rough=delays(found["int8"][shift], levels["int8"], TICK, CLEAN_UNITS),
        )
        for shift in SHIFTS
    ]


def small(world: World) -> World:
    """The first texts of every stratum; without what is not asked for here."""
    wanted = {shift.kind for shift in GRID if shift.name in SHIFTS}
    changes = {kind: names for kind, names in world.changes.items() if kind in wanted}
    names = {*world.base, *(name for several in changes.values() for name in several)}
    pools = {
        name: [world.texts[row] for row in rows[:MOST_TEXTS]]
        for name, rows in world.strata.items()
        if name in names
    }
    return worlds.assemble(pools, world.base, changes)


def paths(world: World, seen: vectors.Vectors, plan: Plan) -> dict[str, np.ndarray]:
    """Scores by stream, references one below the other; a function of the plan's seed and the vectors."""
    out: dict[str, list[np.ndarray]] = {}
    for number in range(plan.references):
        random = np.random.default_rng([plan.seed, number])
        reference = worlds.reference_rows(world, random, units=800)
        traffic = Traffic(world, reference)
        streams = {NULL: traffic.clean(random, (plan.null, plan.units))}
        for shift in GRID:
            if shift.name in SHIFTS:
                streams[shift.name] = stream(traffic, shift, random, plan.shifted)
        gram = contest.gram_of(seen, reference)
        for name, found in contest.windowed(gram, reference, streams, random, plan)[WINDOW].items():
            out.setdefault(name, []).append(found)
    return {name: np.concatenate(parts) for name, parts in out.items()}


def section(found: list[Power]) -> str:
    """Of the page."""
    rows = [
        [
            power.shift,
            _told(power.full),
            _told(power.rough),
            f"{power.full.mean / power.rough.mean:.2f}",
        ]
        for power in found
    ]
    ratios = [power.full.mean / power.rough.mean for power in found]
    rows.append(["geometric mean", "", "", f"{float(np.exp(np.mean(np.log(ratios)))):.2f}"])
    return "\n\n".join(
        [
            f"**Power**, mean delay in units of {WINDOW} at equal realised run length {RUN:,.0f}, on the "
            "same streams (standard error; share found)",
            page.table(["shift", "float32", "int8", "float32 over int8"], rows),
        ]
    )


def _told(one: Delays) -> str:
    return f"{one.mean:,.0f} ({one.error:,.0f}; {one.share:.0%})"
