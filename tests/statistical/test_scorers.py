"""Scorers against what people and graders said of real answers."""

from collections import defaultdict

import pytest

from app.core.scorers import TABLE, Answered
from benchmarks import streams

pytestmark = [
    pytest.mark.statistical,
    pytest.mark.shared_data,
    pytest.mark.skipif(not streams.available(), reason="../shared/data is not here"),
]


def test_numbers_are_graded_as_the_benchmark_grades_them() -> None:
    """The expected answer is another model's that was graded right."""
    answers = defaultdict(list)
    for row in streams.rows("math_gsm8k_models.jsonl.gz"):
        answers[row["item"]].append(row)
    found = []
    for rows in answers.values():
        for row in rows[:2]:
            right = [other["response"] for other in rows if other is not row and float(other["score"]) == 1]
            if right:
                answered = Answered(prompt=row["text"], response=row["response"], expected=right[0][-300:])
                found.append(TABLE["numeric"].score(answered) == float(row["score"]))
    print(f"{len(found)} answers, {sum(found) / len(found):.4f} graded alike")
    assert sum(found) / len(found) >= 0.99


def test_refusals_of_safe_prompts_are_told_as_people_told_them() -> None:
    told = {"1_full_compliance": 1.0, "2_full_refusal": 0.0}
    found = [
        TABLE["answers_benign"].score(Answered(prompt=row["text"], response=row["response"], benign=True))
        == told[row["label"]]
        for row in streams.rows("safety_xstest_models.jsonl.gz")
        if row.get("response") and row["kind"] == "safe" and row["label"] in told
    ]
    print(f"{len(found)} answers, {sum(found) / len(found):.3f} told alike")
    assert sum(found) / len(found) >= 0.92
