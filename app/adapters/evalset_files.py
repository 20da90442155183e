"""What people write about eval sets, as YAML: the plan of a version, and the review of a draft."""

import re
from collections.abc import Sequence
from contextlib import suppress
from itertools import takewhile
from pathlib import Path
from typing import Any

import msgspec
import yaml

from app.adapters.curate import WRITTEN
from app.adapters.redaction import redact
from app.adapters.yaml_files import read_yaml
from app.core.curation_review import Decision
from app.errors import InputError
from schemas.evalsets import CuratedItem, Manifest, Plan

HEAD = """\
# Review of {version} of {application}: {items:,} items.
# decision: keep or drop, with a reason where you drop.  Prompts and expected answers are yours to mend;
# set verified to true where the expected answer is right.  `cut: true`: the sample held no more of the
# prompt; complete it or drop it.  Then:
#   promptdrift evalset approve {version} --application {application} --review THIS_FILE --by YOU
"""
SHOWN = ("layer", "cluster", "language", "task", "weight", "reasons", "anchor", "cut", "interaction_id")


def read_plan(path: Path | None) -> Plan:
    """A plan; the default without a file.  Raises: InputError naming field and remedy."""
    found = {} if path is None else read_yaml(path, missing="check the path")
    try:
        plan = msgspec.convert({} if found is None else found, Plan)
    except msgspec.ValidationError as error:
        problem, _, place = str(error).partition(" - at `$")
        known = ", ".join(Plan.__struct_fields__)
        raise InputError(f"{path}: {place.strip('.`') or 'plan'}: {problem}; a plan has {known}") from None
    for i, stake in enumerate(plan.stakes):
        place = f"{path}: stakes[{i}]"
        if (stake.match is None) == (stake.segment is None):
            raise InputError(f"{place}: give either match, a regular expression, or segment, as tag=billing")
        try:
            re.compile(stake.match or "")
        except re.error as error:
            raise InputError(f"{place}.match: is no regular expression ({error})") from None
    return plan


def write_review(path: Path, manifest: Manifest, items: Sequence[CuratedItem]) -> None:
    """The file that a reviewer edits.  Raises: InputError where it cannot be written, or is there."""
    head = HEAD.format(version=manifest.id, application=manifest.application, items=len(items))
    rows = [_row(item) for item in items]
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(head)
            yaml.safe_dump(rows, stream, allow_unicode=True, sort_keys=False, width=100)
    except FileExistsError:
        raise InputError(f"--out: {path} is there already; name another file") from None
    except OSError as error:
        with suppress(OSError):  # half of it, on a full disk
            path.unlink()
        raise InputError(f"--out: cannot write {path} ({error.strerror}); choose another place") from error


def version_in(path: Path) -> str | None:
    """The version that a review was written of, as its head says; None where that was taken out."""
    try:
        with path.open(encoding="utf-8", errors="replace") as stream:
            head = "".join(takewhile(lambda line: line.startswith("#"), stream))
    except OSError:
        return None
    found = re.search(r"evalset-[0-9a-f]+", head)
    return None if found is None else found[0]


def read_review(path: Path) -> dict[str, Decision]:
    """Item id -> what the reviewer decided, redacted anew.  Raises: InputError naming item and field."""
    found = read_yaml(path, missing="check the path")
    if not isinstance(found, list):
        raise InputError(f"{path}: must be a list of items; `promptdrift evalset review` writes one")
    out: dict[str, Decision] = {}
    for number, row in enumerate(found, 1):
        id = row.get("id") if isinstance(row, dict) else None
        if not isinstance(id, str):
            raise InputError(f"{path}: entry {number}: id: is missing; take the entry out, or write it again")
        if id in out:
            raise InputError(f"{path}: {id}: is there twice; take one out")
        out[id] = _decision(row, f"{path}: {id}")
    return out


def _row(item: CuratedItem) -> dict[str, Any]:
    told = {name: getattr(item, name) for name in SHOWN if getattr(item, name) not in (None, [], False, "")}
    edited = {"decision": "keep", "reason": "", "prompt": item.prompt, "expected": item.expected}
    return {"id": item.id, **edited, "verified": item.verified, **told}


def _decision(row: dict[str, Any], place: str) -> Decision:
    decision, texts = row.get("decision"), {name: row.get(name) for name in ("prompt", "expected", "reason")}
    if decision not in ("keep", "drop"):
        raise InputError(f"{place}: decision: is neither keep nor drop; write one of them")
    for name, text in texts.items():
        if text is not None and not isinstance(text, str):
            raise InputError(f'{place}: {name}: is no text; put it in quotes, as {name}: "42"')
    if not isinstance(row.get("verified", False), bool):
        raise InputError(f"{place}: verified: write true or false")
    return Decision(
        keep=decision == "keep",
        reason=redact(texts["reason"] or "", limit=500),
        prompt=redact(texts["prompt"] or "", limit=WRITTEN),
        expected=redact(texts["expected"], limit=WRITTEN) if texts["expected"] else None,
        verified=row.get("verified", False),
    )
