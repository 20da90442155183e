"""Metrics of labels: shares of versions, compared at every look by all of their labels at once."""

from random import Random

import numpy as np
import pytest

from app.core.comparison import compare
from app.core.label_tally import LEVEL, MOST_LABELS, OTHER, TESTS, LabelTally, leading_label
from app.core.units import hash64
from schemas.outcomes import VersionComparison
from tests.core.joined import Log, last, outcome, read, release, served
from tests.rig.made import through_msgpack

TOPICS = ("billing", "delivery", "account", "returns")


def filled(weights: tuple[float, ...], count: int, *, seed: int) -> LabelTally:
    random, tally = Random(seed), LabelTally()
    for label in random.choices(TOPICS, weights, k=count):
        tally.update(random.getrandbits(64), label)
    return tally


def reasons(after: tuple[float, ...], *, share: float = 0.5) -> Log:
    """Why users escalated, a label an interaction; from v2 on with other weights."""
    random, log = Random(f"{after}"), release((0.9, 0.9), 1800, share=share)
    treated = {row.id for row in log[0] if row.deployment_id == "v2"}
    told = [
        outcome(
            number,
            number + 5.0,
            None,
            name="reason",
            label=random.choices(
                TOPICS, after if served(number, number).id in treated else (4.0, 3.0, 2.0, 1.0)
            )[0],
        )
        for number in range(len(log[0]))
    ]
    return log[0], told


def compared(log: Log, *, restarts: bool = False) -> VersionComparison:
    return last(read(log, restarts=restarts), "reason").comparisons[0]


def test_the_label_whose_share_changed_is_named_and_nobody_is_paged() -> None:
    log = reasons((4.0, 3.0, 2.0, 6.0))
    found = compared(log)
    assert (found.label, found.decided, found.better, found.concurrent) == ("returns", True, None, True)
    assert found.difference is not None
    assert found.difference.low < 6 / 15 - 1 / 10 < found.difference.high
    assert found.verdict.startswith("v2 differs from v1 in the share of 'returns': +0.")
    assert {r.state for r in read(log) if r.monitor == "outcomes:reason"} == {"learning", "ok"}
    assert compared(log, restarts=True) == found


def test_equal_versions_are_not_told_apart() -> None:
    found = compared(reasons((4.0, 3.0, 2.0, 1.0)))
    assert (found.decided, found.verdict) == (False, "v2 and v1 cannot be told apart yet")
    assert found.needed is not None


def test_versions_one_after_the_other_are_compared_with_a_warning() -> None:
    found = compared(reasons((4.0, 3.0, 2.0, 6.0), share=1.0))
    assert (found.label, found.decided, found.concurrent) == ("returns", True, False)
    assert "time alone may be the reason" in found.verdict


def test_another_label_for_the_same_interaction_takes_its_place() -> None:
    rows, told = reasons((4.0, 3.0, 2.0, 1.0))
    again = [
        outcome(n, 1900.0, None, name="reason", label="fraud", id=f"again{n}") for n in range(1500, 1800)
    ]
    found = last(read((rows, [*told, *again])), "reason")
    assert found.counts.corrected == 300
    shares = [version.labels for version in found.versions]
    assert all(sum(each.values()) == pytest.approx(1.0) for each in shares)
    assert shares[1]["fraud"] > 0.2


def test_a_share_is_compared_as_a_metric_of_yes_and_no_would_be() -> None:
    old, new = filled((4, 3, 2, 1), 1500, seed=1), filled((4, 3, 2, 3), 1500, seed=2)
    label, told = leading_label(old, new) or ("", None)
    alone = compare(old.of(label), new.of(label), level=LEVEL)
    assert told is not None
    assert alone is not None
    assert label == "returns"
    assert told.difference == alone.difference
    assert told.p_value == min(1.0, TESTS * alone.p_value)


def test_labels_beyond_the_limit_are_one_and_a_snapshot_holds_all() -> None:
    tally = LabelTally()
    for number in range(400):
        tally.update(hash64(str(number)), f"label {number % 40}")
    shares = tally.shares()
    assert len(shares) == MOST_LABELS + 1
    assert shares[OTHER] == 0.5
    again = LabelTally.restore(through_msgpack(tally.snapshot()))
    assert (again.shares(), again.count) == (shares, 400)
    tally.replace(hash64("399"), "label 39", "label 0")
    assert tally.shares()[OTHER] == pytest.approx(199 / 400)
    assert again.shares() == shares


def test_what_was_never_counted_cannot_be_replaced() -> None:
    tally = LabelTally()
    tally.update(1, "a")
    tally.replace(2, "a", "b")
    tally.replace(1, "c", "b")
    assert tally.shares() == {"a": 1.0}


def test_too_few_say_nothing() -> None:
    assert leading_label(filled((1, 1, 1, 1), 99, seed=1), filled((1, 1, 1, 1), 500, seed=2)) is None
    assert leading_label(LabelTally(), LabelTally()) is None
    alone = LabelTally()
    for number in range(300):
        alone.update(1, TOPICS[number % 3])
    assert leading_label(alone, filled((1, 1, 1, 1), 500, seed=2)) is None


def test_equal_arms_looked_at_again_and_again_are_hardly_ever_called_different() -> None:
    """60 pairs, 15 looks each; at most 5 % may ever be decided, plus the error of 60."""
    ever = []
    for seed in range(60):
        random, arms = Random(seed), (LabelTally(), LabelTally())
        decided = False
        for event in range(1, 1501):
            arms[event % 2].update(random.getrandbits(64), random.choices(TOPICS, (4, 3, 2, 1))[0])
            if event % 100 == 0 and (told := leading_label(*arms)) is not None:
                decided = decided or told[1].decided
        ever.append(decided)
    assert np.mean(ever) <= 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / 60)
