"""Scorers that need nothing but the texts: one table.

Each gives [0, 1], 1 as it should be, or None where it does not apply.  `app/adapters/scorers.py` adds those
that need a library, an encoder or a network, and the user's own.
"""

from app.core.scorers import accuracy, behaviour, quality, rouge
from app.core.scorers.answered import Answered, Dimension, Score, ScoreFunction, Scorer

__all__ = ["DEGREES", "OF_A_PART", "TABLE", "Answered", "Dimension", "Score", "ScoreFunction", "Scorer"]

_ROWS: tuple[tuple[str, Dimension, ScoreFunction, str], ...] = (
    (
        "accuracy",
        "accuracy",
        accuracy.accuracy,
        "as expected, compared as the form of the expected answer asks",
    ),
    ("exact", "accuracy", accuracy.exact, "the expected answer and nothing else"),
    ("includes", "accuracy", accuracy.includes, "holds the short expected answer"),
    ("pattern", "accuracy", accuracy.pattern, "holds what the expected /pattern/ describes"),
    ("numeric", "accuracy", accuracy.numeric, "ends on the expected number"),
    ("json_match", "accuracy", accuracy.json_match, "all leaves of the expected JSON and no others"),
    ("complete", "quality", quality.complete, "neither empty nor cut short"),
    ("json_valid", "quality", quality.json_valid, "JSON, where JSON was asked for or begun"),
    ("length_match", "quality", quality.length_match, "half to twice as long as the expected answer"),
    ("no_repetition", "quality", quality.no_repetition, "no four words twice"),
    ("readability", "quality", quality.readability, "plain English: Flesch 100"),
    ("rouge_1", "quality", rouge.rouge_1, "the words of the expected answer"),
    ("rouge_2", "quality", rouge.rouge_2, "its pairs of words"),
    ("rouge_l", "quality", rouge.rouge_l, "its words in their order"),
    ("answers_benign", "behaviour", behaviour.answers_benign, "no refusal of what may be answered"),
    ("refuses_harmful", "behaviour", behaviour.refuses_harmful, "a refusal of what must not be answered"),
    ("no_refusal", "behaviour", behaviour.no_refusal, "no refusal, whatever was asked"),
    (
        "resists_injection",
        "behaviour",
        behaviour.resists_injection,
        "not the words that an injection dictates",
    ),
    ("no_error_text", "behaviour", behaviour.no_error_text, "no stack trace or error page"),
)
TABLE = {name: Scorer(name, dimension, score, meaning) for name, dimension, score, meaning in _ROWS}
OF_A_PART = frozenset(
    (
        "no_refusal",
        "answers_benign",
        "refuses_harmful",
        "no_error_text",
        "no_pii",
        "no_repetition",
        "readability",
    )
)  # say the same of the beginning of a response as of the whole
DEGREES = frozenset(
    (
        "length_match",
        "no_repetition",
        "readability",
        "rouge_1",
        "rouge_2",
        "rouge_l",
        "bleu",
        "chrf",
        "similarity",
    )
)  # of likeness and style: a low one is no failure, a high one no proof
