"""Results of other harnesses as evaluations: recognised, matched with the items of an eval set, made rows."""

import json
import zipfile
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from app.adapters.files import lines_of
from app.adapters.harness import Format, Found, Result, Unread, document, inspect_log, openai_evals, promptfoo
from app.core.evalrun import Question, digest
from app.core.units import canonical
from app.errors import InputError
from schemas.codec import Rejection, decode
from schemas.events import Dimension, Evaluation

READERS: Mapping[Format, Callable[[Path], Found]] = {
    Format.promptfoo: promptfoo.read,
    Format.openai_evals: openai_evals.read,
    Format.inspect: inspect_log.read,
}
NAMES = {
    "name": ("name", "metric", "scorer"),
    "score": ("score", "value", "correct", "passed"),
    "item_id": ("item_id", "item", "sample_id"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Whose:
    """What the results of a file are said to be of."""

    application: str
    now: datetime  # of results that name no time
    dimension: Dimension
    version: str | None = None  # of the eval set; None: items of somewhere else
    questions: Sequence[Question] = ()
    model: str | None = None
    deployment: str | None = None
    run: str | None = None


LOOKS: tuple[tuple[Format, Callable[[object], bool]], ...] = (
    (Format.openai_evals, openai_evals.is_spec),
    (Format.promptfoo, promptfoo.is_row),
    (Format.promptfoo, promptfoo.is_summary),
    (Format.inspect, inspect_log.is_log),
)


def recognised(path: Path) -> Format:
    """The format of a file, by what it begins with.  Raises: InputError."""
    try:
        if path.suffix != ".gz" and zipfile.is_zipfile(path):
            return Format.inspect
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    first = _first(path)
    whole = document(path) if first is None else first
    return next((name for name, is_one in LOOKS if is_one(whole)), Format.jsonl)


def evaluations(path: Path, format: Format, whose: Whose) -> tuple[list[Evaluation], list[Unread], int]:
    """Rows, what could not be read, and how many items the eval set does not have.  Raises: InputError."""
    if format is Format.jsonl:
        return _plain(path, whose)
    found = READERS[format](path)
    rows, strange = _rows(found.results, whose, scorer=format.value)
    return rows, found.unread, strange


def _rows(results: Sequence[Result], whose: Whose, *, scorer: str) -> tuple[list[Evaluation], int]:
    """One row an item and score: repeats are averaged."""
    known = _Known(whose.questions)
    together: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    last: dict[tuple[str, str], Result] = {}
    for result in results:
        item = known.find(result)
        last[result.run, item] = result
        for name, score in result.scores.items():
            together[result.run, item, name].append(score)
    rows = []
    for (run, item, name), scores in together.items():
        result, question = last[run, item], known.by_id.get(item)
        named = whose.run or run
        rows.append(
            Evaluation(
                application=whose.application,
                time=result.time or whose.now,
                name=name,
                id=digest(named, item, name),
                score=sum(scores) / len(scores),
                item_id=item[:256],
                evalset_version=whose.version if question is not None else None,
                deployment_id=whose.deployment,
                model=(whose.model or result.model or "")[:256] or None,
                source="evaluation",
                purpose="run" if question is not None else None,
                run_id=named[:256],
                dimension=whose.dimension,
                scorer=f"{scorer}/{name}"[:256],
                stratum=None if question is None else question.stratum,
            )
        )
    return rows, len({item for _, item in last} - known.by_id.keys()) if whose.questions else 0


class _Known:
    """Items of the eval set, found by their id, else by their text."""

    def __init__(self, questions: Sequence[Question]) -> None:
        self.by_id = {question.id: question for question in questions}
        self._by_text = {canonical(question.prompt): question.id for question in reversed(questions)}

    def find(self, result: Result) -> str:
        """The id of the item; what is none of the set keeps its own."""
        if result.item in self.by_id:
            return result.item
        texts = (self._by_text.get(canonical(text)) for text in result.texts)
        return next((id for id in texts if id is not None), result.item)


def _plain(path: Path, whose: Whose) -> tuple[list[Evaluation], list[Unread], int]:
    rows: list[Evaluation] = []
    unread: list[Unread] = []
    known = {question.id: question for question in whose.questions}
    for number, line in lines_of(path):
        for event in decode(line, kind="evaluation", application=whose.application, reshape=_shaped(whose)):
            if isinstance(event, Rejection):
                unread.append(Unread(f"line {number:,}", str(event.error)))
            elif not isinstance(event, Evaluation):
                unread.append(Unread(f"line {number:,}", "type: is no evaluation; use `promptdrift send`"))
            else:
                rows.append(event)
    items = {row.item_id for row in rows if row.item_id is not None}
    return rows, unread, len(items - known.keys()) if known else 0


def _shaped(whose: Whose) -> Callable[[dict[str, Any]], dict[str, Any]]:
    known = {question.id: question for question in whose.questions}
    said = {
        "time": whose.now,
        "model": whose.model,
        "deployment_id": whose.deployment,
        "run_id": whose.run,
        "dimension": whose.dimension,
    }

    def reshape(found: dict[str, Any]) -> dict[str, Any]:
        out = dict(found)
        for ours, theirs in NAMES.items():
            given = next((found[name] for name in theirs if found.get(name) is not None), None)
            if given is not None:
                out[ours] = given
        if out.get("item_id") is None and out.get("interaction_id") is None:
            out["item_id"] = out.pop("id", None)
        if isinstance(out.get("score"), bool):
            out["score"] = float(out["score"])
        if isinstance(out.get("item_id"), int):
            out["item_id"] = str(out["item_id"])
        question = known.get(out.get("item_id") or "")
        if question is not None:
            of_set = {"purpose": "run", "evalset_version": whose.version, "stratum": question.stratum}
            out = {**of_set, **{name: value for name, value in out.items() if value is not None}}
        return {name: value for name, value in said.items() if value is not None} | out

    return reshape


def _first(path: Path) -> Any:  # noqa: ANN401  any JSON value
    """The first line, where it is JSON by itself."""
    for _, line in lines_of(path):
        try:
            return json.loads(line)
        except (ValueError, RecursionError):
            return None
    raise InputError(f"{path}: is empty; give a file of results")
