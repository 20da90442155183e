import numpy as np
import pytest

from app.core.comparison import FEWEST, Tally, compare, estimate, mismatch_p, outcomes_needed

RNG = np.random.default_rng


def tally(rate: float, count: int, seed: int, *, per_user: int = 1) -> Tally:
    rng, out = RNG(seed), Tally()
    for user in range(count // per_user):
        value = float(rng.random() < rate)
        for _ in range(per_user):
            out.update(int(rng.integers(2**60)) if per_user == 1 else 7919 * user, value)
    return out


def test_nothing_is_said_of_a_few_outcomes() -> None:
    assert compare(tally(0.8, FEWEST - 1, 1), tally(0.8, 1000, 2)) is None


def of_users(users: int, seed: int, *, count: int = 1500) -> Tally:
    rng, out = RNG(seed), Tally()
    for _ in range(count):
        out.update(7919 * int(rng.integers(users)), float(rng.random() < 0.8))
    return out


@pytest.mark.parametrize("users", [1, 2, 3, 15])
def test_nothing_is_said_of_a_few_users(users: int) -> None:
    few, many = of_users(users, 1), of_users(1000, 2)

    assert (compare(few, many), compare(many, few), compare(few, few), estimate(few)) == (None,) * 4
    assert few.lack == f"outcomes of users who weigh like {int(few.users)} (it takes 20)"


def test_many_users_of_whom_one_speaks_for_most_are_few() -> None:
    loud = of_users(1000, 1)
    for _ in range(1500):
        loud.update(0, 1.0)

    assert loud.users < 5
    assert estimate(loud) is None


def test_groups_without_outcomes_do_not_narrow_an_interval() -> None:
    few = of_users(30, 1)
    rates = few.sums[few.counts > 0] / few.counts[few.counts > 0]

    assert np.count_nonzero(few.counts) == 30
    assert few.adjusted(0.0, 0.0)[1] == pytest.approx(float(rates.var(ddof=1)) / 30, rel=0.1)
    assert few.adjusted(0.0, 0.0)[1] == pytest.approx(
        float(np.square(few.sums - few.mean * few.counts).sum()) / few.count**2 * 30 / 29
    )


def test_a_drop_is_decided_with_its_size() -> None:
    found = compare(tally(0.80, 6000, 1), tally(0.70, 6000, 2))

    assert found is not None
    assert found.decided
    assert found.difference.low < -0.10 < found.difference.high
    assert found.p_value < 0.001


def test_repeated_outcomes_of_one_user_count_for_little_more_than_one() -> None:
    once = compare(tally(0.8, 1000, 3), tally(0.8, 1000, 4))
    tenfold = compare(tally(0.8, 10_000, 3, per_user=10), tally(0.8, 10_000, 4, per_user=10))

    assert once is not None
    assert tenfold is not None
    width = tenfold.difference.high - tenfold.difference.low
    assert width == pytest.approx(once.difference.high - once.difference.low, rel=0.25)


def test_what_was_known_before_narrows_the_interval() -> None:
    rng, arms = RNG(5), (Tally(), Tally())
    bare = (Tally(), Tally())
    for user in range(3000):
        habit = float(rng.normal())
        value = habit + 0.5 * float(rng.normal()) + (0.1 if user % 2 else 0.0)
        arms[user % 2].update(user * 7919, value, habit)
        bare[user % 2].update(user * 7919, value)
    adjusted, plain = compare(*arms), compare(*bare)

    assert adjusted is not None
    assert plain is not None
    assert adjusted.explained == pytest.approx(0.8, abs=0.05)
    assert adjusted.difference.low < 0.1 < adjusted.difference.high
    assert adjusted.decided
    assert not plain.decided


def test_outcomes_without_spread_are_equal_or_not() -> None:
    same = compare(tally(1.0, 200, 1), tally(1.0, 200, 2))
    other = compare(tally(1.0, 200, 1), tally(0.0, 200, 2))

    assert same is not None
    assert other is not None
    assert (same.p_value, same.decided) == (1.0, False)
    assert (other.p_value, other.decided) == (0.0, True)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_is_refused_and_counts_nothing(value: float) -> None:
    out = Tally()
    with pytest.raises(ValueError, match="finite"):
        out.update(1, value)

    assert out.count == 0


def test_the_guidance_asks_for_more_where_less_is_to_be_seen() -> None:
    assert outcomes_needed(0.01, spread=0.4) > 20 * outcomes_needed(0.05, spread=0.4)


def test_a_lopsided_split_is_noticed_and_a_fair_one_is_not() -> None:
    assert mismatch_p((5000, 5100), (0.5, 0.5)) > 0.05
    assert mismatch_p((9000, 1300), (0.9, 0.1)) < 0.001
