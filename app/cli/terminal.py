"""What every command shares: data to stdout, messages to stderr, settings from `--config`."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from app.settings import Settings, load

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_CONTROLS = {code: "\ufffd" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"}


def settings_of(ctx: typer.Context, overrides: dict[str, Any] | None = None) -> Settings:
    """The settings that `--config`, the environment and these overrides give.  Raises: SettingsError."""
    return load(config_of(ctx), overrides)


def config_of(ctx: typer.Context) -> Path | None:
    """What the user gave as `--config`."""
    found = ctx.find_root().obj
    return found if isinstance(found, Path) else None


def console() -> Console:
    """Standard error, as it is at the moment: tests put another one in its place."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def plain(text: str) -> str:
    r"""A text that a terminal may be handed: no control characters.

    >>> plain("a\x1b[2J") == "a\ufffd[2J"
    True
    """
    return text.translate(_CONTROLS)


def say(text: str) -> None:
    """One message."""
    console().print(plain(text), markup=False)


def show(text: str) -> None:
    """Data, as it is."""
    typer.echo(text)


def show_json(value: Any) -> None:  # noqa: ANN401  any JSON value
    """Data as JSON."""
    show(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def show_table(rows: Sequence[Sequence[object]]) -> None:
    """Data in aligned columns, the heads first.  Nothing is cut: the reader may be a program."""
    cells = [[plain(str(cell)).replace("\n", " ") for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        show("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@contextmanager
def progress(label: str, total: float) -> Iterator[Callable[[float], None]]:
    """A bar on a terminal, nothing elsewhere; call what is yielded with how much was done."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console(), transient=True) as shown:
        task = shown.add_task(label, total=total)
        yield lambda done: shown.update(task, advance=done)
