"""Scorers, judges and candidates as the settings name them."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from app.adapters.chat import Completion
from app.adapters.evaluators import Evaluators, open_evaluators
from app.adapters.fake_chat import FakeChat
from app.adapters.judge import Judgement
from app.core.scorers import Answered
from app.errors import SettingsError
from app.settings import Settings

GOOD = Answered(prompt="How do I boil an egg?", response="Put it into boiling water for eight minutes.")


def opened(environment: dict[str, str] | None = None, **evaluation: Any) -> Evaluators:
    settings = Settings.model_validate({"evaluation": evaluation}).evaluation
    return open_evaluators(settings, environment=environment or {})


def test_by_default_nothing_leaves_and_every_scorer_is_of_the_table() -> None:
    found = opened()
    assert not found.calls
    assert {"accuracy", "complete", "no_refusal", "no_pii"} <= found.table.keys()


def test_judge_candidate_and_scorer_are_called_as_set(tmp_path: Path) -> None:
    (tmp_path / "system.txt").write_text("Be brief.")

    async def go() -> None:
        async with FakeChat(key="k").serving() as server:
            model = {"base_url": server.url + "/v1", "model": "m", "key_env": "KEY", "price_out": 10.0}
            found = opened(
                {"KEY": "k"},
                scorers=["complete"],
                judges=[{"name": "helpful", **model}],
                candidates=[{"name": "next", "system_file": tmp_path / "system.txt", **model}],
            )
            judge, candidate = found.judges["helpful"], found.candidates["next"]
            said = await candidate.answer("Hello")
            verdict = await judge.score(GOOD)
            again = await judge.score(GOOD, anew=True)
            await found.close()
            assert isinstance(said, Completion)
            assert said.text == "You said: Hello"
            assert server.requests[0]["messages"][0] == {"role": "system", "content": "Be brief."}
            assert isinstance(verdict, Judgement)
            assert isinstance(again, Judgement)
            assert len(server.requests) == 3, "a gold item is asked anew"
            assert 0 < verdict.cost <= judge.price(GOOD) < candidate.price("Hello")

    asyncio.run(go())


@pytest.mark.parametrize(
    ("evaluation", "named"),
    [
        ({"scorers": ["http://127.0.0.1:1/score"]}, "NAME=URL"),
        ({"scorers": ["no_such"]}, "no_such"),
        (
            {"judges": [{"name": "a", "base_url": "http://127.0.0.1:1", "model": "m", "key_env": "NONE"}]},
            "NONE",
        ),
        ({"judges": [{"name": "complete", "base_url": "http://127.0.0.1:1", "model": "m"}]}, "two metrics"),
        (
            {
                "candidates": [
                    {"name": "a", "base_url": "http://127.0.0.1:1", "model": "m", "system_file": "/none"}
                ]
            },
            "/none",
        ),
    ],
)
def test_what_is_not_there_is_named(evaluation: dict[str, Any], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        opened(**evaluation)


@pytest.mark.parametrize(
    ("evaluation", "named"),
    [
        ({"stakes": [{"name": "s", "match": "("}]}, "no regular expression"),
        ({"stakes": [{"name": "s"}]}, "either match"),
        (
            {"judges": [{"name": "j", "base_url": "http://x", "model": "m", "low": 5, "high": 1}]},
            "low below high",
        ),
        ({"judges": [{"name": "j", "base_url": "http://x", "model": "m"}] * 2}, "same name"),
        ({"judges": [{"name": "j", "base_url": "x", "model": "m"}]}, "base_url"),
    ],
)
def test_settings_say_what_is_wrong(evaluation: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Settings.model_validate({"evaluation": evaluation})
