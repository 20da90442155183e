import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.verdicts import Rubric, grade_of, preference_of

RUBRIC = Rubric(name="r", question="?")


@pytest.mark.parametrize(
    ("said", "score"),
    [
        ('{"score": 1}', 0.0),
        ('{"score": 5.0, "reason": "x"}', 1.0),
        ('Sure! {"score": 3} as asked', 0.5),
        ('{"score": 2} no: {"score": 4}', 0.75),
    ],
)
def test_a_verdict_is_found_where_there_is_one(said: str, score: float) -> None:
    assert grade_of(said, RUBRIC) == score


@pytest.mark.parametrize(
    "said",
    [
        "",
        "4",
        "Score: 4",
        "[4]",
        '{"score": true}',
        '{"score": null}',
        '{"score": NaN}',
        '{"score": Infinity}',
        '{"score": "four"}',
        '{"score": "nan"}',
        '{"score": 0}',
        '{"score": 6}',
        '{"score": 1e400}',
        '{"score": [4]}',
        "{" * 50_000,
    ],
)
def test_what_is_no_verdict_is_told_and_not_guessed(said: str) -> None:
    assert isinstance(grade_of(said, RUBRIC), str)
    assert isinstance(preference_of(said), str)


@given(st.text(max_size=300))
def test_no_words_of_a_judge_raise(said: str) -> None:
    found = grade_of(said, RUBRIC)
    assert isinstance(found, str) or 0 <= found <= 1
    preference_of(said)


def test_changed_words_are_another_rubric() -> None:
    names = {
        Rubric(name="r", question=question, high=high).fingerprint for question in "?!" for high in (5, 10)
    }
    assert len(names) == 4
    with pytest.raises(ValueError, match="low < high"):
        Rubric(name="r", question="?", low=5)
