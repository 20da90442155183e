"""The figures of the demo's week; the week itself is played by `make week`."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from app.cli import week
from app.cli.stage import DemoFailed
from schemas.events import Evaluation
from tests.rig.made import APP, START


def judged(count: int, good: float, *, hours: float) -> list[Evaluation]:
    return [
        Evaluation(
            application=APP,
            time=START + timedelta(hours=hours),
            name=week.JUDGE,
            score=float(n < good * count),
            inclusion=0.5,
            selection=0.5,
        )
        for n in range(count)
    ]


def fallen(before: Sequence[Evaluation], after: Sequence[Evaluation]) -> dict[str, dict[str, float]]:
    return week._fallen(before, after, START + timedelta(hours=5))


def test_a_fall_is_told_with_intervals_of_what_came_after_the_release() -> None:
    found = fallen(judged(200, 0.9, hours=0), [*judged(200, 0.9, hours=1), *judged(200, 0.5, hours=6)])
    assert found["before"]["value"] == pytest.approx(0.9)
    assert found["after"]["low"] < 0.5 < found["after"]["high"] < found["before"]["low"]


def test_no_fall_and_too_few_scores_end_the_demo() -> None:
    with pytest.raises(DemoFailed, match="did not fall"):
        fallen(judged(200, 0.9, hours=0), judged(200, 0.88, hours=6))
    with pytest.raises(DemoFailed, match="too few live answers were judged after"):
        fallen(judged(200, 0.9, hours=0), judged(200, 0.5, hours=1))
