"""Results of other harnesses: promptfoo, openai/evals, Inspect, and plain lines of JSON.

Each reader gives results in the order of the file, and what it could not read with its place there.  Only
scores are taken: texts serve to recognise items, and are not kept.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from app.errors import InputError
from schemas.codec import SchemaError, parse_time

LARGEST = 1 << 30  # bytes of a document that is read whole


class Format(StrEnum):
    """Whose results a file holds; `jsonl`: a line for each score, in the words of evaluations.v1."""

    jsonl = "jsonl"
    promptfoo = "promptfoo"
    openai_evals = "openai-evals"
    inspect = "inspect"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One answer that was scored.  `repeat` tells answers to the same item apart."""

    place: str  # in the file
    run: str
    item: str
    scores: Mapping[str, float]  # in [0, 1]
    texts: tuple[str, ...] = ()  # that may be the prompt
    repeat: int = 0
    model: str | None = None
    time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Unread:
    """What could not be used, and why; nothing of its text."""

    place: str
    problem: str

    def __str__(self) -> str:
        return f"{self.place}: {self.problem}"


@dataclass(slots=True)
class Found:
    """All that a file holds."""

    results: list[Result] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)

    def add(self, result: Result, wrong: list[str]) -> None:
        """Take a result where any of its scores is one; list those that are not."""
        self.unread += [Unread(result.place, problem) for problem in wrong]
        if result.scores:
            self.results.append(result)
        elif not wrong:
            self.unread.append(Unread(result.place, "has no score"))


def document(path: Path) -> Any:  # noqa: ANN401  any JSON value
    """A file that is one JSON document; Python's writers put NaN into it.  Raises: InputError."""
    try:
        if path.stat().st_size > LARGEST:
            raise InputError(f"{path}: is larger than {LARGEST >> 20:,} MiB; write lines instead")
        return json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    except (ValueError, RecursionError):
        raise InputError(f"{path}: is no JSON document; name its --format") from None


def numbers(
    given: Mapping[str, Any], *, read: Callable[[Any], float | None]
) -> tuple[dict[str, float], list[str]]:
    """Scores in [0, 1] by name, and what is wrong with the others; None and NaN were not scored."""
    scores: dict[str, float] = {}
    wrong: list[str] = []
    for name, value in given.items():
        if value is None:
            continue
        number = read(value)
        if number is None:
            wrong.append(f"{name[:64]}: is no number")
        elif math.isnan(number):
            continue
        elif not 0 <= number <= 1:
            wrong.append(f"{name[:64]}: lies outside 0 to 1; scale it first")
        else:
            scores[name[:256]] = number
    return scores, wrong


def plain_number(value: Any) -> float | None:  # noqa: ANN401  any JSON value
    """A number or a truth value.

    >>> plain_number(True), plain_number("0.5")
    (1.0, None)
    """
    return float(value) if isinstance(value, bool | int | float) else None


def moment(value: Any) -> datetime | None:  # noqa: ANN401  any JSON value
    """A time, where it is one."""
    try:
        return None if value is None else parse_time(value, "time")
    except SchemaError:
        return None


def last_user(value: Any) -> tuple[str, ...]:  # noqa: ANN401  any JSON value
    """The text, or the last message of the user.

    >>> last_user([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}])
    ('Why?',)
    """
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list):
        return ()
    said = [m.get("content") for m in value if isinstance(m, dict) and m.get("role") == "user"]
    last = said[-1] if said else None
    if isinstance(last, list):
        parts = [part for part in last if isinstance(part, dict) and part.get("type") == "text"]
        last = "".join(str(part.get("text", "")) for part in parts)
    return (last,) if isinstance(last, str) else ()
