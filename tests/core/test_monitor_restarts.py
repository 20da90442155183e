"""`core/monitor.py` over restarts and over baselines that take the place of one another."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from app.core.measurement import Measurer
from app.core.sampling import References
from tests.core.test_monitor import (
    CHANGED,
    LEARNED,
    LOG,
    PLANTED_AT,
    changes,
    expected,
    monitor,
    own,
    run,
    ticks,
)
from tests.rig import made
from tests.rig.made import APP, comparable, feed, interactions, through_msgpack


@pytest.fixture(autouse=True)
def quick() -> Iterator[None]:
    with made.quick_calibration():
        yield


@pytest.mark.parametrize("cut", [3, 9, 15, 17])
def test_a_restored_monitor_says_the_same(cut: int) -> None:
    """Restored while learning, quiet, and in an episode; the baseline is adopted first, as the agent does."""
    with made.quick_calibration(streams=16, length=1600):
        station = monitor(adopted=False)
        run(station, ticks()[:cut], final=False)
        other = monitor(adopted=False)
        if station.baseline is not None:
            other.adopt(station.baseline)
        other.restore(through_msgpack(station.snapshot()))
        assert through_msgpack(other.snapshot()) == through_msgpack(station.snapshot())
        rest = [run(s, ticks()[cut:]) for s in (station, other)]
    assert rest[0] == rest[1]
    assert rest[0][-1].monitor == "gap"


def test_a_snapshot_from_before_the_baseline_goes_on_with_the_one_that_was_published() -> None:
    station = monitor(adopted=False)
    run(station, ticks()[:3], final=False)
    snapshot = through_msgpack(station.snapshot())
    other = monitor()
    other.restore(snapshot)
    assert comparable(run(other, ticks()[3:])) == expected()


@pytest.mark.parametrize("cut", [3, 19])
def test_with_a_baseline_a_snapshot_holds_no_times_that_were_learned_from(cut: int) -> None:
    """Whether it was learned here, or elsewhere while this one was still learning."""
    station = monitor(adopted=False)
    run(station, ticks()[:cut], final=False)
    if station.baseline is None:
        assert station.snapshot()["learner"]["times"]
        other = monitor()
        other.restore(through_msgpack(station.snapshot()))
        run(other, ticks()[cut:], final=False)
        station = other
    assert station.snapshot()["learner"]["times"] == []


def test_a_snapshot_without_its_baseline_is_refused() -> None:
    with pytest.raises(ValueError, match="needs baseline"):
        monitor(adopted=False).restore(through_msgpack(monitor().snapshot()))


def test_what_was_measured_against_another_baseline_is_dropped() -> None:
    station, other = monitor(), monitor(adopted=False)
    run(station, ticks(), final=False)
    other.adopt(made.baseline(LEARNED, seed=1))
    other.restore(through_msgpack(station.snapshot()))
    assert station.advance(0.0, final=True)
    assert other.advance(0.0, final=True) == []


@pytest.mark.parametrize("restarts", [False, True])
def test_with_a_renewed_baseline_what_was_drift_is_normal(restarts: bool) -> None:
    """Its buckets are longer; measuring hears of it a while after detecting."""
    log = (*LOG, *interactions(900, first=len(LOG), topics=CHANGED))
    known = {APP: References(baseline=made.baseline(LEARNED))}
    measurer, station = Measurer(partition=0, partitions=1, settings=made.SETTINGS), monitor()
    before = run(station, own(feed(measurer, LOG, references=known)), final=False)
    assert changes(before)[-1].state == "alarm"
    renewed = made.learned(LOG[PLANTED_AT:])
    renewed = replace(renewed, reference=replace(renewed.reference, tick_seconds=5.0))
    if restarts:
        saved, station = station.snapshot(), monitor(adopted=False)
        station.adopt(renewed)
        station.restore(through_msgpack(saved))
    station.renew(renewed)
    heard = len(LOG) + 64
    received = list(feed(measurer, log[len(LOG) : heard], references=known, offset=len(LOG)))
    known[APP] = References(baseline=renewed)
    received += feed(measurer, log[heard:], references=known, offset=heard)
    after = changes(run(station, own(received)))
    assert {r.reference for r in after} == {renewed.reference.id}
    assert {r.state for r in after} == {"ok"}
    assert after[-1].totals.events == len(log)
    assert sum(o.last - o.first + 1 for r in after if r.note is None for o in r.offsets) > 0.8 * (
        len(log) - heard
    )
    assert not {r.id for r in after} & {r.id for r in before}
