"""Which scores of live answers are failures, and which responses may be proposed as expected answers."""

from datetime import UTC, datetime
from typing import Any

import pytest

from app.core.curation_signals import Signals, signals_of
from schemas.evalsets import Plan
from schemas.events import Evaluation


def told(**row: Any) -> Signals:
    given = {"application": "a", "time": datetime(2026, 3, 1, tzinfo=UTC), "interaction_id": "i1", **row}
    return signals_of([Evaluation(**given)], Plan())


@pytest.mark.parametrize("name", ["helpful", "accuracy", "complete", "no_refusal", "no_pii"])
def test_a_low_verdict_is_a_failure(name: str) -> None:
    assert told(name=name, score=0.0).failures == {"i1": {f"low {name}"}}


@pytest.mark.parametrize(
    "row",
    [
        {"name": "readability"},
        {"name": "rouge_l"},
        {"name": "similarity"},
        {"name": "helpful", "candidate": "next"},
        {"name": "helpful", "purpose": "gold", "gold": 1.0},
    ],
)
def test_likeness_style_and_other_models_are_none(row: dict[str, Any]) -> None:
    assert told(score=0.1, **row) == Signals()


def test_only_who_knows_what_is_right_praises() -> None:
    assert told(name="helpful", score=1.0, dimension="accuracy", source="llm_judge").praised == {"i1"}
    assert told(name="label", score=1.0, source="human_review").praised == {"i1"}
    assert told(name="complete", score=1.0, dimension="quality").praised == set()
    assert told(name="no_refusal", score=1.0, dimension="behaviour").praised == set()
    assert told(name="similarity", score=1.0, dimension="accuracy").praised == set()
