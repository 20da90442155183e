from collections.abc import Iterator, Sequence
from functools import cache

import pytest

from app.core.aspects import Subject
from app.core.baseline import Baseline, BaselineSettings
from app.core.incidents import Incidents
from app.core.measurement import Measurer
from app.core.monitor import DriftMonitor
from app.core.monitor_settings import MonitorSettings
from app.core.reference import Reference, build
from app.core.sampling import References
from app.core.succession import LOOKS, SHORTEST_SECONDS, Succession
from schemas.readings import Reading
from schemas.ticks import Tick
from tests.rig import made
from tests.rig.made import APP, EPOCH, comparable, feed, interactions, through_msgpack

LEARNED, END = 400, 1500
SINCE = EPOCH + 640.0
LIVE = {**made.USUAL, "gluten": 0.6}  # the old eval set knows nothing of gluten, the new one does
LOG = interactions(END, topics=LIVE)
SETTINGS = MonitorSettings(baseline=BaselineSettings(events=LEARNED), gap_tolerance=0.1)


@pytest.fixture(autouse=True, scope="module")
def quick() -> Iterator[None]:
    with made.quick_calibration():
        yield


@cache
def new() -> Reference:
    rows = made.rows(600, seed=7, topics=LIVE)
    return build(rows, application=APP, kind="evalset", fingerprint=made.FINGERPRINT)


@cache
def baseline() -> Baseline:
    return made.learned(interactions(LEARNED, topics=LIVE))


def old() -> Reference:
    return made.reference(300)


def dual() -> References:
    return References(evalset=new(), before=Succession(old()), since=SINCE, baseline=baseline())


@cache
def ticks(*, promoted: bool = True) -> list[Tick]:
    known = dual() if promoted else References(evalset=old(), baseline=baseline())
    return [t for t in made.measured(LOG, references={APP: known}) if t.application == APP]


def monitor(evalsets: Succession) -> DriftMonitor:
    found = DriftMonitor(
        Subject(APP), fingerprint=made.FINGERPRINT, settings=SETTINGS, partitions=1, evalsets=evalsets
    )
    found.adopt(baseline())
    return found


def run(station: DriftMonitor, received: Sequence[Tick]) -> list[Reading]:
    out: list[Reading] = []
    for tick in received:
        station.receive(tick)
        out += station.advance(tick.watermark or 0.0)
    return out


@cache
def told() -> list[Reading]:
    return run(monitor(dual().evalsets), ticks())


def test_the_gap_is_told_against_the_one_before_until_a_whole_look_was_measured_against_the_new_one() -> None:
    gaps = [r for r in told() if r.monitor == "gap"]
    assert [r.evalset for r in gaps] == sorted((r.evalset for r in gaps), key=lambda e: e == new().id)
    first = next(r for r in gaps if r.evalset == new().id)
    assert 512 <= first.time.timestamp() - SINCE < 512 + 96
    assert first.units >= 512
    assert first.window_start is not None
    assert first.window_start.timestamp() >= SINCE - 32
    waiting = [r.note for r in gaps if r.note]
    assert {r.time.timestamp() > SINCE for r in gaps if r.note} == {True}
    assert len(waiting) == len([r for r in gaps if r.evalset == old().id and r.time.timestamp() > SINCE])
    assert f"{new().id} takes over when" in waiting[-1]
    assert {r.state for r in gaps if r.note} == {"alarm"}
    assert {r.state for r in gaps if r.evalset == new().id} == {"ok"}


def test_a_promotion_raises_no_alarm_and_ends_the_open_incident_of_the_gap() -> None:
    incidents = Incidents(SETTINGS.rules)
    said = [(a.transition, a.monitor) for r in told() for a in incidents.decide(r)]
    assert said == [("opened", "gap"), ("escalated", "gap"), ("resolved", "gap")]


def test_the_detector_of_change_is_not_disturbed() -> None:
    plain = run(monitor(Succession(old())), ticks(promoted=False))

    def changes(readings: Sequence[Reading]) -> list[tuple[str, float | None, object]]:
        return [(r.id, r.value, r.effect) for r in readings if r.monitor == "change"]

    assert changes(told()) == changes(plain)


