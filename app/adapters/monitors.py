"""Monitors as code: the YAML file to rules, every mistake with its place and a remedy."""

import difflib
import re
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from app.adapters.yaml_files import read_yaml
from app.core.rules import Rules
from app.errors import InputError
from schemas.monitors import Monitor, Monitors, Mute

UNKNOWN = re.compile(r"unknown field `(?P<name>.*?)`(?: - at `\$(?P<place>.*)`)?")
WRONG = re.compile(r"(?P<problem>.*?) - at `\$(?P<place>.*)`$")
UNQUOTED = re.compile(r"Expected `str( \| null)?`, got `(int|float|bool|date|datetime)`")  # 22:00 is 1320


def load_rules(path: Path | None) -> Rules:
    """The rules of a file; defaults where there is none.  Raises: InputError."""
    return Rules(() if path is None else read_monitors(path))


def read_monitors(path: Path) -> list[Monitor]:
    """Every entry of a file, checked.  Raises: InputError naming entry, field and remedy."""
    found = read_yaml(path, missing="`promptdrift monitors list` shows the defaults")
    return parse_monitors(found, str(path))


def parse_monitors(found: Any, origin: str) -> list[Monitor]:  # noqa: ANN401  any YAML value
    """As `read_monitors`, of a value that was read already.

    >>> parse_monitors({"monitors": [{"tolerence": 0.1}]}, "monitors.yaml")
    Traceback (most recent call last):
    app.errors.InputError: monitors.yaml: monitors[0].tolerence: no such field; did you mean tolerance?
    """
    if not isinstance(found, dict):
        raise InputError(f"{origin}: must be a mapping with `monitors:`, a list of entries")
    try:
        monitors = msgspec.convert(found, Monitors).monitors
    except msgspec.ValidationError as error:
        raise InputError(f"{origin}: {_explained(str(error))}") from None
    for i, monitor in enumerate(monitors):
        for j, mute in enumerate(monitor.mute or []):
            _check(mute, f"{origin}: monitors[{i}].mute[{j}]")
    return monitors


def _explained(problem: str) -> str:
    unknown, wrong = UNKNOWN.search(problem), WRONG.match(problem)
    if unknown is not None:
        place, name = (unknown["place"] or "").lstrip("."), unknown["name"]
        known = _fields_at(place)
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        remedy = f"did you mean {near[0]}?" if near else f"use one of {', '.join(known)}"
        return f"{place + '.' if place else ''}{name}: no such field; {remedy}"
    if wrong is not None:
        told = wrong["problem"]
        remedy = "; put it in quotes" if UNQUOTED.match(told) else ""
        return f"{wrong['place'].lstrip('.')}: {told[0].lower()}{told[1:]}{remedy}"
    return problem


def _fields_at(place: str) -> tuple[str, ...]:
    shape: type[msgspec.Struct] = Mute if ".mute" in place else Monitor if place else Monitors
    return shape.__struct_fields__


def _check(mute: Mute, place: str) -> None:
    try:
        ZoneInfo(mute.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InputError(f"{place}.timezone: no such zone; write for example Europe/Zurich") from None
    for name in ("since", "until"):
        time = getattr(mute, name)
        if time is not None and time.tzinfo is None:
            raise InputError(f"{place}.{name}: has no offset; write for example 2026-12-24T18:00:00+01:00")
    if mute.since is not None and mute.until is not None and mute.until <= mute.since:
        raise InputError(f"{place}.until: is not after since; exchange them")
