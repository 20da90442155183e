"""Files of events as several commands take them."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

import typer

from app.adapters.files import BadLine, EventFile, read_events
from app.cli.terminal import say
from schemas.codec import KINDS

EVENTS_HELP = "JSONL, .jsonl.gz or .parquet; one event per line."
FIRST = 5  # bad lines shown; a replay's summary has more
MAPPABLE = {"type", "user_id", "system_prompt"}.union(*(kind.__struct_fields__ for kind in KINDS.values()))

Mapped = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="OURS=THEIRS", help="Field of ours = dotted path of yours; repeatable."),
]


Watches = Annotated[
    list[str] | None,
    typer.Option("--watch", metavar="NAME=FILE", help="Watch of your own: a file of examples; repeatable."),
]
Muted = Annotated[
    list[str] | None,
    typer.Option("--mute", metavar="NAME", help="Eye or watch that raises no alarm; repeatable."),
]


def watching(watches: Sequence[str] | None, muted: Sequence[str] | None) -> dict[str, Any]:
    """What these options say, as settings of `detection`."""
    out: dict[str, Any] = {}
    if watches:
        out["watches"] = dict(map(_watch, watches))
    if muted:
        out["mute"] = list(muted)
    return out


def events_of(path: Path, *, application: str | None, mapped: Sequence[str] | None) -> EventFile:
    """Read a file of events and say what of it could not be used.

    Raises: InputError; BadParameter for a mapping that names no field of ours.
    """
    found = read_events(path, application=application, fields=dict(map(_pair, mapped or ())))
    tell_unreadable(path, found.unreadable)
    if found.unknown:
        names = ", ".join(f"{name} ({count:,})" for name, count in list(found.unknown.items())[:8])
        say(f"{path}: fields that are not used: {names}")
    if found.unmapped:
        names = ", ".join(f"{name} ({count:,})" for name, count in found.unmapped.items())
        add = " ".join(f"--map {name}={name}" for name in found.unmapped)
        say(f"{path}: fields of ours that are not mapped: {names}: where they mean the same, add {add}")
    if found.out_of_order:
        say(f"{path}: {found.out_of_order:,} events stood after later ones; sorted by time")
    return found


def tell_unreadable(path: Path, unreadable: Sequence[BadLine]) -> None:
    """The first lines that could not be read, and how many there are."""
    for bad in unreadable[:FIRST]:
        say(f"{path}: {bad}")
    if len(unreadable) > FIRST:
        say(f"{path}: ... {len(unreadable):,} unreadable in all")


def _watch(text: str) -> tuple[str, str]:
    name, _, file = text.partition("=")
    if not name.strip() or not file:
        raise typer.BadParameter(
            f"{text!r}: write NAME=FILE, for example billing=billing.txt", param_hint="--watch"
        )
    return name.strip(), file


def _pair(text: str) -> tuple[str, str]:
    ours, equals, theirs = text.partition("=")
    if not equals or not theirs:
        raise typer.BadParameter(
            f"{text!r}: write OURS=THEIRS, for example prompt=request.text", param_hint="--map"
        )
    if ours not in MAPPABLE:
        near = get_close_matches(ours, MAPPABLE, n=1)
        hint = f"; did you mean {near[0]}?" if near else "; `promptdrift schema show interaction` lists them"
        raise typer.BadParameter(f"no field {ours!r}{hint}", param_hint="--map")
    return ours, theirs
