"""Prompt and response as samples carry them: redacted, cut, with what is known beside them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from app.adapters import exchanges
from app.adapters.exchanges import carrying_of, exchange_of
from app.evaluation_settings import EvaluationSettings
from schemas.events import Interaction, Message


def asked(prompt: str = "Where is my order?", **more: Any) -> Interaction:
    return Interaction(application="a", time=datetime(2026, 3, 1, tzinfo=UTC), prompt=prompt, **more)


def test_texts_are_redacted_and_the_rest_is_told() -> None:
    found = exchange_of(
        asked(
            "I am ann@example.org",
            response="Hello ann@example.org",
            conversation_id="c-1",
            finish_reason="stop",
            attributes={"item_id": "q-7"},
            messages=[Message(role=r, content="x") for r in ("system", "user", "assistant", "user")],
        ),
        0.5,
        limit=400,
    )
    assert (found.prompt, found.response) == ("I am <email>", "Hello <email>")
    assert (found.leaks, found.turns, found.item_id, found.finish_reason) == (False, 3, "q-7", "stop")
    assert found.conversation is not None
    assert "c-1" not in found.conversation
    assert found.inclusion == 0.5


def test_what_is_longer_is_cut_and_says_so() -> None:
    found = exchange_of(asked("word " * 400, response="Wait for it…"), 1.0, limit=100)
    assert len(found.prompt) <= 100
    assert (found.prompt_cut, found.response_cut) == (True, False)


def test_an_error_is_no_response() -> None:
    found = exchange_of(asked(response="half an ans", error_type="timeout"), 1.0, limit=100)
    assert (found.response, found.leaks, found.error_type) == (None, None, "timeout")


def test_a_text_that_cannot_be_redacted_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(text: str, *, limit: int) -> str:
        raise RecursionError

    monkeypatch.setattr(exchanges, "redact", fails)
    found = exchange_of(asked(response="secret"), 1.0, limit=100)
    assert (found.prompt, found.response) == ("", "")


def test_no_characters_are_no_exchanges() -> None:
    assert carrying_of(EvaluationSettings(text_characters=0)) is None
