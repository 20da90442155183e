from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import pairwise
from unittest.mock import patch

import msgspec
import pytest

from app.core import episodes
from app.core.aspects import Subject
from app.core.baseline import BaselineSettings
from app.core.detection import Detector
from app.core.folding import Fold
from app.core.monitor import DriftMonitor
from app.core.monitor_settings import MonitorSettings
from app.core.sampling import References
from app.core.succession import Succession
from schemas.readings import Reading
from schemas.ticks import Tick
from tests.core.test_releases import deployment
from tests.rig import made
from tests.rig.made import APP, EPOCH, comparable, interactions, measured, through_msgpack

LEARNED, PLANTED_AT = 400, 800
CHANGED = {**made.USUAL, "gluten": 0.6}
LOG = (*interactions(PLANTED_AT), *interactions(320, first=PLANTED_AT, topics=CHANGED))
SETTINGS = MonitorSettings(baseline=BaselineSettings(events=LEARNED), gap_tolerance=0.1)


@pytest.fixture(autouse=True)
def quick() -> Iterator[None]:
    with made.quick_calibration():
        yield


@cache
def ticks() -> list[Tick]:
    """Sent by a station that never hears of the baseline."""
    return own(measured(LOG))


@cache
def informed() -> list[Tick]:
    """Sent by a station that knew the baseline from the start."""
    known = {APP: References(evalset=made.reference(300), baseline=made.baseline(LEARNED))}
    return own(measured(LOG, references=known))


def own(sent: Iterable[Tick]) -> list[Tick]:
    return [tick for tick in sent if tick.application == APP]


def monitor(*, adopted: bool = True) -> DriftMonitor:
    found = DriftMonitor(
        Subject(APP),
        fingerprint=made.FINGERPRINT,
        settings=SETTINGS,
        partitions=1,
        evalsets=Succession(made.reference(300)),
    )
    if adopted:
        found.adopt(made.baseline(LEARNED))
    return found


def run(
    station: DriftMonitor, received: Sequence[Tick], *, every: int = 1, final: bool = True
) -> list[Reading]:
    out: list[Reading] = []
    for number, tick in enumerate(received):
        station.receive(tick)
        if number % every == 0 and tick.watermark is not None:
            out += station.advance(tick.watermark)
    return [*out, *(station.advance(float("inf"), final=True) if final else [])]


@cache
def told() -> list[Reading]:
    with made.quick_calibration():
        return run(monitor(adopted=False), ticks())


@cache
def expected() -> list[Reading]:
    """What a monitor says that was given its baseline."""
    with made.quick_calibration():
        return comparable(run(monitor(), ticks()))


def changes(readings: Sequence[Reading]) -> list[Reading]:
    return [r for r in readings if r.monitor == "change" and r.state != "learning"]


def test_it_learns_then_is_quiet_then_finds_the_planted_topic() -> None:
    states = [r.state for r in told() if r.monitor == "change" and r.state != "pending"]
    order = ["learning", "ok", "alarm"]
    assert [s for s, following in pairwise([*states, ""]) if s != following] == order
    assert not any(r.time.timestamp() < EPOCH + PLANTED_AT for r in changes(told()) if r.state != "ok")


def test_the_alarm_says_what_when_and_how_much() -> None:
    alarm = next(r for r in told() if r.state == "alarm" and r.monitor == "change")
    assert alarm.onset_at is not None
    assert alarm.detected_at is not None
    assert abs(alarm.onset_at.timestamp() - (EPOCH + PLANTED_AT)) <= 80  # two windows and a bit
    assert alarm.onset_at <= alarm.detected_at <= alarm.time
    assert any(c.new and "gluten" in " ".join(c.examples) for c in alarm.clusters)
    grown = [r for r in told() if r.state == "alarm" and r.monitor == "change"][-1]
    assert grown.effect is not None
    assert grown.effect.low > 0


def test_the_baseline_is_the_first_events_exactly() -> None:
    station = monitor(adopted=False)
    run(station, ticks()[:10], final=False)
    assert station.baseline is not None
    assert station.baseline.reference.id == made.baseline(LEARNED).reference.id
    last = next(r for r in told() if r.progress == 1.0)
    assert last.units == LEARNED
    assert last.time.timestamp() == EPOCH + LEARNED - 1


def test_progress_of_learning_is_told_in_steps() -> None:
    learning = [r.progress for r in told() if r.state == "learning"]
    assert learning == sorted(p or 0.0 for p in learning)
    assert learning[-1] == 1.0
    assert 3 <= len(learning) <= 11


def test_with_too_few_units_learning_goes_on_with_a_note() -> None:
    station = monitor(adopted=False)
    repeated = [msgspec.structs.replace(e, prompt="one text") for e in interactions(LEARNED)]
    received = [t for t in measured(repeated) if t.application == APP]
    readings = run(station, received)
    assert station.baseline is None
    assert readings[-1].state == "learning"
    assert "at least 100 are needed" in (readings[-1].note or "")


@pytest.mark.parametrize("every", [5, 1000])
def test_portions_do_not_matter(every: int) -> None:
    assert comparable(run(monitor(), ticks(), every=every)) == expected()


def test_learned_here_or_adopted_it_says_the_same() -> None:
    assert comparable(told())[1:] == expected()


