"""The shape eye: eleven counted numbers, by hand."""

from math import log1p

import pytest

from app.adapters.shape import SHAPE_NAMES, shape


def named(text: str) -> dict[str, float]:
    return dict(zip(SHAPE_NAMES, shape(text), strict=True))


def test_counts_by_hand() -> None:
    numbers = named("The cat, the DOG\nand 42 {x}")
    characters = len("The cat, the DOG\nand 42 {x}")
    assert numbers == {
        "words": log1p(7),
        "characters per word": characters / 7,
        "non-ASCII share": 0.0,
        "punctuation share": 1 / characters,
        "digit share": 2 / characters,
        "capital share": 4 / characters,
        "code symbol share": 2 / characters,
        "stop word share": 3 / 7,  # the, the, and
        "distinct word share": 6 / 7,
        "newlines": log1p(1),
        "longest word": log1p(3),
    }


def test_names_are_distinct_and_eleven() -> None:
    assert len(set(SHAPE_NAMES)) == 11


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("don't won't", "words", log1p(2)),
        ("well-known, thing", "words", log1p(3)),
        ("größer", "longest word", log1p(6)),
        ("größer ab", "non-ASCII share", 2 / 9),
        ("你好世界", "non-ASCII share", 1.0),
        ("你好世界", "longest word", log1p(4)),
        ("😀😀 😀", "longest word", log1p(2)),
        ("???", "words", 0.0),
        ("???", "punctuation share", 1.0),
        ("ABC def", "distinct word share", 1.0),
        ("Go go GO", "distinct word share", 1 / 3),
        ("Don't you", "stop word share", 1.0),
    ],
)
def test_rules(text: str, name: str, value: float) -> None:
    assert named(text)[name] == pytest.approx(value)


@pytest.mark.parametrize(
    "text", ["", "\x00", "\ud800", "a" * 100_000, "\u200b" * 50, "👩‍👩‍👧" * 400, "\n" * 1_400]
)
def test_every_text_has_finite_numbers(text: str) -> None:
    numbers = shape(text)
    assert len(numbers) == 11
    assert all(0.0 <= number < 1e6 for number in numbers)
