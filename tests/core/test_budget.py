import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.budget import LONGEST_RUN, SHORTEST_RUN, run_length

POSITIVE = st.floats(1e-9, 1e9)


def test_one_page_a_month_is_a_month_of_units() -> None:
    assert run_length(1.0, 1.0) == 30 * 86_400


@given(POSITIVE, POSITIVE)
def test_it_stays_where_calibration_can_follow(pages: float, rate: float) -> None:
    assert SHORTEST_RUN <= run_length(pages, rate) <= LONGEST_RUN


@given(POSITIVE, POSITIVE, POSITIVE)
def test_fewer_pages_never_mean_a_shorter_run(pages: float, more: float, rate: float) -> None:
    assert run_length(pages, rate) >= run_length(pages + more, rate)


@pytest.mark.parametrize(("pages", "rate"), [(0.0, 1.0), (1.0, 0.0), (-1.0, 1.0)])
def test_a_promise_needs_a_positive_number(pages: float, rate: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        run_length(pages, rate)
