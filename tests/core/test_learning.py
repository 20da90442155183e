import msgspec
import pytest

from app.core import learning
from app.core.aspects import Subject
from app.core.baseline import BaselineSettings
from app.core.learning import Learner, place_of_run
from app.core.ticks import TickBook
from tests.rig import made
from tests.rig.made import APP, FINGERPRINT, interactions, measured, through_msgpack


def learner(events: int = 150, seconds: float | None = None) -> Learner:
    chosen = BaselineSettings(events=events, seconds=seconds)
    return Learner(Subject(APP), fingerprint=FINGERPRINT, settings=chosen, partitions=1)


def book(count: int = 400) -> TickBook:
    return made.book_of(measured(interactions(count)))


@pytest.fixture(autouse=True)
def quick() -> object:
    with made.quick_calibration(streams=8, length=800):
        yield


def test_it_learns_from_exactly_the_first_events() -> None:
    station, held = learner(), book()
    station.count(held, made.EPOCH + 300)
    learned = station.try_learn(held)
    assert learned is not None
    assert learned.reference.rows.texts == tuple(e.prompt for e in interactions(400)[:150])
    assert learned.reference.window == (made.EPOCH, made.EPOCH + 149)
    assert [s.ordinal for s in held.samples_until(made.EPOCH + 152)] == [150, 151, 152]


def test_portions_do_not_matter() -> None:
    station, held = learner(), book()
    ids = set()
    for before in (10.0, 70.0, 149.5, 150.0):
        station.count(held, made.EPOCH + before)
    learned = station.try_learn(held)
    assert learned is not None
    ids.add(learned.reference.id)
    whole, other = learner(), book()
    whole.count(other, made.EPOCH + 400)
    again = whole.try_learn(other)
    assert again is not None
    assert ids == {again.reference.id}


def test_before_enough_events_there_is_progress_and_no_baseline() -> None:
    station, held = learner(), book()
    assert (station.progress, station.latest) == (0.0, None)
    station.count(held, made.EPOCH + 75)
    assert station.try_learn(held) is None
    assert station.progress == pytest.approx(0.5)
    assert station.latest == made.EPOCH + 74
    assert station.units == 75


def test_events_without_a_unit_count_as_events() -> None:
    same = [msgspec.structs.replace(e, prompt="the same") for e in interactions(40)]
    events = [*same, *interactions(200, first=40)]
    held, station = made.book_of(measured(events)), learner()
    station.count(held, made.EPOCH + 300)
    learned = station.try_learn(held)
    assert learned is not None
    assert learned.reference.units == 150 - 39
    assert learned.reference.window == (made.EPOCH, made.EPOCH + 149)


def test_with_too_few_units_it_goes_on_and_says_so() -> None:
    station, held = learner(events=60), book(80)
    station.count(held, made.EPOCH + 80)
    assert station.try_learn(held) is None
    assert station.note is not None
    assert "at least 100 are needed" in station.note
    assert "learning goes on" in station.note
    made.book_of(measured(interactions(400)), held)
    station.count(held, made.EPOCH + 400)
    learned = station.try_learn(held)
    assert learned is not None
    assert learned.reference.units >= 100


def test_a_stretch_of_time_may_be_asked_for_instead() -> None:
    station, held = learner(seconds=120.0), book()
    station.count(held, made.EPOCH + 100)
    assert station.try_learn(held) is None
    assert station.progress == pytest.approx(99 / 120)
    station.count(held, made.EPOCH + 400)
    learned = station.try_learn(held)
    assert learned is not None
    assert learned.reference.units == 121
    assert learned.reference.window == (made.EPOCH, made.EPOCH + 120)


@pytest.mark.parametrize("portion", [1.0, 400.0])
@pytest.mark.parametrize("years", [(16,), (16, 2), (1, 1)])
def test_a_span_of_time_begins_where_traffic_does_and_not_at_a_clock_years_behind(
    years: tuple[int, ...], portion: float
) -> None:
    log = interactions(400)
    for i, behind in enumerate(years):
        log[i] = msgspec.structs.replace(log[i], time=log[i].time.replace(year=log[i].time.year - behind))
    station, held = learner(seconds=120.0), made.book_of(measured(log))
    for step in range(int(400 / portion) + 1):
        station.count(held, made.EPOCH + step * portion)
        learned = station.try_learn(held)
        if learned is not None:
            break
    assert learned is not None
    first = made.EPOCH + len(years)
    assert learned.reference.window == (first, first + 120)
    assert 121 - 2 <= learned.reference.units <= 121  # the watermark leaves some out after such a clock
    assert learned.units_per_second == pytest.approx(1.0, rel=0.05)


def test_traffic_that_is_sparse_for_its_span_is_learned_all_the_same() -> None:
    station, held = learner(seconds=60.0), made.book_of(measured(interactions(400, seconds=90.0)))
    station.count(held, made.EPOCH + 10 * 90)
    assert station.try_learn(held) is None
    assert station.progress == 0.0
    station.count(held, made.EPOCH + 400 * 90)
    learned = station.try_learn(held)
    assert learned is not None
    assert learned.reference.window is not None
    assert learned.reference.window[0] == made.EPOCH
    assert 100 <= learned.reference.units <= 150


def test_a_restored_learner_learns_the_same() -> None:
    station, held = learner(events=60), book()
    station.count(held, made.EPOCH + 80)
    station.try_learn(held)
    other, copy = learner(events=60), TickBook()
    other.restore(through_msgpack(station.snapshot()))
    copy.restore(through_msgpack(held.snapshot()))
    assert other.note == station.note
    ids = []
    for one, its in ((station, held), (other, copy)):
        one.count(its, made.EPOCH + 400)
        learned = one.try_learn(its)
        assert learned is not None
        ids.append((learned.reference.id, one.progress))
    assert ids[0] == ids[1]


@pytest.mark.parametrize("portion", [37.0, 1000.0])
def test_of_more_units_than_a_baseline_needs_whole_runs_are_kept_whatever_the_portions(
    portion: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning, "MOST_UNITS", 240)
    monkeypatch.setattr(learning, "RUN", 20)
    station, held, most = learner(seconds=799.5), book(900), 0
    for step in range(1, int(1000 / portion) + 2):
        station.count(held, made.EPOCH + min(step * portion, 900.0))
        most = max(most, len(held.samples_until(made.EPOCH + min(step * portion, 799.5))))
        state = through_msgpack(station.snapshot())
        assert len(state["times"]) <= learning.HEAD + 1
        station = learner(seconds=799.5)
        station.restore(state)
    learned = station.try_learn(held)
    assert learned is not None
    assert most <= 240 + 1
    kept = [i for i in range(800) if place_of_run(i // 20) < state["share"]]
    assert 100 <= len(kept) <= 240
    assert state["share"] < 1.0
    prompts = [event.prompt for event in interactions(900)]
    assert learned.reference.rows.texts == tuple(prompts[i] for i in kept)
    assert learned.units_per_second == pytest.approx(1.0, rel=0.35)  # of all units, not of those kept
    assert station.units == 900
    assert len(held.samples_until(made.EPOCH + 900)) == 100  # what came after is all there
