import math
from dataclasses import replace

import pytest

from app.core.judging import LEARNED, GoldWatch, agreement


def learned() -> GoldWatch:
    watch = GoldWatch()
    for n in range(LEARNED):
        watch.update(float(n % 10 > 0))
    return watch


def test_nothing_is_promised_before_it_is_known() -> None:
    watch = GoldWatch()
    for _ in range(LEARNED - 1):
        watch.update(0.0)
    assert watch.agreement is None
    assert not watch.flagged


def test_a_judge_without_any_agreement_left_is_flagged_at_once_and_stays_so() -> None:
    watch = learned()
    for _ in range(12):
        watch.update(0.0)
    assert watch.flagged
    for _ in range(500):
        watch.update(1.0)
    assert watch.flagged


def test_a_perfect_judge_may_be_wrong_once() -> None:
    watch = GoldWatch()
    for _ in range(LEARNED):
        watch.update(1.0)
    for n in range(200):
        watch.update(float(n != 20))
    assert not watch.flagged


def test_scores_between_right_and_wrong_count_in_part() -> None:
    watch = GoldWatch()
    for n in range(LEARNED + 200):
        watch.update(0.85 + 0.1 * (n % 2))
    assert watch.agreement is not None
    assert watch.agreement.value == pytest.approx(0.9)
    assert not watch.flagged
    assert watch.score < 3.3


@pytest.mark.parametrize("bad", [-0.1, 1.1, math.nan])
def test_what_is_no_agreement_changes_nothing(bad: float) -> None:
    watch = learned()
    before = replace(watch, wealth=list(watch.wealth))
    with pytest.raises(ValueError, match="agreement"):
        watch.update(bad)
    assert watch == before
    with pytest.raises(ValueError, match="scores"):
        agreement(bad, 0.5)
