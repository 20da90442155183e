import math

import pytest

from app.core.reweighting import Stratum, reweighted, split


def test_an_eval_set_that_covers_nothing_of_the_traffic_says_nothing_of_it() -> None:
    found = reweighted({"a": [1.0, 0.0]}, {"b": 0.6}, units=100)
    assert found.on_live is None
    assert (found.low, found.high, found.unknown, found.missing) == (0.0, 1.0, 1.0, ["b"])


def test_traffic_like_the_eval_set_has_its_score() -> None:
    found = reweighted({"a": [1.0] * 30, "b": [0.0] * 10}, {"a": 0.75, "b": 0.25}, units=10_000)
    assert found.on_live is not None
    assert found.on_live.value == found.on_set.value == 0.75
    assert found.low == found.high == 0.75


def test_one_item_is_no_certainty() -> None:
    found = reweighted({"a": [1.0]}, {"a": 1.0}, units=100)
    assert found.on_live is not None
    assert found.on_live.low < 0.2


@pytest.mark.parametrize(
    ("items", "shares"),
    [
        ({}, {"a": 1.0}),
        ({"a": [1.5]}, {"a": 1.0}),
        ({"a": [math.nan]}, {"a": 1.0}),
        ({"a": [1.0]}, {"a": 0.7, "b": 0.7}),
        ({"a": [1.0]}, {"a": -0.1}),
    ],
)
def test_what_is_no_score_or_share_is_refused(
    items: dict[str, list[float]], shares: dict[str, float]
) -> None:
    with pytest.raises(ValueError, match="must"):
        reweighted(items, shares, units=10)


def test_parts_add_up_and_a_new_stratum_is_mix() -> None:
    before = {"a": Stratum(0.6, 0.9, 0.01), "b": Stratum(0.4, 0.7, 0.01)}
    now = {"a": Stratum(0.5, 0.8, 0.01), "b": Stratum(0.3, 0.7, 0.01), "c": Stratum(0.2, 0.2, 0.01)}
    found = split(before, now, units=(5000, 5000))
    change = sum(s.share * s.score for s in now.values()) - sum(s.share * s.score for s in before.values())
    assert found.whole == pytest.approx(change)
    assert found.whole == pytest.approx(found.mix.value + found.scores.value)
    assert found.by_stratum["c"] == 0.0
    assert found.cause == "both"


def test_the_same_twice_has_no_cause() -> None:
    same = {"a": Stratum(1.0, 0.9, 0.01)}
    assert split(same, same, units=(100, 100)).cause is None
