"""`evalset probe`: one pass of frozen questions, for a scheduler to start."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.evalset_asking import Asking, asked_of, asks, rows_at, scoring_of, stratified
from app.cli.evalset_inputs import STORE, Application, Store
from app.cli.evalset_run import ask_all, end, facts, show_lines
from app.cli.terminal import AsJson, say, settings_of, show_json
from app.settings import Settings

if TYPE_CHECKING:
    from app.adapters.evalrun import Heard
    from app.adapters.probes import Probes, ProbeSet
    from app.core.evalrun import Run
    from schemas.events import Evaluation

Frozen = Annotated[
    Path | None, typer.Option(help="Eval set whose items are the probes; once given, they stay.  JSONL.")
]


@asks
def probe(  # noqa: PLR0913  a command's options
    ctx: typer.Context,
    application: Application,
    target: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Chat completions.", show_default="of evaluation.targets"),
    ] = None,
    probes: Frozen = None,
    items: Annotated[int, typer.Option(min=1, max=1000, help="To draw, where none are frozen.")] = 30,
    every: Annotated[float, typer.Option(metavar="MINUTES", min=1, help="How often it is started.")] = 60.0,
    store: Store = STORE,
    as_json: AsJson = False,
    *,
    asking: Asking,
) -> None:
    """Ask a model the frozen probes once, and publish how near its answers are to its first ones.

    Without --probes they are drawn once from the version in force.  Under a new deployment first answers are
    taken anew; which deployment is in force, the topic says where --deployment does not.
    """
    from app.adapters.deployed import latest
    from app.adapters.evalrun import ModelTarget
    from app.adapters.evalsets import EvalSets
    from app.adapters.probes import Probes
    from app.adapters.scoring import asked as by_network
    from app.core.evalrun import Run, digest, run_id, unknown
    from app.core.probes import slot

    settings, held = settings_of(ctx), Probes(EvalSets(store, application))
    candidate = asking.candidate(target, application, settings)
    frozen = _frozen(held, settings, application, given=probes, items=items, store=store)
    release = asking.deployment or (latest(settings.kafka, application) if asking.out is None else None)
    whom = (application, frozen.id, candidate.model, release or "", candidate.system)
    going = Run(
        id=run_id("probe", *whom, slot(datetime.now(UTC), every_seconds=60 * every)),
        application=application,
        version=frozen.id,
        model=candidate.model,
        deployment=release,
        purpose="probe",
    )
    scoring, rows = scoring_of(asking.scorer, settings), rows_at(asking.out, settings)
    known = rows.known(going.id)
    left = unknown(frozen.questions, known, needed=by_network(scoring))
    say(f"{going.id}: {len(left):,} of {len(frozen.probes):,} probes to ask; rows to {rows.place}")
    heard = []
    if left:
        more = _compare(held, going, digest(*whom))
        heard = ask_all(
            going, left, ModelTarget(candidate), scoring, rows, concurrency=asking.concurrency, more=more
        )
    _tell(going, frozen, [*known, *(row for each in heard for row in each.rows)], heard, as_json=as_json)
    end(heard, known=len(frozen.probes) - len(left), total=len(frozen.probes))


def _frozen(
    held: "Probes", settings: Settings, application: str, *, given: Path | None, items: int, store: str
) -> "ProbeSet":
    """The probes in force; frozen here where none are, or where others are given."""
    from app.core.evalrun import questions_of
    from app.core.probes import drawn

    found = held.current()
    if given is not None:
        asked = asked_of(application, "", eval_set=given, store=store)
        ids = [(q.id, q.prompt, q.expected) for q in asked.questions]
        if found is not None and ids == [(p.id, p.prompt, p.expected) for p in found.probes]:
            return found
        return held.freeze(stratified(asked.questions, asked, settings))
    if found is not None:
        return found
    asked = asked_of(application, "current", eval_set=None, store=store)
    return held.freeze(stratified(questions_of(drawn(asked.curated, items)), asked, settings))


def _compare(held: "Probes", going: "Run", key: str) -> "Callable[[Heard], Heard]":
    def more(heard: "Heard") -> "Heard":
        if heard.failure is not None:
            return heard
        told = held.compared(going, heard.question, heard.answer, key=key, now=datetime.now(UTC))
        return heard if told is None else replace(heard, rows=(*heard.rows, told))

    return more


def _tell(
    going: "Run", frozen: "ProbeSet", rows: "Sequence[Evaluation]", heard: "Sequence[Heard]", *, as_json: bool
) -> None:
    from app.core.evalrun import lines
    from app.core.probes import SAME_ANSWER

    told = lines(frozen.questions, rows)
    same = [row.score for row in rows if row.name == SAME_ANSWER and row.score is not None]
    mean = sum(same) / len(same) if same else None
    if as_json:
        show_json(facts(going, told, heard) | {"same_answer": mean, "compared": len(same)})
    else:
        show_lines(told)
    if mean is None:
        say("first answers kept; from the next pass on answers are compared with them")
    else:
        say(f"same answer: {mean:.3f} over {len(same):,} probes, the least {min(same):.3f}")
