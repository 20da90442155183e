"""`evalset run`: a version of the set, or a plain eval-set file, asked of a model and scored."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.evalset_asking import Asking, asked_of, asks, is_url, rows_at, scoring_of, stratified
from app.cli.evalset_inputs import STORE, Application, Store, Version
from app.cli.inputs import tell_unreadable
from app.cli.terminal import AsJson, progress, say, settings_of, show_json, show_table
from app.errors import DependencyError, InputError
from app.settings import Settings

if TYPE_CHECKING:
    from app.adapters import evalrun
    from app.adapters.evaluations import Rows
    from app.adapters.evaluators import Evaluators
    from app.core.evalrun import Line, Question, Run

EVERY = 20  # answers to a delivery of rows: what a run that is killed asks again
LISTED = 5  # failures named one by one
More = Callable[["evalrun.Heard"], "evalrun.Heard"]


@asks
def run(  # noqa: PLR0913  a command's options
    ctx: typer.Context,
    application: Application,
    target: Annotated[
        str | None,
        typer.Option(
            metavar="URL|FILE",
            help="Chat completions, or a file of answers: id, answer.",
            show_default="of evaluation.targets",
        ),
    ] = None,
    version: Version = "current",
    eval_set: Annotated[
        Path | None, typer.Option(help="A plain eval set instead of a version.  JSONL.")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--run", help="Name of the run; default: what is asked of whom.")
    ] = None,
    store: Store = STORE,
    as_json: AsJson = False,
    *,
    asking: Asking,
) -> None:
    """Ask a model the items of a version, score its answers, and publish a row for each score.

    The same command again asks only what has no answer yet; --run NAME begins anew.
    """
    from app.adapters.scoring import asked as by_network
    from app.core.evalrun import lines, run_of, unknown

    settings = settings_of(ctx)
    asked = answers_at(target, asking, application, settings)
    scoring, rows = scoring_of(asking.scorer, settings), rows_at(asking.out, settings)
    found = asked_of(application, version, eval_set=eval_set, store=store)
    questions = found.questions
    going = run_of(
        application,
        found.version,
        model=asked.model or asking.model,
        asked=asked.under,
        deployment=asking.deployment,
    )
    going = going if name is None else replace(going, id=name)
    known = rows.known(going.id)
    left = unknown(questions, known, needed=by_network(scoring))
    say(f"{going.id}: {len(left):,} of {len(questions):,} items to ask; rows to {rows.place}")
    heard = []
    if left:
        placed = stratified(left, found, settings)
        heard = ask_all(going, placed, asked, scoring, rows, concurrency=asking.concurrency)
    told = lines(questions, [*known, *(row for each in heard for row in each.rows)])
    if as_json:
        show_json(facts(going, told, heard))
    else:
        show_lines(told)
    end(heard, known=len(questions) - len(left), total=len(questions))


def facts(going: "Run", told: "Sequence[Line]", heard: "Sequence[evalrun.Heard]") -> dict[str, Any]:
    """The same for a program."""
    return {
        "run": going.id,
        "version": going.version,
        "lines": [asdict(each) | {"interval": _limits(each)} for each in told],
        "failures": {each.question.id: each.failure.reason for each in heard if each.failure is not None},
        "cost": round(sum(each.cost for each in heard), 6),
    }


class Delivery:
    """Hears of every question, and delivers rows in small batches: what is delivered is never asked again."""

    def __init__(self, rows: "Rows", advance: Callable[[float], None], more: More) -> None:
        self.heard: list[evalrun.Heard] = []
        self._more = more
        self._rows, self._advance = rows, advance
        self._waiting: list[evalrun.Heard] = []

    def tell(self, heard: "evalrun.Heard") -> None:
        """One question came back."""
        heard = self._more(heard)
        self.heard.append(heard)
        self._waiting.append(heard)
        self._advance(1)
        if len(self._waiting) >= EVERY:
            self.flush()

    def flush(self) -> None:
        """Deliver what waits.  Raises: DependencyError, InputError."""
        waiting, self._waiting = self._waiting, []
        self._rows.add([row for heard in waiting for row in heard.rows])


def answers_at(target: str | None, asking: Asking, application: str, settings: Settings) -> "evalrun.Target":
    """Whom to ask.  Raises: InputError, SettingsError, BadParameter."""
    from app.adapters.evalrun import FileTarget, ModelTarget, read_answers

    if target is None or is_url(target):
        return ModelTarget(asking.candidate(target, application, settings))
    path = Path(target)
    answers, bad = read_answers(path)
    tell_unreadable(path, bad)
    return FileTarget(answers)


def ask_all(  # noqa: PLR0913  the parts of a run
    going: "Run",
    questions: "Sequence[Question]",
    target: "evalrun.Target",
    scoring: "Evaluators",
    rows: "Rows",
    *,
    concurrency: int,
    more: More = lambda heard: heard,
) -> "list[evalrun.Heard]":
    """Ask, score and deliver.  What came back before something raised is delivered all the same.

    Args: more, adds rows to what came back.
    """
    from app.adapters.evalrun import ask

    async def asked(delivery: Delivery) -> None:
        try:
            await ask(going, questions, target, scoring, tell=delivery.tell, concurrency=concurrency)
        finally:
            await target.close()
            await scoring.close()

    with progress("asking", len(questions)) as advance:
        delivery = Delivery(rows, advance, more)
        try:
            asyncio.run(asked(delivery))
        finally:
            delivery.flush()
    return delivery.heard


def show_lines(found: "Sequence[Line]") -> None:
    """The three dimensions, and under each its metrics."""
    rows = [
        (each.dimension, each.metric or "all", each.layer, each.items, f"{each.value:.3f}", _interval(each))
        for each in found
    ]
    show_table([("DIMENSION", "METRIC", "LAYER", "ITEMS", "SCORE", "95 %"), *rows])


def end(heard: "Sequence[evalrun.Heard]", *, known: int, total: int) -> None:
    """Count and list what failed.

    Raises: DependencyError where asking again may help, InputError where nothing was answered at all.
    """
    failed = [(each.question.id, each.failure) for each in heard if each.failure is not None]
    for id, failure in failed[:LISTED]:
        say(f"{id}: no answer: {failure.reason}")
    if len(failed) > LISTED:
        reasons = Counter(failure.reason for _, failure in failed)
        say("; ".join(f"{count:,} x {reason}" for reason, count in reasons.most_common(LISTED)))
    silent = Counter(name for each in heard for name in each.unscored)
    for name, count in silent.items():
        say(f"{name}: did not score {count:,} answers")
    mute = sum(each.failure is None and not each.rows and not each.unscored for each in heard)
    if mute:
        say(f"{mute:,} answers to which no scorer applies")
    if heard and len(failed) == len(heard) and all(f.kind == "unusable" for _, f in failed) and not known:
        raise InputError("no answer is to an item of this set; check the ids and the version")
    lost = sum(each.again for each in heard)
    if lost:
        raise DependencyError(f"{lost:,} of {total:,} items are left; the same command again asks only them")


def _limits(line: "Line") -> list[float] | None:
    if line.interval is None:
        return None
    return [min(max(limit, 0.0), 1.0) for limit in (line.interval.low, line.interval.high)]


def _interval(line: "Line") -> str:
    limits = _limits(line)
    return "too few items to tell" if limits is None else f"{limits[0]:.3f} to {limits[1]:.3f}"
