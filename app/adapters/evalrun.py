"""Asks the questions of an eval set: a model over HTTP, or answers that lie in a file."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from app.adapters.calls import OF_THE_TEXT, Failure
from app.adapters.chat import Completion
from app.adapters.evaluators import Candidate, Evaluators
from app.adapters.files import BadLine, lines_of
from app.adapters.scoring import score
from app.core.evalrun import Question, Run, digest, row
from app.errors import InputError
from schemas.codec import SchemaError, read_object
from schemas.events import Evaluation

ENDS = ("open", "spent")  # failures after which nobody is asked any more
ANSWERS = ("answer", "response", "output", "completion")


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One question that was asked: its rows, or why there are none; scorers that failed by name."""

    question: Question
    rows: tuple[Evaluation, ...] = ()
    answer: str = ""
    cost: float = 0.0
    failure: Failure | None = None
    unscored: Mapping[str, Failure] = field(default_factory=dict)

    @property
    def again(self) -> bool:
        """Whether something failed in a way that may be over when it is asked again."""
        if self.failure is None:
            return bool(self.unscored)
        return self.failure.status not in OF_THE_TEXT and self.failure.kind != "unusable"


class Target(Protocol):
    """Whatever answers."""

    model: str | None  # as it is asked for; None: nobody said
    under: str  # the system prompt, or what else makes other answers of it

    async def answer(self, question: Question) -> Completion | Failure:
        """The answer to one question."""
        ...

    async def close(self) -> None:
        """Give connections back."""
        ...


class ModelTarget:
    """A model, asked as the product asks it: with its system prompt."""

    def __init__(self, model: Candidate) -> None:
        self._model = model
        self.model: str | None = model.model
        self.under = model.system

    async def answer(self, question: Question) -> Completion | Failure:
        """Ask, once for each text."""
        return await self._model.answer(question.prompt)

    async def close(self) -> None:
        """Give the connections back."""
        await self._model.close()


class FileTarget:
    """Answers by the id of their item."""

    def __init__(self, answers: Mapping[str, str]) -> None:
        self._answers = answers
        self.model: str | None = None
        self.under = digest(*(f"{id}\0{text}" for id, text in sorted(answers.items())))

    async def answer(self, question: Question) -> Completion | Failure:
        """What the file says."""
        found = self._answers.get(question.id)
        return Completion(found, 0.0) if found is not None else Failure("unusable", "the file has no answer")

    async def close(self) -> None:
        """Nothing is held."""


async def ask(
    run: Run,
    questions: Sequence[Question],
    target: Target,
    scoring: Evaluators,
    *,
    tell: Callable[[Heard], None],
    concurrency: int = 8,
) -> None:
    """Ask all, at most `concurrency` at once; `tell` hears of each as it comes back, in no set order.

    Once an endpoint is left alone (its breaker is open) or the money is spent, the rest is not asked.
    What `tell` raises ends the run.
    """
    left = iter(questions)
    over: list[Failure] = []

    async def work() -> None:
        for question in left:
            heard = (
                Heard(question=question, failure=over[0])
                if over
                else await _one(run, question, target, scoring)
            )
            if heard.failure is not None and heard.failure.kind in ENDS:
                over.append(heard.failure)
            tell(heard)

    workers = [asyncio.create_task(work()) for _ in range(min(concurrency, len(questions)))]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()


async def _one(run: Run, question: Question, target: Target, scoring: Evaluators) -> Heard:
    said = await target.answer(question)
    if isinstance(said, Failure):
        return Heard(question=question, failure=said)
    found, failed = await score(scoring, question.answered(said.text))
    now = datetime.now(UTC)
    rows = tuple(row(run, question, each, time=now, told=said.model) for each in found)
    cost = said.cost + sum(each.cost or 0.0 for each in found)
    return Heard(question=question, rows=rows, answer=said.text, cost=cost, unscored=failed)


def read_answers(path: Path) -> tuple[dict[str, str], list[BadLine]]:
    """Answers by id, and the lines that could not be used; of two with one id the first counts.

    Raises: InputError where the file cannot be read, or holds no answer.
    """
    answers: dict[str, str] = {}
    bad: list[BadLine] = []
    for number, line in lines_of(path):
        try:
            id, text = _answer(read_object(line))
            if id in answers:
                raise SchemaError("id", "was answered on a line before", "give each item one answer")
            answers[id] = text
        except SchemaError as error:
            bad.append(BadLine(line=number, field=error.field, problem=error.problem, remedy=error.remedy))
    if not answers:
        first = f"; {bad[0]}" if bad else ""
        raise InputError(f"{path}: holds no answer{first}")
    return answers, bad


def _answer(found: Mapping[str, object]) -> tuple[str, str]:
    id = next((found[name] for name in ("id", "item_id") if found.get(name) is not None), None)
    if not isinstance(id, str | int) or isinstance(id, bool) or id == "":
        raise SchemaError("id", "is missing", "give the id of the item")
    text = next((found[name] for name in ANSWERS if found.get(name) is not None), None)
    if not isinstance(text, str):
        raise SchemaError("answer", "is missing or no text", f"give it under one of {', '.join(ANSWERS)}")
    return str(id), text
