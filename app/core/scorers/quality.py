"""How a response is written: its form, whether it is whole, how long, how repetitive, how readable."""

import re

from app.core.responses import labels_of
from app.core.scorers.answered import READ, Answered, Score

GRAM = 4  # words
FEWEST_WORDS = 30
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?|\d+", re.UNICODE)
_SENTENCE = re.compile(r"[.!?]+(?=\s|$)|\n{2,}")
_VOWELS = re.compile(r"[aeiouy]+")
_ASKS_JSON = re.compile(r"\bjson\b", re.IGNORECASE)


def complete(answered: Answered) -> Score:
    """Neither empty nor cut short."""
    found = labels_of(answered.response, answered.finish_reason)
    return float(bool(answered.response.strip()) and "truncated" not in found)


def json_valid(answered: Answered) -> Score:
    """Where JSON was asked for or begun, it can be parsed.

    >>> json_valid(Answered(prompt="Answer in JSON.", response='{"a": 1,}'))
    0.0
    """
    found = labels_of(answered.response, answered.finish_reason)
    if "format: JSON" in found:
        return 1.0
    asked = _ASKS_JSON.search(answered.prompt) is not None and "refusal" not in found
    return 0.0 if asked or "format: broken JSON" in found else None


def length_match(answered: Answered) -> Score:
    """As long as the expected answer: the shorter over the longer, in words, 1 within a factor of two.

    >>> length_match(Answered(prompt="?", response="one two", expected="1 2 3 4 5 6 7 8"))
    0.5
    """
    if answered.expected is None or not (wanted := words(answered.expected)):
        return None
    found = words(answered.response)
    ratio = min(len(found), len(wanted)) / max(len(found), len(wanted))
    return min(1.0, 2 * ratio)


def no_repetition(answered: Answered) -> Score:
    """Share of sequences of four words that are said for the first time; None of a few words.

    >>> no_repetition(Answered(prompt="?", response="I am so sorry. " * 20)) < 0.1
    True
    """
    said = words(answered.response)
    if len(said) < FEWEST_WORDS:
        return None
    grams = list(zip(*(said[n:] for n in range(GRAM)), strict=False))
    return len(set(grams)) / len(grams)


def readability(answered: Answered) -> Score:
    """Flesch's reading ease (1948, J. Applied Psychology 32) over 100; of English of 30 words and more.

    >>> text = "The cat sat on the mat. It was glad to be at home again and so it slept. " * 2
    >>> readability(Answered(prompt="?", response=text, language="en"))
    1.0
    """
    text = answered.response[:READ]
    said = words(text)
    if answered.language != "en" or len(said) < FEWEST_WORDS:
        return None
    sentences = max(len(_SENTENCE.findall(text)), 1)
    ease = 206.835 - 1.015 * len(said) / sentences - 84.6 * sum(map(_syllables, said)) / len(said)
    return min(max(ease / 100, 0.0), 1.0)


def words(text: str) -> list[str]:
    """Words and numbers of the first READ characters, in lower case."""
    return [word.lower() for word in _WORD.findall(text[:READ])]


def _syllables(word: str) -> int:
    groups = len(_VOWELS.findall(word))
    silent = word.endswith("e") and not word.endswith(("le", "ee")) and groups > 1
    return max(groups - silent, 1)
