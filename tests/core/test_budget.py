from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri

from app.core.budget import (
    HYSTERESIS,
    SHORTEST_RUN,
    Account,
    look_error,
    open_account,
    poisson_interval,
    run_length,
    share,
)
from tests.rig.made import through_msgpack

POSITIVE = st.floats(1e-9, 1e9)
HOUR = 3600.0


def watched(rates: list[int], *, per_hour: int = 4) -> Account:
    """Hours at some units an hour, in buckets of a quarter of an hour, after a baseline of 36,000 an hour."""
    account = open_account(1.0, 10.0)
    for hour, units in enumerate(rates):
        for part in range(per_hour):
            account.count(units // per_hour, time=HOUR * (hour + part / per_hour), at_risk=True)
    return account


def test_one_page_a_month_is_a_month_of_units() -> None:
    assert run_length(1.0, 1.0) == 30 * 86_400


def test_busy_traffic_is_promised_no_more_pages_than_asked_for() -> None:
    assert run_length(1.0, 1000.0) == 30 * 86_400 * 1000


@given(POSITIVE, POSITIVE, POSITIVE)
def test_fewer_pages_never_mean_a_shorter_run(pages: float, more: float, rate: float) -> None:
    assert run_length(pages, rate) >= run_length(pages + more, rate) >= SHORTEST_RUN


@pytest.mark.parametrize(("pages", "rate"), [(0.0, 1.0), (1.0, 0.0), (-1.0, 1.0)])
def test_a_promise_needs_a_positive_number(pages: float, rate: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        run_length(pages, rate)


def test_the_parts_of_a_budget_add_up_to_it() -> None:
    assert 3 * 2 * share(6.0, monitors=3, segments=2) == 6.0


def test_it_follows_the_traffic_once_a_day_has_told_the_rate() -> None:
    assert watched([72_000] * 24).run_length == run_length(1.0, 10.0)  # the first hour may not be whole
    assert watched([72_000] * 26).run_length == run_length(1.0, 20.0)


def test_small_changes_of_the_rate_leave_the_run_length_alone() -> None:
    nearly = int(36_000 * HYSTERESIS) - 400
    assert watched([nearly] * 60).run_length == run_length(1.0, 10.0)


def test_a_daily_swing_is_no_change_of_the_rate() -> None:
    swinging = [36_000 + int(24_000 * np.sin(2 * np.pi * hour / 24)) // 4 * 4 for hour in range(24 * 9)]
    assert watched(swinging).units_per_second == 10.0


def test_hours_without_a_unit_count_as_such() -> None:
    account = watched([72_000, *([0] * 40)], per_hour=1)
    silent = open_account(1.0, 10.0)
    silent.count(72_000, time=0.0, at_risk=True)
    silent.count(0, time=40 * HOUR, at_risk=True)
    assert silent.hours == [0] * 24
    assert set(account.hours) == {0}


def test_it_does_not_depend_on_how_buckets_are_cut() -> None:
    rates = [36_000] * 30 + [90_000] * 60
    coarse, fine = watched(rates, per_hour=1), watched(rates, per_hour=36)
    assert fine.run_length == coarse.run_length
    assert fine.hours == coarse.hours


def test_time_in_an_alarm_promises_nothing() -> None:
    account = watched([36_000] * 4)
    before = replace(account)
    account.count(36_000, time=5 * HOUR, at_risk=False)
    assert (account.promised, account.seconds) == (before.promised, before.seconds)


def test_a_clock_that_leaps_or_goes_back_adds_no_time() -> None:
    account = watched([36_000] * 4)
    seconds = account.seconds
    account.count(1, time=0.0, at_risk=True)
    assert account.seconds == seconds
    account.count(1, time=4e9, at_risk=True)
    assert account.seconds == seconds + 86_400.0
    assert len(account.hours) <= 4 + 24


def test_the_promise_is_the_units_over_the_run_length() -> None:
    account = watched([36_000] * 48)
    assert account.promised == pytest.approx(48 * 36_000 / account.run_length)
    said = account.reading(kept=True)
    assert said.days == pytest.approx(2.0, abs=0.02)
    assert said.promised == pytest.approx(2 / 30, rel=0.01)
    assert account.reading(kept=False).promised is None


def test_another_budget_changes_the_run_length_and_not_the_past() -> None:
    account = watched([36_000] * 4)
    promised = account.promised
    account.rebudget(2.0)
    assert account.run_length == run_length(2.0, 10.0)
    assert account.promised == promised


def test_it_survives_a_snapshot() -> None:
    account = watched([72_000] * 30)
    back = msgspec.convert(through_msgpack(account), Account)
    for each in (account, back):
        each.count(500, time=31 * HOUR, at_risk=True)
    assert back == account


@pytest.mark.parametrize("expected", [0.5, 3.0, 12.0])
def test_the_interval_of_a_count_covers_what_was_expected(expected: float) -> None:
    counts = np.random.default_rng(3).poisson(expected, 2000)
    inside = [low <= expected <= high for low, high in map(poisson_interval, counts.tolist())]
    assert np.mean(inside) >= 0.94


def test_looks_at_a_moving_window_alarm_as_rarely_as_the_budget_says() -> None:
    """64 streams of 16,000 units, a look each 32 at the last 512; the run length asked for is 20,000."""
    random, window, run = np.random.default_rng(8), 512, 20_000.0
    sums = np.cumsum(random.standard_normal((64, 16_512 // 32, 32)).sum(axis=2), axis=1)
    z = (sums[:, window // 32 :] - sums[:, : -window // 32]) / np.sqrt(window)
    over = z > -ndtri(look_error(run, window))
    first = np.where(over.any(axis=1), over.argmax(axis=1) + 1, over.shape[1])
    realised = 32 * first.sum() / over.any(axis=1).sum()
    assert 0.6 * run <= realised <= 2.5 * run
