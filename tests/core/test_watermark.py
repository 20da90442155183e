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
