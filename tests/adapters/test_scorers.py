import importlib
from types import ModuleType

import pytest

from app.adapters import scorers
from app.adapters.scorers import SCORERS, no_pii, scorers_of
from app.core.scorers import Answered
from app.errors import InputError, SettingsError

ANSWER = Answered(prompt="?", response='{"a": 1}', json_schema='{"type": "object", "required": ["a"]}')


def test_personal_data_of_the_prompt_may_be_repeated_and_no_other() -> None:
    mine = "My mail is ann@example.org"
    assert no_pii(Answered(prompt=mine, response="I wrote to ann@example.org.")) == 1.0
    assert no_pii(Answered(prompt=mine, response="Write to ann@example.org or bob@example.org")) == 0.0
    assert no_pii(Answered(prompt="?", response="Use a placeholder such as <email>.")) == 1.0


@pytest.mark.parametrize(
    ("response", "schema", "score"),
    [
        ('```json\n{"a": 1}\n```', '{"required": ["a"]}', 1.0),
        ('{"b": 1}', '{"required": ["a"]}', 0.0),
        ("prose", "{}", 0.0),
        ("[" * 30_000, "{}", 0.0),
        ("1", '{"type": 7}', None),
        ("1", '{"$ref": "http://127.0.0.1:9/nowhere"}', None),
        ("1", None, None),
    ],
)
def test_a_response_has_the_schema_or_not(response: str, schema: str | None, score: float | None) -> None:
    found = SCORERS["json_schema"].score(Answered(prompt="?", response=response, json_schema=schema))
    assert found == score


def test_a_library_that_is_missing_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> ModuleType:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(InputError, match=r"sacrebleu.*extra `scorers`"):
        scorers_of(["chrf"])


def test_bleu_and_chrf_of_the_expected_answer_itself_are_1() -> None:
    pytest.importorskip("sacrebleu", reason="extra `scorers`")
    same = Answered(prompt="?", response="the cat sat on the mat", expected="the cat sat on the mat")
    other = Answered(prompt="?", response="dogs bark", expected="the cat sat on the mat")
    for scorer in scorers_of(["bleu", "chrf"]).values():
        assert scorer.score(same) == pytest.approx(1.0)
        assert (scorer.score(other) or 0.0) < 0.2


def half(answered: Answered) -> float:
    return 0.5


def breaks(answered: Answered) -> float:
    raise RuntimeError("mine")


def too_much(answered: Answered) -> float:
    return 7.0


@pytest.mark.parametrize(("function", "score"), [(half, 0.5), (breaks, None), (too_much, None)])
def test_a_scorer_of_the_users_own_is_used_and_guarded(
    function: object, score: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("mine")
    module.score = function  # type: ignore[attr-defined]
    monkeypatch.setitem(importlib.sys.modules, "mine", module)  # type: ignore[attr-defined]
    assert scorers_of(["mine:score"])["mine:score"].score(ANSWER) == score


@pytest.mark.parametrize("name", ["nothing", "no.such.module:score", "math:nothing", "math:pi", ":x"])
def test_what_is_no_scorer_is_named(name: str) -> None:
    with pytest.raises(SettingsError, match="scorer"):
        scorers_of([name])


def test_libraries_are_asked_for_only_where_they_are_needed() -> None:
    assert set(scorers.NEEDS) < set(SCORERS)
    assert scorers_of(["numeric", "no_pii"]).keys() == {"numeric", "no_pii"}
