from collections.abc import Callable
from typing import Any

import pytest

from app.adapters import describe as module
from app.adapters.describe import WITHHELD, describe
from app.core.sampling import Described

SECRET = "my mail is someone@example.org"


def broken(_: str) -> Any:
    raise RuntimeError(SECRET)


def test_a_text_has_its_descriptors_and_no_personal_data() -> None:
    found = describe("Please explain this Python code to someone@example.org: print(1)")
    assert (found.language, found.code, found.programming, found.failed) == ("en", False, "python", False)
    assert "someone@example.org" not in found.text


@pytest.mark.parametrize("name", ["language", "looks_like_code", "programming_language"])
def test_a_descriptor_that_fails_is_left_open_and_said(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = describe(SECRET)
    monkeypatch.setattr(module, name, broken)
    found = describe(SECRET)
    assert found.failed
    assert found.text == whole.text


def test_a_text_that_cannot_be_redacted_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "redact", broken)
    found = describe(SECRET)
    assert (found.text, found.failed, found.language) == (WITHHELD, True, "en")


@pytest.mark.parametrize("make", [lambda: "", lambda: "\ud800", lambda: "\x00" * 9, lambda: "(" * 100_000])
def test_odd_texts_are_described(make: Callable[[], str]) -> None:
    assert isinstance(describe(make()), Described)
