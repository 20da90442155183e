"""The pages of the documentation: how they are read, and the commands that they may name."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from app.cli import app as command_line
from tests.rig import tables

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def page(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


OPERATIONS = page("docs/operations.md")


def headings(text: str) -> list[str]:
    return re.findall(r"^#+ +(.+?) *$", without_code(text), re.MULTILINE)


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def slug(heading: str) -> str:
    """The anchor that hosts of repositories make of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def fenced(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def first_cells(section: str) -> set[str]:
    """First column of the tables under a heading of docs/operations.md, without its marks."""
    body = re.split(r"^## ", OPERATIONS.split(f"## {section}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    return {cells[0].replace("`", "") for cells in tables.rows(body)}


def _commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


COMMANDS = dict(_commands(typer.main.get_command(command_line)))  # by their words, such as "topics list"
