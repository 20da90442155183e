import math

import numpy as np
import pytest

from app.core.estimates import FEWEST, Row, by_stratum, estimate


def rows(scores: list[float], *, selection: float = 0.5, unscored: int = 0, stratum: str = "s") -> list[Row]:
    out = [Row(stratum=stratum, inclusion=1.0, selection=selection, score=score) for score in scores]
    return out + [Row(stratum=stratum, inclusion=1.0)] * unscored


def test_nothing_is_said_of_few_scores() -> None:
    assert estimate(rows([1.0] * (FEWEST - 1), unscored=100)) is None
    assert by_stratum(rows([1.0] * 5)) == {"s": None}


def test_scores_of_everything_are_certain_of_this_traffic_and_not_of_more() -> None:
    everything = rows([0.0, 1.0] * 30, selection=1.0)
    whole, process = estimate(everything), estimate(everything, target="process")
    assert whole is not None
    assert process is not None
    assert whole.mean.low == whole.mean.high == 0.5
    assert process.mean.low < 0.4


def test_a_stratum_that_was_scored_more_often_does_not_count_for_more() -> None:
    often = rows([0.0] * 50 + [1.0] * 50, selection=1.0, stratum="drifted")
    seldom = rows([1.0] * 90, selection=0.1, unscored=810, stratum="ordinary")
    found = estimate(often + seldom)
    assert found is not None
    assert found.mean.value == pytest.approx((50 + 900) / 1000)


@pytest.mark.parametrize("scale", [(0.0, 0.0), (0.3, 0.1), (-5.0, 40.0)])
def test_no_prediction_moves_the_truth_far(scale: tuple[float, float]) -> None:
    """Predictions on any scale: the same estimate to a fraction of its error, and hardly a wider interval."""
    rng = np.random.default_rng(0)
    scores = (rng.random(1000) < 0.7).astype(float)
    seen = rng.random(1000) < 0.3
    plain = [
        Row(stratum="s", inclusion=1.0, selection=0.3, score=y if known else None)
        for y, known in zip(scores.tolist(), seen.tolist(), strict=True)
    ]
    guesses = scale[0] + scale[1] * rng.random(1000)
    helped = [
        Row(stratum="s", inclusion=1.0, selection=0.3, score=row.score, prediction=p)
        for row, p in zip(plain, guesses.tolist(), strict=True)
    ]
    one, two = estimate(plain), estimate(helped)
    assert one is not None
    assert two is not None
    half = one.mean.high - one.mean.value
    assert abs(one.mean.value - two.mean.value) < half / 4
    assert two.mean.high - two.mean.value <= half * 1.02


def test_a_good_prediction_narrows_the_interval() -> None:
    rng = np.random.default_rng(1)
    truth = rng.random(1000)
    out = [
        Row(stratum="s", inclusion=1.0, selection=0.2, score=y if n % 5 == 0 else None, prediction=p)
        for n, (y, p) in enumerate(zip(truth.tolist(), (truth + rng.random(1000) / 10).tolist(), strict=True))
    ]
    found = estimate(out)
    assert found is not None
    assert found.mean.value == pytest.approx(truth.mean(), abs=0.01)
    assert found.effective is not None
    assert found.effective > 1000


def test_scores_that_are_all_alike_do_not_prove_perfection() -> None:
    found = estimate(rows([1.0] * 30, unscored=300))
    assert found is not None
    assert found.mean.low == pytest.approx(1 - math.log(40) / 30)
    assert found.always is None
    many = estimate(rows([1.0] * 200, unscored=300))
    assert many is not None
    assert many.always is not None
    assert many.always.low < many.mean.low == pytest.approx(1 - math.log(40) / 200)


def test_strata_of_few_scores_are_read_together() -> None:
    lonely = rows([0.0] * 2, unscored=2, stratum="lonely")
    found = estimate(rows([1.0] * 30, unscored=30, stratum="large") + lonely)
    assert found is not None
    assert found.mean.value == pytest.approx(30 / 32)


def test_a_stratum_without_scores_is_guessed_from_the_others() -> None:
    found = estimate(rows([1.0, 0.0] * 20) + rows([], unscored=40, stratum="unseen"))
    assert found is not None
    assert found.mean.value == pytest.approx(0.5)


@pytest.mark.parametrize(
    "bad",
    [
        Row(stratum="s", inclusion=0.0),
        Row(stratum="s", inclusion=1.0, selection=1.5, score=1.0),
        Row(stratum="s", inclusion=1.0, score=math.nan),
        Row(stratum="s", inclusion=1.0, prediction=math.inf),
    ],
)
def test_what_is_no_probability_or_number_is_refused(bad: Row) -> None:
    with pytest.raises(ValueError, match="must be"):
        estimate([*rows([1.0] * 30), bad])