def test_units_sent_whole_summed_or_told_before_a_crash_say_the_same() -> None:
    whole = [t for t in made.measured(LOG) if t.application == APP]
    assert comparable(run(monitor(dual().evalsets), whole)) == comparable(told())
    first, second = monitor(dual().evalsets), monitor(dual().evalsets)
    said = run(first, ticks()[:13])
    second.restore(through_msgpack(first.snapshot()))
    assert said + run(second, ticks()[13:]) == told()


def test_workers_that_hear_of_it_at_different_times_measure_alike_if_they_hear_before_it_begins() -> None:
    measurer = Measurer(partition=0, partitions=1, settings=made.SETTINGS)
    before = {APP: References(evalset=old(), baseline=baseline())}
    late = list(feed(measurer, LOG[:600], references=before))
    late += feed(measurer, LOG[600:], references={APP: dual()}, offset=600)
    assert made.newest(late) == made.newest(ticks())


def test_a_version_that_is_soon_taken_back_leaves_no_gap_without_a_judgement() -> None:
    """The old one went on being measured all along: an open incident stays what it is."""
    promoted = Succession(new(), SINCE, Succession(old()))
    back = References(evalset=old(), before=promoted, since=SINCE + 100, baseline=baseline())
    received = [t for t in made.measured(LOG[:1000], references={APP: back}) if t.application == APP]
    gaps = [r for r in run(monitor(back.evalsets), received) if r.monitor == "gap"]
    assert {r.evalset for r in gaps} == {old().id}
    assert {r.state for r in gaps[3:]} == {"alarm"}


def test_without_the_one_before_the_gap_is_unknown_until_a_whole_look_was_measured() -> None:
    """Its records may be compacted away: half a look is no reason for an alarm, and none for relief."""
    gaps = [r for r in run(monitor(Succession(new(), SINCE)), ticks()) if r.monitor == "gap"]
    assert {r.state for r in gaps if r.time.timestamp() < SINCE + 500} == {"unknown"}
    assert (gaps[-1].state, gaps[-1].note) == ("ok", None)
    assert "were measured against this eval set" in (gaps[8].note or "")


def test_the_one_before_is_measured_for_some_looks_more_and_no_longer() -> None:
    rate = 0.1
    overlap = LOOKS * 512 / rate
    found = Succession(new(), SINCE, Succession(old()))
    assert found.at(SINCE - 1, rate) == (old(),)
    assert found.at(SINCE, rate) == (new(), old())
    assert found.at(SINCE + overlap, rate) == (new(),)
    assert found.at(SINCE + SHORTEST_SECONDS - 1, 1e6) == (new(), old())
    assert Succession(new()).at(0.0, rate) == (new(),)
    assert Succession(new(), None, Succession(old())).at(0.0, rate) == (new(),)
    assert Succession(new(), SINCE).at(0.0, rate) == ()
    assert Succession().at(0.0, rate) == ()


def test_what_is_published_again_changes_nothing_and_a_version_taken_back_follows_its_follower() -> None:
    found = Succession(old()).followed_by(new(), SINCE)
    assert found == Succession(new(), SINCE, Succession(old()))
    assert found.followed_by(new(), SINCE + 9) is found
    back = found.followed_by(old(), SINCE + 9)
    assert back == Succession(old(), SINCE + 9, found)
    assert [back.at(SINCE + after, 1.0) for after in (-1, 1, 10)] == [
        (old(),),
        (new(), old()),
        (old(), new()),
    ]
    third = back.followed_by(new(), SINCE + 99)
    assert third.before == Succession(old(), SINCE + 9, Succession(new(), SINCE))  # three are held


def test_the_first_of_an_application_follows_the_one_that_serves_everyone() -> None:
    everyone = Succession(old())
    assert Succession().after(everyone) is everyone
    assert Succession(new(), SINCE).after(everyone) == Succession(new(), SINCE, everyone)
    assert Succession(new()).after(everyone) == Succession(new())
