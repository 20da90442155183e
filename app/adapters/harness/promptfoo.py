"""What `promptfoo eval --output` writes as .json and .jsonl: versions 2 and 3 of its summary."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from app.adapters.files import lines_of
from app.adapters.harness import Found, Result, Unread, document, moment, numbers, plain_number
from schemas.codec import SchemaError, read_object

ERROR = 2  # failureReason: neither passed nor failed
ITEM = ("id", "item_id")


def is_row(found: object) -> bool:
    """Whether this is a result of one test."""
    return isinstance(found, dict) and "testIdx" in found and "promptIdx" in found


def is_summary(found: object) -> bool:
    """Whether this is a file of results, or the summary within one."""
    return isinstance(found, dict) and _rows(found) is not None


def read(path: Path) -> Found:
    """A document, or one result a line.  Raises: InputError."""
    return _lines(path) if path.suffix in (".jsonl", ".gz") else _document(path)


def _document(path: Path) -> Found:
    whole = document(path)
    inner = whole.get("results") if isinstance(whole, dict) else None
    summary = inner if isinstance(inner, dict) else whole
    found, name = Found(), str(whole.get("evalId") or path.stem)
    for number, row in enumerate(_rows(whole) or []):
        _take(found, row, f"results[{number}]", name, summary.get("timestamp"))
    return found


def _lines(path: Path) -> Found:
    found = Found()
    for number, line in lines_of(path):
        try:
            row = read_object(line)
        except SchemaError as error:
            found.unread.append(Unread(f"line {number:,}", str(error)))
            continue
        _take(found, row, f"line {number:,}", str(row.get("evalId") or path.stem), None)
    return found


def _rows(whole: Mapping[str, Any]) -> list[Any] | None:
    inner = whole.get("results")
    rows = inner.get("results") if isinstance(inner, dict) else inner
    told = isinstance(inner, dict) or "stats" in whole
    return rows if isinstance(rows, list) and told else None


def _take(found: Found, row: Any, place: str, name: str, time: Any) -> None:  # noqa: ANN401  any JSON value
    if not isinstance(row, dict):
        found.unread.append(Unread(place, "is no result"))
        return
    grading = _dict(row.get("gradingResult"))
    if row.get("failureReason") == ERROR or _dict(grading.get("metadata")).get("graderError"):
        found.unread.append(Unread(place, "ended in an error, and has no score"))
        return
    given = {"score": row.get("score", grading.get("score")), **_dict(row.get("namedScores"))}
    scores, wrong = numbers(given, read=plain_number)
    model = _model(row.get("provider"))
    case, prompt = _dict(row.get("testCase")), _dict(row.get("prompt"))
    values = {**_dict(case.get("vars")), **_dict(row.get("vars"))}
    raw = prompt.get("raw")
    texts = [raw] if isinstance(raw, str) else []
    texts += [value for value in values.values() if isinstance(value, str)]
    found.add(
        Result(
            place=place,
            run=f"{name}:{model or ''}:{row.get('promptIdx', 0)}",
            item=next(_names(_dict(case.get("metadata")), values), f"test-{row.get('testIdx', place)}"),
            scores=scores,
            texts=tuple(texts),
            repeat=len(found.results),
            model=model,
            time=moment(time),
        ),
        wrong,
    )


def _names(*places: Mapping[str, Any]) -> Iterator[str]:
    for place in places:
        yield from (str(place[key]) for key in ITEM if isinstance(place.get(key), str | int))


def _model(given: Any) -> str | None:  # noqa: ANN401  any JSON value
    if isinstance(given, str):
        return given
    named = _dict(given)
    told = named.get("label") or named.get("id")
    return told if isinstance(told, str) else None


def _dict(given: Any) -> Mapping[str, Any]:  # noqa: ANN401  any JSON value
    return given if isinstance(given, dict) else {}
