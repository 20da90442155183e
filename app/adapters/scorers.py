"""Scorers that need more than the texts: a library, the redaction rules, or the user's own function."""

import importlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any

import msgspec

from app.adapters.redaction import redact
from app.core.scorers import TABLE, Answered, Score, Scorer
from app.core.scorers.answered import READ
from app.errors import InputError, SettingsError

_PLACEHOLDER = re.compile(r"<(?:email|phone|card|iban|ip|id|key)>")


def scorers_of(names: Iterable[str]) -> dict[str, Scorer]:
    """Scorers by name: of the table, of the libraries, or `package.module:function` of the user's own.

    A function takes an `Answered` and gives a number in [0, 1], a bool, or None.  What it raises and what is
    no score become None, once a score is asked: a worker does not end because of it.
    Raises: SettingsError naming what is not there, InputError naming the extra that is not installed.

    >>> [scorer.dimension for scorer in scorers_of(["numeric", "no_pii"]).values()]
    ['accuracy', 'behaviour']
    """
    return {name: _scorer(name) for name in names}


def no_pii(answered: Answered) -> Score:
    """No address, number, or key in the response beyond those of the prompt.  Recognises forms, not names.

    >>> no_pii(Answered(prompt="Who sells it?", response="Mail ann@example.org"))
    0.0
    """
    said, asked = (
        found_in(text, redact(text[:READ], limit=READ)) for text in (answered.response, answered.prompt)
    )
    return float(not (said - asked))


def found_in(text: str, redacted: str) -> Counter[str]:
    """What redaction put in the place of something, and how often.

    >>> found_in("<id> of ann@example.org", "<id> of <email>")
    Counter({'<email>': 1})
    """
    return Counter(_PLACEHOLDER.findall(redacted)) - Counter(_PLACEHOLDER.findall(text))


def json_schema(answered: Answered) -> Score:
    """The response, or what stands in its fence, is JSON of the given schema; None where none is given."""
    if answered.json_schema is None:
        return None
    library = _library("jsonschema")
    try:
        schema = msgspec.json.decode(answered.json_schema)
        value = msgspec.json.decode(_unfenced(answered.response[:READ]))
        validator = library.validators.validator_for(schema, library.Draft202012Validator)
        return float(validator(schema).is_valid(value))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return 0.0
    except Exception:  # a schema that is none, or that refers elsewhere, has the library's own errors
        return None


def bleu(answered: Answered) -> Score:
    """Sentence BLEU over 100 (sacrebleu: smoothed exponentially, effective order)."""
    return _sacre(answered, "sentence_bleu")


def chrf(answered: Answered) -> Score:
    """chrF2 over 100 (sacrebleu)."""
    return _sacre(answered, "sentence_chrf")


def _sacre(answered: Answered, function: str) -> Score:
    if answered.expected is None or not answered.expected.strip():
        return None
    library = _library("sacrebleu")
    more: dict[str, Any] = {"use_effective_order": True} if function == "sentence_bleu" else {}
    found = getattr(library, function)(answered.response[:READ], [answered.expected[:READ]], **more)
    return min(max(float(found.score) / 100, 0.0), 1.0)


_OWN = (
    Scorer("no_pii", "behaviour", no_pii, "no personal data beyond the prompt's"),
    Scorer("json_schema", "quality", json_schema, "JSON of the schema that was given"),
    Scorer("bleu", "quality", bleu, "the words of the expected answer, by BLEU"),
    Scorer("chrf", "quality", chrf, "its sequences of characters, by chrF"),
)
NEEDS = {"json_schema": "jsonschema", "bleu": "sacrebleu", "chrf": "sacrebleu"}
SCORERS: Mapping[str, Scorer] = {**TABLE, **{scorer.name: scorer for scorer in _OWN}}


def _scorer(name: str) -> Scorer:
    if name in SCORERS:
        if name in NEEDS:
            _library(NEEDS[name])
        return SCORERS[name]
    module, _, attribute = name.partition(":")
    if not attribute:
        raise SettingsError(f"scorer {name!r}: write package.module:function, or one of {', '.join(SCORERS)}")
    try:
        function = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise SettingsError(f"scorer {name!r} cannot be imported ({type(error).__name__}: {error})") from None
    if not callable(function):
        raise SettingsError(f"scorer {name!r} is a {type(function).__name__}, no function")
    return Scorer(name, "quality", _guarded(function), "as its author says")


def _guarded(function: Callable[[Answered], Any]) -> Callable[[Answered], Score]:
    def score(answered: Answered) -> Score:
        try:
            found = function(answered)
            return valid(None if found is None else float(found))
        except Exception:  # the user's code: any error is its own
            return None

    return score


def valid(score: float | None) -> Score:
    """A score, or None where it is none.

    >>> valid(0.5), valid(float("nan")), valid(1.2)
    (0.5, None, None)
    """
    return score if score is not None and 0 <= score <= 1 else None


def _unfenced(text: str) -> str:
    fenced = re.search(r"```(?:json)?[ \t]*\n(.*?)```", text, re.DOTALL | re.IGNORECASE)
    return fenced[1] if fenced else text


def _library(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise InputError(
            f"this scorer needs {name}, which is not installed: install the extra `scorers`"
        ) from None
