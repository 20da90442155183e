"""What `oaieval` of openai/evals records: a line with the spec, a line for each event, one with the report.

Scores are `correct` of a `match`, and the numbers of `metrics`; `sampling` tells what was asked.
"""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.adapters.files import lines_of
from app.adapters.harness import Found, Result, Unread, last_user, moment, numbers, plain_number
from schemas.codec import SchemaError, read_object

SCORED = ("match", "metrics")


def is_spec(found: object) -> bool:
    """Whether this is the line that such a file begins with."""
    return isinstance(found, dict) and isinstance(found.get("spec"), dict) and "run_id" in found["spec"]


def read(path: Path) -> Found:
    """Scores of all events of a sample, together."""
    found, spec = Found(), dict[str, Any]()
    events: dict[str, list[tuple[int, Mapping[str, Any]]]] = defaultdict(list)
    for number, line in lines_of(path):
        try:
            row = read_object(line)
        except SchemaError as error:
            found.unread.append(Unread(f"line {number:,}", str(error)))
            continue
        if is_spec(row):
            spec = row["spec"]
        elif isinstance(row.get("sample_id"), str) and isinstance(row.get("data"), dict):
            events[row["sample_id"]].append((number, row))
        elif "final_report" not in row and "type" not in row:
            found.unread.append(Unread(f"line {number:,}", "is neither spec, event nor report"))
    named = spec.get("completion_fns")
    model = named[0] if isinstance(named, list) and named and isinstance(named[0], str) else None
    for sample, rows in events.items():
        _take(found, sample, rows, run=str(spec.get("run_id") or path.stem), model=model)
    return found


def _take(
    found: Found, sample: str, rows: list[tuple[int, Mapping[str, Any]]], *, run: str, model: str | None
) -> None:
    given: dict[str, list[float]] = defaultdict(list)
    wrong: list[str] = []
    texts: tuple[str, ...] = ()
    last, time = rows[-1][0], None
    for number, row in rows:
        if row.get("type") == "sampling":
            texts += last_user(row["data"].get("prompt"))
        if row.get("type") not in SCORED:
            continue
        last, time = number, moment(row.get("created_at")) or time
        told = {"match": row["data"].get("correct")} if row["type"] == "match" else _numeric(row["data"])
        scores, bad = numbers(told, read=plain_number)
        wrong += bad
        for name, score in scores.items():
            given[name].append(score)
    means = {name: sum(each) / len(each) for name, each in given.items()}
    result = Result(
        place=f"line {last:,}", run=run, item=sample, scores=means, texts=texts, model=model, time=time
    )
    found.add(result, wrong)


def _numeric(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Metrics may hold the choice of a judge, and whatever else helps."""
    return {name: value for name, value in metrics.items() if plain_number(value) is not None}
