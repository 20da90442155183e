"""The tables of docs/topics.md and docs/settings.md, from the code.

python -m tests.rig.tables            names the pages that differ; exit 1 where one does
python -m tests.rig.tables --write    writes them again

Names, defaults and limits come from the code.  What a setting means is prose: the last column is kept as
it stands in the page, and is empty for a setting that is new.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin

import annotated_types
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from app.section import Section
from app.settings import FAMILIAR, Settings
from schemas.topics import CATALOGUE, DAY_MS, WIDE, Topic

DOCS = Path(__file__).parents[2] / "docs"
BEGIN, END = "<!-- generated: {} -->", "<!-- end: {} -->"
NUMBERS = {int: "whole number", float: "number"}


@dataclass(frozen=True)
class Setting:
    """One leaf of the settings; `sources[].topic` for a field of every source."""

    name: str
    field: FieldInfo


def settings(model: type[BaseModel] = Settings, prefix: str = "") -> Iterator[Setting]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        inner = next(iter(get_args(kind)), None)
        if isinstance(kind, type) and issubclass(kind, Section):
            yield from settings(kind, f"{prefix}{name}.")
        elif get_origin(kind) is list and isinstance(inner, type) and issubclass(inner, Section):
            yield from settings(inner, f"{prefix}{name}[].")
        else:
            yield Setting(prefix + name, field)


def default_of(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
    if value is None or value in ({}, []):
        return "none"
    if isinstance(value, list):
        return ", ".join(f"`{each}`" for each in value)
    return f"`{value}`" if value != "" else "empty"


def accepted(field: FieldInfo) -> str:
    if field.annotation == list[str]:
        return "list of text"
    kinds = [kind for kind in get_args(field.annotation) if kind is not NoneType]
    kind: Any = kinds[0] if len(kinds) == 1 and get_origin(field.annotation) is not Literal else None
    kind = kind or field.annotation
    if get_origin(kind) is Literal:
        return ", ".join(get_args(kind))
    if kind in NUMBERS:
        return " ".join([NUMBERS[kind], *limits(field.metadata)])
    words = {bool: "true, false", Path: "path", SecretStr: "text, kept secret", str: "text"}
    return words.get(kind, "mapping of names")


def limits(metadata: list[Any]) -> Iterator[str]:
    for limit in metadata:
        match limit:
            case annotated_types.Ge(ge=bound):
                yield f"≥ {bound}"
            case annotated_types.Gt(gt=bound):
                yield f"> {bound}"
            case annotated_types.Le(le=bound):
                yield f"≤ {bound}"
            case annotated_types.Lt(lt=bound):
                yield f"< {bound}"


def settings_table(page: str) -> str:
    meanings = {cells[0].strip("`"): cells[-1] for cells in rows(page) if len(cells) == 4}
    lines = [
        (f"`{s.name}`", default_of(s.field), accepted(s.field), meanings.get(s.name, "")) for s in settings()
    ]
    return table([("Setting", "Default", "Accepts", "Meaning"), *lines])


def familiar_table(_: str) -> str:
    lines = [(f"`{variable}`", f"`{'.'.join(path)}`") for variable, path in FAMILIAR.items()]
    return table([("Variable", "Setting"), *lines])


def topics_table(_: str) -> str:
    heads = ("Topic", "Key", "Carries", "Partitions", "Cleanup", "Kept", "Value")
    return table([heads, *map(topic_row, CATALOGUE)])


def topic_row(topic: Topic) -> tuple[str, ...]:
    told = f"`kafka.partitions` ({topic.partitions})"
    partitions = told if topic in WIDE else str(topic.partitions)
    kept = "for good" if topic.retention_ms is None else f"{topic.retention_ms / DAY_MS:g} days"
    value = "bytes" if topic.schema is None else f"`{topic.schema.__name__}`"
    return f"`{topic.name}`", topic.key, topic.carries, partitions, topic.cleanup, kept, value


PAGES: dict[str, dict[str, Callable[[str], str]]] = {
    "topics.md": {"topics": topics_table},
    "settings.md": {"settings": settings_table, "familiar": familiar_table},
}


def table(lines: list[tuple[str, ...]]) -> str:
    heads, *body = lines
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [heads, ("---",) * len(heads), *body])


def rows(page: str) -> list[list[str]]:
    """Cells of every table row of a page."""
    found = [line.strip() for line in page.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in found]


def refreshed(page: str, parts: dict[str, Callable[[str], str]]) -> str:
    """The page with every generated part made anew; the page must hold their markers."""
    for name, make in parts.items():
        begin, end = BEGIN.format(name), END.format(name)
        before, found, rest = page.partition(begin)
        _, ended, after = rest.partition(end)
        if not (found and ended):
            raise ValueError(f"the page has no {begin} ... {end}")
        page = f"{before}{begin}\n{make(page)}\n{end}{after}"
    return page


def main(arguments: list[str]) -> int:
    stale = []
    for name, parts in PAGES.items():
        path = DOCS / name
        was = path.read_text("utf-8")
        if (now := refreshed(was, parts)) != was:
            stale.append(name)
            if "--write" in arguments:
                path.write_text(now, "utf-8")
    sys.stderr.write(f"{', '.join(stale) or 'nothing'} differed\n")
    return int(bool(stale) and "--write" not in arguments)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
