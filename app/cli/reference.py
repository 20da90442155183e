"""`reference build|show|publish`: what an eval set looks like to the detector."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.encoder import live_encoder, meaning_encoder
from app.cli.inputs import Watches, watching
from app.cli.replay import ClustersWith, Eye, evalset_reference
from app.cli.terminal import AsJson, say, settings_of, show, show_json, show_table

if TYPE_CHECKING:
    from app.core.reference import Reference
    from app.settings import Settings

group = typer.Typer(help="References made from eval sets.", no_args_is_help=True)
Folder = Annotated[Path, typer.Argument(help="Folder of `reference build`.")]


def register(app: typer.Typer) -> None:
    """Attach the commands."""
    app.add_typer(group, name="reference")


@group.command()
def build(  # noqa: PLR0913  a command's options
    ctx: typer.Context,
    eval_set: Annotated[Path, typer.Argument(metavar="EVALSET", help="JSONL; one item per line.")],
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    application: Annotated[str, typer.Option(help='"*": every application without its own.')] = "*",
    clusters_with: ClustersWith = Eye.wording,
    watch: Watches = None,
    seed: Annotated[int | None, typer.Option(min=0)] = None,
    as_json: AsJson = False,
) -> None:
    """Build a reference from EVALSET and write it to a folder."""
    from app.adapters import references
    from app.adapters.watches import load_bank

    given = watching(watch, None) | ({} if seed is None else {"seed": seed})
    settings = settings_of(ctx, {"detection": given})
    encoder = live_encoder(settings.encoder)
    built = evalset_reference(
        eval_set,
        None,
        encoder=encoder,
        meaning=meaning_encoder(settings.encoder) if clusters_with is Eye.transformer else None,
        seed=settings.detection.seed,
        application=application,
        bank=load_bank(encoder, settings.detection),
    )
    assert built is not None
    references.save_directory(built, out)
    say(f"{built.id}: {built.units:,} items in {len(built.clusters.names)} clusters, written to {out}")
    if as_json:
        show((out / "manifest.json").read_text())


@group.command("show")
def show_(ctx: typer.Context, directory: Folder, as_json: AsJson = False) -> None:
    """What a reference holds: identity, clusters with one exemplar each, what it has of each watch."""
    from app.adapters import references

    found = references.load_directory(directory)
    manifest = json.loads((directory / "manifest.json").read_text())
    for cluster, exemplars in zip(manifest["clusters"], found.clusters.exemplars, strict=True):
        cluster["exemplars"] = list(exemplars)
    if as_json:
        show_json(manifest)
        return
    show_table([(name, manifest[name]) for name in ("id", "kind", "application", "encoder", "units", "seed")])
    show("")
    rows = [(f"{100 * c['share']:.1f} %", c["name"], _short(c["exemplars"])) for c in manifest["clusters"]]
    show_table(
        [("SHARE", "CLUSTER", "FOR EXAMPLE"), *sorted(rows, key=lambda row: -float(row[0].split()[0]))]
    )
    if manifest["watches"]:
        show("")
        show_table([("SHARE", "WATCH", "IN A BASELINE LIKE THIS"), *_watch_rows(manifest)])


@group.command()
def publish(
    ctx: typer.Context,
    directory: Folder,
    application: Annotated[str | None, typer.Option(help="Default: as it was built for.")] = None,
) -> None:
    """Send a reference to every worker, by the topic of references."""
    from app.adapters import references

    found = references.load_directory(directory)
    target = application or found.application
    say(f"{found.id} published for {target}{tell_workers(settings_of(ctx), target, found)}")


def tell_workers(settings: "Settings", application: str, built: "Reference") -> str:
    """Publish an eval set; where, and from when on it is measured, in words."""
    from app.adapters.publication import publish_evalset

    late = settings.detection.lateness_seconds
    since = publish_evalset(settings.kafka, application, built, lateness_seconds=late).since
    place = f" at {settings.kafka.bootstrap_servers}"
    if since is None:
        return place
    return f"{place}, measured from {datetime.fromtimestamp(since, UTC):%Y-%m-%d %H:%M:%S} UTC on"


def _watch_rows(manifest: dict[str, Any]) -> list[tuple[str, str, str]]:
    left_out = set(manifest["left_out"])
    return [
        (f"{share:.1%}", name, "normal here: left out" if name in left_out else "watched")
        for name, share in manifest["watches"].items()
    ]


def _short(exemplars: list[str]) -> str:
    text = " ".join(exemplars[0].split()) if exemplars else ""
    return text if len(text) <= 80 else text[:79] + "…"
