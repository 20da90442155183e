"""`evalset import`: results of other harnesses become evaluations."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.adapters.harness import Format
from app.cli.evalset_asking import Deployment, Model, Out, asked_of, rows_at, stratified
from app.cli.evalset_inputs import STORE, Application, Store
from app.cli.inputs import FIRST
from app.cli.terminal import AsJson, say, settings_of, show, show_json
from app.errors import InputError
from schemas.events import Dimension

if TYPE_CHECKING:
    from app.adapters.harness import Unread


def import_(  # noqa: PLR0913  a command's options
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="Results, as the harness wrote them.")],
    application: Application,
    format: Annotated[Format | None, typer.Option(help="Default: what the file looks like.")] = None,
    version: Annotated[
        str | None, typer.Option(help="Version whose items these are: its name, `current` or `latest`.")
    ] = None,
    eval_set: Annotated[Path | None, typer.Option(help="Plain eval set of these items.")] = None,
    dimension: Annotated[Dimension, typer.Option(help="What the scores are of.")] = "accuracy",
    model: Model = None,
    deployment: Deployment = None,
    name: Annotated[str | None, typer.Option("--run", help="Of the run; default: the harness's.")] = None,
    out: Out = None,
    store: Store = STORE,
    as_json: AsJson = False,
) -> None:
    """Publish the scores of promptfoo, openai/evals, Inspect, or of lines of JSON, as evaluations.

    With --version or --eval-set they are a run of that set: items meet by their ids, else by their prompts.
    The same file again gives the same rows, by their ids.
    """
    from app.adapters.imports import Whose, evaluations, recognised

    settings = settings_of(ctx)
    named, questions = None, []
    if version is not None or eval_set is not None:
        asked = asked_of(application, version or "current", eval_set=eval_set, store=store)
        named, questions = asked.version, stratified(asked.questions, asked, settings)
    whose = Whose(
        application=application,
        now=datetime.now(UTC),
        dimension=dimension,
        version=named,
        questions=questions,
        model=model,
        deployment=deployment,
        run=name,
    )
    kind = format or recognised(file)
    found, unread, strange = evaluations(file, kind, whose)
    _tell(file, unread)
    if not found:
        first = f"; {unread[0]}" if unread else ""
        raise InputError(f"{file}: holds no result of {kind.value} that is usable{first}")
    if strange:
        say(f"{strange:,} items are not in {named}: their rows say nothing of it")
    rows = rows_at(out, settings)
    rows.add(found)
    say(f"{len(found):,} scores of {kind.value} to {rows.place}")
    runs = sorted({row.run_id or "" for row in found})
    if as_json:
        show_json(
            {"format": kind.value, "rows": len(found), "runs": runs, "unread": [str(u) for u in unread]}
        )
        return
    for run in runs:
        show(run)


def _tell(path: Path, unread: "Sequence[Unread]") -> None:
    for each in unread[:FIRST]:
        say(f"{path}: {each}")
    if len(unread) > FIRST:
        say(f"{path}: ... {len(unread):,} unreadable in all")
