"""`evalset build|diff|review|approve|promote|withdraw|export|history`: an eval set that stays alive."""

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.encoder import live_encoder
from app.cli.evalset_force import promote, withdraw
from app.cli.evalset_import import import_
from app.cli.evalset_inputs import STORE, Application, By, Given, Store, Version, announce, built_on, who
from app.cli.evalset_probe import probe
from app.cli.evalset_run import run
from app.cli.inputs import EVENTS_HELP, Mapped
from app.cli.terminal import AsJson, say, settings_of, show, show_json, show_table
from app.errors import InputError

if TYPE_CHECKING:
    from schemas.evalsets import CuratedItem, Manifest

group = typer.Typer(help="Versions of the eval set, built from live traffic.", no_args_is_help=True)


class Format(StrEnum):
    """Of an export."""

    jsonl = "jsonl"
    parquet = "parquet"


def register(app: typer.Typer) -> None:
    """Attach the commands."""
    app.add_typer(group, name="evalset")
    for command in (promote, withdraw, run, probe):
        group.command()(command)
    group.command("import")(import_)


@group.command()
def build(  # noqa: PLR0913  a command's options
    ctx: typer.Context,
    application: Application,
    events: Annotated[Path | None, typer.Option(help=f"A log instead of the topic. {EVENTS_HELP}")] = None,
    samples: Annotated[Path | None, typer.Option(help="A file of records of samples.v1 instead.")] = None,
    outcomes: Annotated[Path | None, typer.Option(help="More outcomes and evaluations. JSONL.")] = None,
    previous: Annotated[
        Path | None, typer.Option(help="Eval set written by hand, where no version is in force. JSONL.")
    ] = None,
    plan: Annotated[Path | None, typer.Option(help="YAML: size, task, high-stakes floors.")] = None,
    most_samples: Annotated[int, typer.Option(min=1, help="More are thinned at random.")] = 10_000,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    store: Store = STORE,
    mapped: Mapped = None,
    as_json: AsJson = False,
) -> None:
    """Propose a version from the samples of live traffic, on top of the version in force.

    Without --events or --samples the topics are read.  Equal inputs and seed give an equal version.
    """
    from app.adapters.curate import propose
    from app.adapters.evalset_files import read_plan
    from app.adapters.evalsets import EvalSets

    if events is not None and samples is not None:
        raise typer.BadParameter("give --events or --samples, not both", param_hint="--samples")
    settings, sets = settings_of(ctx), EvalSets(store, application)
    wanted = read_plan(plan or settings.curation.plan)
    began = len(sets.history())
    before = built_on(sets, previous)
    encoder = live_encoder(settings.encoder)
    given = Given(application=application, events=events, samples=samples, outcomes=outcomes, mapped=mapped)
    kept, signals = given.read(settings.kafka, encoder, wanted, most=most_samples, seed=seed)
    manifest, items = propose(
        kept, wanted, application=application, before=before, signals=signals, encoder=encoder, seed=seed
    )
    sets.save(manifest, items)
    now = datetime.now(UTC)
    entry = sets.append("built", manifest, now=now, by=who(None), since=began)
    if entry.time != now:
        say(f"{manifest.id} was built meanwhile by {entry.by or 'somebody'}: the same")
    _tell(manifest, items)
    announce(settings, sets, connected=events is None and samples is None)
    if as_json:
        show_json(_facts(manifest))
    else:
        show(manifest.id)


@group.command()
def diff(
    application: Application,
    old: Version = "current",
    new: Version = "latest",
    store: Store = STORE,
    as_json: AsJson = False,
) -> None:
    """What one version has and the other has not, the shares of their strata, what each leaves uncovered."""
    from app.adapters.evalsets import EvalSets
    from app.core.curation_diff import difference

    sets = EvalSets(store, application)
    found = difference(sets.load(old), sets.load(new))
    if as_json:
        show_json(found)
        return
    show_table([(name, found[name]) for name in ("old", "new", "kept", "added", "removed", "answered")])
    show("")
    rows = [
        (f"{100 * s['before']:.1f} %", f"{100 * s['after']:.1f} %", s["cluster"]) for s in found["clusters"]
    ]
    show_table([("CORE BEFORE", "NOW", "CLUSTER"), *rows])
    if found["retired"]:
        show("")
        show_table([("RETIRED", "BECAUSE"), *((r["id"], r["reason"]) for r in found["retired"])])


