import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.selection import (
    DRIFTED,
    FLOOR,
    HIGH_STAKES,
    NOVEL,
    ORDINARY,
    UNCOVERED,
    Budget,
    Eligible,
    Spread,
    choose,
    stratum_of,
)
from schemas.ticks import Sample


def kept(count: int, *, rare: int = 10, cost: float = 0.0, inclusion: float = 1.0) -> list[Eligible]:
    return [
        Eligible(
            id=f"i{n}",
            stratum=ORDINARY if n % rare else DRIFTED,
            inclusion=inclusion,
            cost=cost * (1 + n % 3),
        )
        for n in range(count)
    ]


@given(st.permutations(kept(40)))
def test_the_choice_does_not_depend_on_the_order_of_arrival(order: list[Eligible]) -> None:
    assert choose(order, budget=Budget(7)) == choose(kept(40), budget=Budget(7))


@pytest.mark.parametrize(("count", "money"), [(50, math.inf), (500, 30.0), (50, 30.0), (0, 1.0), (50, 0.5)])
def test_the_budget_is_never_passed_and_is_used(count: int, money: float) -> None:
    taken = choose(kept(400, cost=1.0), budget=Budget(count, money))

    spent = sum(one.eligible.cost for one in taken)
    assert len(taken) <= count
    assert spent <= money
    assert len(taken) == count or spent > money - 3


def test_everything_is_scored_for_certain_where_the_budget_allows_it() -> None:
    taken = choose(kept(40), budget=Budget(40))
    assert {one.selection for one in taken} == {1.0}
    assert len(taken) == 40


def test_probabilities_are_those_of_the_draw() -> None:
    """Over 400 salts each stratum's sum of 1/probability is the number of its units, within 4 errors."""
    samples = kept(300, inclusion=0.5)
    sums: list[float] = []
    for salt in range(400):
        taken = choose(samples, budget=Budget(60), salt=str(salt))
        sums.append(sum(1 / one.inclusion for one in taken if one.eligible.stratum == DRIFTED))
    mean = sum(sums) / len(sums)
    error = math.sqrt(sum((each - mean) ** 2 for each in sums)) / len(sums)
    assert abs(mean - 60) < 4 * error


def test_rare_strata_get_their_floor_and_known_calm_ones_little() -> None:
    taken = choose(kept(4000, rare=100), budget=Budget(200))
    assert sum(one.eligible.stratum == DRIFTED for one in taken) >= 0.6 * FLOOR

    calm = {DRIFTED: Spread(0.01, 10_000), ORDINARY: Spread(0.4, 10_000)}
    taken = choose(kept(4000, rare=2), budget=Budget(400), spreads=calm)
    assert sum(one.eligible.stratum == DRIFTED for one in taken) < 0.2 * 400


def test_units_that_were_kept_seldom_stand_for_more_and_are_chosen_sooner() -> None:
    samples = [Eligible(id=f"i{n}", stratum=ORDINARY, inclusion=0.1 if n % 2 else 1.0) for n in range(2000)]
    seldom = sum(one.eligible.inclusion == 0.1 for one in choose(samples, budget=Budget(200)))
    assert seldom > 0.85 * 200


def test_another_purpose_is_another_draw() -> None:
    ids = [
        {one.eligible.id for one in choose(kept(1000), budget=Budget(50), salt=salt)} for salt in ("", "gold")
    ]
    assert len(ids[0] & ids[1]) < 25


@pytest.mark.parametrize(("inclusion", "cost"), [(0.0, 0.0), (1.1, 0.0), (math.nan, 0.0), (1.0, -1.0)])
def test_a_sample_without_a_probability_or_price_is_named(inclusion: float, cost: float) -> None:
    with pytest.raises(ValueError, match="that-one"):
        choose([Eligible(id="that-one", stratum=ORDINARY, inclusion=inclusion, cost=cost)], budget=Budget(1))


def sample(cluster: int | None = None, novelty: float | None = None) -> Sample:
    return Sample(
        id="i",
        application="a",
        time=0.0,
        ordinal=0,
        text="t",
        wording=b"",
        shape=b"",
        reason="uniform",
        inclusion=1.0,
        cluster=cluster,
        novelty=novelty,
    )


def test_the_strongest_reason_names_the_stratum() -> None:
    one = sample(cluster=3, novelty=0.01)
    assert stratum_of(one, drifted=True, high_stakes=True) == HIGH_STAKES
    assert stratum_of(one, drifted=True, uncovered=True) == DRIFTED
    assert stratum_of(one, uncovered=True) == NOVEL
    assert stratum_of(sample(), uncovered=True) == UNCOVERED
    assert stratum_of(sample()) == ORDINARY


def test_what_a_window_saves_the_others_get() -> None:
    day = Budget(240, 24.0)
    assert day.slice(count=0, money=0.0, windows_left=24) == Budget(10, 1.0)
    assert day.slice(count=0, money=0.0, windows_left=12) == Budget(20, 2.0)
    assert day.slice(count=300, money=30.0, windows_left=3) == Budget(0, 0.0)
