"""Sessions and retries: with complete keys the promise holds; with events counted as units it does not."""

from functools import cache

import numpy as np
import pytest

from app.core.aspects import Subject
from app.core.baseline import Baseline, BaselineSettings, learn
from app.core.fixedpoint import WORDING_SCALE
from app.core.units import is_unit
from benchmarks import dependence, sessions
from benchmarks.ours import Ours
from benchmarks.run_lengths import RunLength, realised
from benchmarks.sessions import Events
from benchmarks.shifts import TICK
from benchmarks.vectors import Vectors
from benchmarks.worlds import Rows, World, assemble
from tests.statistical.test_run_length import draw

pytestmark = pytest.mark.statistical
TEXTS, LEARNED, STREAMS, UNITS, PROMISE = 4000, 5000, 16, 3000, 1000.0


@cache
def population() -> tuple[World, Vectors, Rows]:
    """Made-up texts, what is seen of them, and the neighbours on whose subject a session stays."""
    units = draw(np.random.default_rng(40), TEXTS)
    meaning = units.wording.astype(np.float32) / np.float32(WORDING_SCALE)
    world = assemble({"all": [str(number) for number in range(TEXTS)]}, {"all": 1.0}, {})
    seen = Vectors(wording=units.wording, shape=units.shape, meaning=meaning)
    return world, seen, sessions.neighbours(world, seen)


def traffic(seed: int, count: int) -> Events:
    world, _, near = population()
    return sessions.sessions(world, near, np.random.default_rng([41, seed]), count)


@cache
def learned() -> Baseline:
    found = [dependence._with_vectors(s, population()[1]) for s in dependence.candidates(traffic(0, LEARNED))]
    return learn(
        found,
        subject=Subject("made"),
        fingerprint="made",
        settings=BaselineSettings(seed=1),
        partitions=1,
        until=found[-1].time,
    )


def run_length(streams: list[Rows]) -> RunLength:
    rows = np.stack([one[: UNITS // TICK * TICK] for one in streams])
    return realised(Ours(learned(), population()[1]).paths(rows), float(np.log10(PROMISE)), TICK)


def test_one_unit_a_session_keeps_the_run_length_that_events_do_not() -> None:
    """The 95 % interval of realised over promised must reach 0.5; events counted as units stay below 0.2."""
    found = learned()
    events = [traffic(1 + number, 6 * UNITS) for number in range(STREAMS)]
    units = [
        np.array([c.ordinal for c in dependence.candidates(one) if is_unit(c.gap, found.horizon_seconds)])
        for one in events
    ]
    with_rule, without = run_length(units), run_length([one.rows for one in events])
    low, high = (limit / PROMISE for limit in with_rule.interval)
    print(
        f"horizon {found.horizon_seconds:.0f} s, inflation {found.dependence.inflation:.2f}; realised over "
        f"promised {with_rule.value / PROMISE:.2f} [{low:.2f}, {high:.2f}] in units, "
        f"{without.value / PROMISE:.3f} in events"
    )
    assert found.horizon_seconds > 0
    assert not found.doubts
    assert high >= 0.5
    assert without.value < 0.2 * PROMISE
