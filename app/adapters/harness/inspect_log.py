"""Logs of Inspect: .json, and .eval, which is an archive with a file for each sample.

Values are read as Inspect's own metrics read them: C is 1, P 0.5, I and N 0; yes, true, no, false and numbers
in words; NaN was not scored.  A value of several parts is a score each.
"""

import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from app.adapters.harness import Found, Result, Unread, document, last_user, moment, numbers
from app.errors import InputError

HEADERS = ("header.json", "_journal/start.json", "start.json")  # a log that broke off has no header
LETTERS = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}
WORDS = {"yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}


def is_log(found: object) -> bool:
    """Whether this is a log."""
    return isinstance(found, dict) and isinstance(found.get("eval"), dict) and "task" in found["eval"]


def value_of(value: Any) -> float | None:  # noqa: ANN401  any JSON value
    """A score as a number.

    >>> value_of("C"), value_of("P"), value_of("Yes"), value_of("0.25"), value_of("unsure")
    (1.0, 0.5, 1.0, 0.25, None)
    """
    if isinstance(value, bool | int | float):
        return float(value)
    if not isinstance(value, str):
        return None
    if value in LETTERS:
        return LETTERS[value]
    try:
        return WORDS.get(value.lower()) if value.lower() in WORDS else float(value)
    except ValueError:
        return None


def read(path: Path) -> Found:
    """A log.  Raises: InputError where it is none."""
    found = Found()
    header, samples = _archive(path, found) if zipfile.is_zipfile(path) else _document(path)
    if not is_log(header):
        raise InputError(f"{path}: is no log of Inspect; name its --format")
    spec = header["eval"]
    for place, sample in samples:
        _take(found, sample, place, spec)
    return found


def _document(path: Path) -> tuple[Any, list[tuple[str, Any]]]:
    whole = document(path)
    listed = whole.get("samples") if isinstance(whole, dict) else None
    samples = listed if isinstance(listed, list) else []
    return whole, [(f"samples[{number}]", each) for number, each in enumerate(samples)]


def _archive(path: Path, found: Found) -> tuple[Any, list[tuple[str, Any]]]:
    samples: list[tuple[str, Any]] = []
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            first = next((name for name in HEADERS if name in names), None)
            header = None if first is None else json.loads(archive.read(first))
            for name in sorted(n for n in names if n.startswith("samples/") and n.endswith(".json")):
                try:
                    samples.append((name, json.loads(archive.read(name))))
                except (ValueError, RecursionError, zipfile.BadZipFile):
                    found.unread.append(Unread(name, "is no JSON"))
    except NotImplementedError:
        raise InputError(
            f"{path}: is compressed in a way that this Python cannot read; "
            "give it what `inspect log dump` prints"
        ) from None
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: cannot be read ({type(error).__name__}); copy it again") from None
    return header, samples


def _take(found: Found, sample: Any, place: str, spec: Mapping[str, Any]) -> None:  # noqa: ANN401  any JSON
    if not isinstance(sample, dict) or not isinstance(sample.get("id"), str | int):
        found.unread.append(Unread(place, "is no sample with an id"))
        return
    if sample.get("error") or sample.get("invalidation"):
        found.unread.append(Unread(place, "ended in an error, or was declared invalid"))
        return
    told = sample.get("scores")
    scores, wrong = numbers(dict(_parts(told if isinstance(told, dict) else {})), read=value_of)
    model = spec.get("model")
    found.add(
        Result(
            place=place,
            run=str(spec.get("eval_id") or spec.get("run_id") or spec["task"]),
            item=str(sample["id"]),
            scores=scores,
            texts=last_user(sample.get("input")),
            repeat=sample.get("epoch", 1) if isinstance(sample.get("epoch"), int) else 1,
            model=model if isinstance(model, str) else None,
            time=moment(sample.get("completed_at")) or moment(spec.get("created")),
        ),
        wrong,
    )


def _parts(scores: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, score in scores.items():
        value = score.get("value") if isinstance(score, dict) else score
        if isinstance(value, dict):
            yield from ((f"{name}/{part}", each) for part, each in value.items())
        else:
            yield name, value
