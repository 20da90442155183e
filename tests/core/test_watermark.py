import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.watermark import AHEAD_SECONDS, Watermark
from tests.rig.made import through_msgpack

TIMES = st.lists(st.floats(0, 1e6), max_size=30)


def fed(times: list[float], lateness: float = 10.0) -> tuple[Watermark, list[bool]]:
    mark = Watermark(lateness_seconds=lateness)
    return mark, [mark.admits(time) for time in times]


def test_it_is_unknown_before_the_third_event() -> None:
    assert fed([1.0, 2.0])[0].value is None
    assert fed([1.0, 2.0, 3.0])[0].value == 1.0 - 10.0


def test_what_is_older_is_late() -> None:
    assert fed([100.0, 101.0, 102.0, 90.0, 89.9])[1] == [True, True, True, True, False]


def test_single_absurd_times_never_move_it() -> None:
    times = [float(t) for t in range(200)]
    for at in range(0, 200, 20):
        times[at] = 4e9 if at % 40 else 0.0
    mark, _ = fed(times)
    assert mark.value == 197.0 - 10.0


def recorded(events: list[tuple[float, float]]) -> tuple[Watermark, list[bool]]:
    """(event time, record time) of each event."""
    mark = Watermark(lateness_seconds=10.0)
    return mark, [mark.admits(time, written) for time, written in events]


@pytest.mark.parametrize("wrong", [2 * 3600.0, 3e8])
@pytest.mark.parametrize("every", [3, 4, 10])
def test_a_client_whose_clock_is_ahead_leaves_the_others_in_time(wrong: float, every: int) -> None:
    mark, inside = recorded([(t + wrong * (t % every == 0), t + 0.5) for t in map(float, range(1, 500))])
    assert mark.value is not None
    assert mark.value <= 499.5 - 10.0
    assert all(ok for t, ok in enumerate(inside, 1) if t % every)


def test_three_wrong_clocks_in_a_row_move_nothing() -> None:
    log = [(float(t), t + 0.5) for t in range(100)]
    log[50:53] = [(4e8 + t, t + 0.5) for t in range(50, 53)]
    mark, inside = recorded(log)
    assert mark.value == 97.0 - 10.0
    assert inside == [True] * 50 + [False] * 3 + [True] * 47


def test_the_first_event_of_a_log_may_be_the_wrong_one() -> None:
    mark, inside = recorded([(4e9, 0.5), *[(float(t), t + 0.5) for t in range(1, 60)]])
    assert inside[2:] == [True] * 58
    assert mark.value == 57.0 - 10.0


def test_a_log_written_ahead_of_time_moves_on() -> None:
    """A made-up month, sent in a minute: everybody is ahead, and more so with every event."""
    mark, inside = recorded([(600.0 * t, t / 100) for t in range(4000)])
    assert all(inside)
    assert mark.value is not None
    assert mark.value > 600.0 * 3970


def test_a_log_of_old_events_is_as_without_records() -> None:
    times = [float(t) for t in range(200)]
    assert recorded([(t, 1e9) for t in times])[0].value == fed(times)[0].value


def test_a_time_days_ahead_is_outside() -> None:
    _, inside = fed([0.0, 1.0, 2.0, AHEAD_SECONDS + 1.0, 3.0])
    assert inside == [True, True, True, False, True]


def test_after_weeks_of_silence_it_catches_up() -> None:
    later = 4 * AHEAD_SECONDS
    mark, inside = fed([0.0, 1.0, 2.0, later, later + 1, later + 2, later + 3])
    assert inside[-1]
    assert mark.value == later + 1 - 10.0


@given(TIMES)
def test_it_never_falls(times: list[float]) -> None:
    mark = Watermark(lateness_seconds=10.0)
    was = float("-inf")
    for time in times:
        mark.admits(time)
        now = float("-inf") if mark.value is None else mark.value
        assert now >= was
        was = now


@given(TIMES, st.integers(0, 30))
def test_a_restored_one_has_the_same_future(times: list[float], cut: int) -> None:
    one, _ = fed(times[:cut])
    other = Watermark(lateness_seconds=10.0)
    other.restore(through_msgpack(one.snapshot()))
    assert [other.admits(t) for t in times[cut:]] == [one.admits(t) for t in times[cut:]]
    assert other.value == one.value
