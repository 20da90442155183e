"""Dotted paths into somebody else's JSON."""

from typing import Any

import pytest

from schemas.codec import SchemaError
from schemas.mapping import apply

FOUND: dict[str, Any] = {
    "request": {"text": "hi", "empty": None, "n": 0},
    "turns": [{"content": "first"}, {"content": "last"}],
    "attributes": {"gen_ai.request.model": "m", "gen_ai": {"usage": {"tokens": 3}}},
    "a.b": {"c.d": "dots"},
    "a": {"b": {"e": "plain"}},
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("request.text", "hi"),
        ("request.n", 0),
        ("turns.-1.content", "last"),
        ("turns.0.content", "first"),
        ("attributes.gen_ai.request.model", "m"),
        ("attributes.gen_ai.usage.tokens", 3),
        ("a.b.c.d", "dots"),
        ("a.b.e", "plain"),
        ("turns", FOUND["turns"]),
    ],
)
def test_a_path_finds_its_value(path: str, value: object) -> None:
    assert apply({"ours": path}, FOUND) == {"ours": value}


@pytest.mark.parametrize(
    "path",
    [
        "nowhere",
        "request.empty",
        "request.text.deeper",
        "turns.2.content",
        "turns.-3",
        "turns.x",
        "turns.--1",
        "turns.²",
        "",
        ".",
    ],
)
def test_what_is_not_there_is_left_out(path: str) -> None:
    assert apply({"ours": path}, FOUND) == {}


def test_only_declared_fields_are_taken() -> None:
    assert apply({}, FOUND) == {}


@pytest.mark.parametrize("found", [None, 5, "text", ["list"]])
def test_only_objects_have_fields(found: object) -> None:
    with pytest.raises(SchemaError, match="JSON object"):
        apply({"prompt": "x"}, found)
