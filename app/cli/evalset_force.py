"""`evalset promote|withdraw`: which version is in force, and telling every worker."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.encoder import live_encoder
from app.cli.evalset_inputs import STORE, Application, By, Store, Version, announce, who
from app.cli.reference import tell_workers
from app.cli.terminal import say, settings_of, show_table
from app.core.curation_history import standing
from app.errors import InputError

if TYPE_CHECKING:
    from app.adapters.evalsets import EvalSets
    from app.core.reference import Reference
    from schemas.evalsets import Manifest

Out = Annotated[Path | None, typer.Option(help="Folder for the reference, instead of publishing it.")]


def promote(  # noqa: PLR0913  a command's options
    ctx: typer.Context,
    application: Application,
    version: Version = "latest",
    out: Out = None,
    by: By = None,
    note: Annotated[str, typer.Option(help="Why, for the history.")] = "",
    store: Store = STORE,
) -> None:
    """Put an approved version in force: its core becomes the reference of the application.

    What is recorded but could not be published is published by the same command again.
    """
    from app.adapters.evalsets import EvalSets

    sets = EvalSets(store, application)
    manifest, built = _reference(ctx, sets, version)
    before = standing(sets.history()).current
    if before != manifest.id:
        sets.append("promoted", manifest, now=datetime.now(UTC), by=who(by), note=note)
    _publish(ctx, sets, manifest, built, out)
    announce(settings_of(ctx), sets, connected=out is None)
    if before is not None and before != manifest.id:
        _side_by_side(sets.load(before)[0], manifest)


def withdraw(
    ctx: typer.Context,
    application: Application,
    note: Annotated[str, typer.Option(help="Why, for the history.")],
    out: Out = None,
    by: By = None,
    store: Store = STORE,
) -> None:
    """Take the version in force back: the one that was in force before is again, and is published."""
    from app.adapters.evalsets import EvalSets

    sets = EvalSets(store, application)
    manifest, _ = sets.load("current")
    sets.append("withdrawn", manifest, now=datetime.now(UTC), by=who(by), note=note)
    say(f"{manifest.id} is withdrawn")
    current = standing(sets.history()).current
    if current is None:
        say("no version is in force; workers compare with it until another one is published")
    else:
        _publish(ctx, sets, *_reference(ctx, sets, current), out)
    announce(settings_of(ctx), sets, connected=out is None)


def _reference(ctx: typer.Context, sets: "EvalSets", version: str) -> "tuple[Manifest, Reference]":
    from app.adapters.build import build_reference
    from app.adapters.curate import as_eval_items
    from app.adapters.watches import load_bank

    settings = settings_of(ctx)
    manifest, items = sets.load(version)
    encoder = live_encoder(settings.encoder)
    built = build_reference(
        as_eval_items([item for item in items if item.layer == "core"]),
        encoder=encoder,
        application=manifest.application,
        seed=manifest.seed,
        bank=load_bank(encoder, settings.detection),
    )
    return manifest, built


def _publish(
    ctx: typer.Context, sets: "EvalSets", manifest: "Manifest", built: "Reference", out: Path | None
) -> None:
    if out is not None:
        from app.adapters import references

        references.save_directory(built, out)
        say(f"{manifest.id}: reference {built.id} written to {out}")
    else:
        where = tell_workers(settings_of(ctx), manifest.application, built)
        say(f"{manifest.id}: reference {built.id} published{where}")
    try:
        sets.append("published", manifest, now=datetime.now(UTC), note=built.id)
    except InputError:
        current = standing(sets.history()).current
        if current in (None, manifest.id):
            raise
        say(f"{current} came into force meanwhile")  # what was told last must be what the history says
        _publish(ctx, sets, *_reference(ctx, sets, current), out)


def _side_by_side(old: "Manifest", new: "Manifest") -> None:
    rows = [("", "BEFORE", "NOW"), ("version", old.id, new.id), ("items", old.items, new.items)]
    shares = [
        "unknown" if m is None else f"{m.share:.1%} ({m.low:.1%} to {m.high:.1%})"
        for m in (new.uncovered_before, new.uncovered_after)
    ]
    show_table([*rows, ("uncovered", *shares)])