def test_units_sent_whole_or_summed_it_says_the_same() -> None:
    assert comparable(run(monitor(), informed())) == expected()


def test_a_tick_delivered_again_changes_nothing() -> None:
    doubled = [t for a, b in pairwise(informed()) for t in (a, b, a)]
    assert comparable(run(monitor(), doubled, every=3)) == expected()


def test_a_partial_reading_disturbs_nothing() -> None:
    disturbed = monitor()
    found: list[Reading] = []
    for tick in informed():
        disturbed.receive(tick)
        found += disturbed.advance(tick.watermark or 0.0)
        partial = disturbed.advance(0.0, final=True)  # nothing more is closed: only the open window is told
        assert all(r.note == "partial window" for r in partial)
    assert comparable(found) == comparable(run(monitor(), informed(), final=False))


def test_an_end_of_the_input_that_was_none_does_not_confirm_what_was_pending() -> None:
    """Idle traffic is told as if it were over; if it goes on, the episode still waits for its evidence."""
    disturbed, asked = monitor(), 0
    found: list[Reading] = []
    with patch.object(episodes, "explain_recent", return_value=None):  # patience alone confirms
        for tick in informed():
            disturbed.receive(tick)
            fresh = disturbed.advance(tick.watermark or 0.0)
            partial = [r for r in disturbed.advance(0.0, final=True) if r.monitor == "change"]
            if changes(fresh) and changes(fresh)[-1].state == "pending":
                assert partial[0].state == "alarm"  # what is asked for now is answered with what there is
                asked += 1
            found += fresh
        assert comparable(found) == comparable(run(monitor(), informed(), final=False))
    assert asked


@pytest.mark.parametrize("every", [1, 3, 7])
def test_an_end_of_the_input_that_was_none_loses_no_unit_and_tells_none_twice(every: int) -> None:
    total = Fold()
    with patch.object(Detector, "update", lambda self, fold, time: total.merge(fold)):
        station = monitor()
        for number, tick in enumerate(informed()):
            station.receive(tick)
            station.advance(tick.watermark or 0.0, final=number % every == 0)
            if number % 5 == 0:
                saved = through_msgpack(station.snapshot())
                station = monitor()
                station.restore(saved)
        ids = [r.id for r in station.advance(float("inf"), final=True)]
    assert total.units == len(LOG) - LEARNED
    assert (total.first_offset, total.last_offset) == (LEARNED, len(LOG) - 1)
    assert len(set(ids)) == len(ids)


def test_the_end_of_the_input_tells_what_is_left() -> None:
    readings = run(monitor(), informed())
    last = [r for r in readings if r.note is not None]
    assert {r.monitor for r in last} == {"change", "gap"}
    assert last[0].offsets[-1].last == len(LOG) - 1
    assert last[0].totals.events == len(LOG)


def test_every_reading_has_an_id_of_its_own() -> None:
    ids = [r.id for r in told()]
    assert len(set(ids)) == len(ids)


def test_sums_about_another_eval_set_say_nothing_of_this_one() -> None:
    foreign = {APP: References(evalset=made.reference(200, seed=4), baseline=made.baseline(LEARNED))}
    received = [t for t in measured(LOG[:PLANTED_AT], references=foreign) if t.application == APP]
    readings = run(monitor(), received)
    assert changes(readings)
    assert all(r.uncovered is None for r in readings)
    assert {r.state for r in readings if r.monitor == "gap"} == {"unknown"}


def test_the_gap_is_told_beside_the_change() -> None:
    gaps = [r for r in told() if r.monitor == "gap"]
    assert len(gaps) == len(changes(told()))
    early, late = gaps[2], gaps[-1]
    assert early.uncovered is not None
    assert late.uncovered is not None
    assert late.uncovered.share > early.uncovered.share + 0.2
    assert (early.state, late.state) == ("ok", "alarm")


def test_the_release_before_the_onset_is_named() -> None:
    station = monitor()
    station.deployed(deployment("v2", PLANTED_AT - 60.0))
    alarm = next(r for r in run(station, informed()) if r.state == "alarm" and r.monitor == "change")
    assert alarm.deployment == "v2"


def test_with_nothing_received_it_has_nothing_to_say() -> None:
    assert monitor().advance(1e9) == []
    assert monitor().advance(float("inf"), final=True) == []
    assert monitor(adopted=False).advance(float("inf"), final=True) == []


def test_an_absurd_time_does_not_close_the_future() -> None:
    far = msgspec.structs.replace(LOG[-1], id="far", time=LOG[0].time.replace(year=2099), prompt="far away")
    log = [*LOG[:PLANTED_AT], far]
    first = [t for t in measured([far, *log[:-1]]) if t.application == APP]
    station = monitor()
    for tick in first:
        station.receive(tick)
    station.advance(EPOCH + PLANTED_AT + 86_400.0, final=True)
    later = measured(LOG[PLANTED_AT : PLANTED_AT + 200])
    moved = [msgspec.structs.replace(t, block_start=t.block_start + 832, up_to=t.up_to + 832) for t in later]
    after = run(station, [t for t in moved if t.application == APP], final=False)
    assert sum(r.monitor == "change" for r in after) >= 4
    assert max(r.time for r in after).year == 2026