@group.command()
def review(
    application: Application,
    out: Annotated[Path, typer.Option(help="YAML file to write.")],
    version: Version = "latest",
    store: Store = STORE,
) -> None:
    """Write the items of a version to a file that a person edits."""
    from app.adapters.evalset_files import write_review
    from app.adapters.evalsets import EvalSets

    manifest, items = EvalSets(store, application).load(version)
    write_review(out, manifest, items)
    say(f"{manifest.id}: {len(items):,} items written to {out}; edit it, then `promptdrift evalset approve`")


@group.command()
def approve(  # noqa: PLR0913  a command's options
    ctx: typer.Context,
    application: Application,
    version: Version = "latest",
    review: Annotated[Path | None, typer.Option(help="File of `evalset review`, edited.")] = None,
    by: By = None,
    note: Annotated[str, typer.Option(help="Why, for the history.")] = "",
    store: Store = STORE,
) -> None:
    """Approve a version as it is, or as a review leaves it; refused while a stratum is underfilled."""
    from app.adapters.evalset_files import read_review, version_in
    from app.adapters.evalsets import EvalSets
    from app.core.curation_review import BadDecision, reviewed

    sets, now = EvalSets(store, application), datetime.now(UTC)
    if review is not None and version == "latest":  # another may have been built since it was written
        version = version_in(review) or version
    manifest, items = sets.load(version)
    if review is not None:
        try:
            mended, left = reviewed(manifest, items, read_review(review))
        except BadDecision as error:
            raise InputError(f"{review}: {error}") from None
        if mended.id != manifest.id:
            manifest = mended
            sets.save(manifest, left)
    sets.append("approved", manifest, now=now, by=who(by), note=note)
    announce(settings_of(ctx), sets, connected=False)
    show(manifest.id)
    say(f"approved: {manifest.items:,} items; `promptdrift evalset promote {manifest.id}` puts it in force")


@group.command()
def export(
    application: Application,
    out: Annotated[Path, typer.Option(help="File to write.")],
    version: Version = "current",
    format: Annotated[Format, typer.Option(help="jsonl or parquet.")] = Format.jsonl,
    store: Store = STORE,
) -> None:
    """Write the items of a version to a file that every reader of eval sets takes."""
    from app.adapters.evalsets import EvalSets, jsonl, parquet

    manifest, items = EvalSets(store, application).load(version)
    content = jsonl(items) if format is Format.jsonl else parquet(items, wanted=True)
    try:
        out.write_bytes(content or b"")
    except OSError as error:
        raise InputError(f"--out: cannot write {out} ({error.strerror}); choose another place") from error
    say(f"{manifest.id}: {len(items):,} items written to {out}")


@group.command()
def history(application: Application, store: Store = STORE, as_json: AsJson = False) -> None:
    """Who built, approved, promoted and withdrew which version, and when."""
    from app.adapters.evalsets import EvalSets
    from app.core.curation_history import standing

    entries = EvalSets(store, application).history()
    found = standing(entries)
    if as_json:
        show_json(
            {
                "current": found.current,
                "published": found.published,
                "states": found.states,
                "entries": [
                    {"number": e.number, "time": e.time.isoformat(), "action": e.action, "version": e.version}
                    | {"by": e.by, "note": e.note}
                    for e in entries
                ],
            }
        )
        return
    rows = [(e.number, e.time.strftime("%Y-%m-%d %H:%M"), e.action, e.version, e.by, e.note) for e in entries]
    show_table([("", "TIME (UTC)", "WHAT", "VERSION", "BY", "NOTE"), *rows])
    told = "" if found.published or found.current is None else ", not yet published: promote it again"
    say(f"in force: {found.current or 'none'}{told}")


def _tell(manifest: "Manifest", items: "tuple[CuratedItem, ...]") -> None:
    core, kept = sum(i.layer == "core" for i in items), sum(i.anchor for i in items)
    say(f"{manifest.id}: {core:,} items in the core, {len(items) - core:,} in the tail, {kept:,} kept")
    if manifest.unusable:
        say(f"{manifest.unusable:.1%} of traffic is left out: redaction left nothing of it")
    before, after = manifest.uncovered_before, manifest.uncovered_after
    if after is not None:
        told = "" if before is None else f"{before.share:.1%} of traffic before, "
        say(f"uncovered: {told}{after.share:.1%} with this version")
    if manifest.scarce_after is not None:
        told = "" if manifest.scarce_before is None else f"{manifest.scarce_before:.1%} of traffic before, "
        say(f"in clusters that the set hardly has: {told}{manifest.scarce_after:.1%} with this version")
    for short in manifest.underfilled:
        say(f"underfilled: {short.name}: {short.found:,} of {short.wanted:,}; it cannot be approved")


def _facts(manifest: "Manifest") -> dict[str, Any]:
    import msgspec

    found: dict[str, Any] = msgspec.to_builtins(manifest)
    return found
