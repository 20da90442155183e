"""JSON Schema 2020-12 of everything that has a shape, for editors, registries and other languages."""

from typing import Any

import msgspec

from schemas.evalsets import EvalItem
from schemas.monitors import Monitors
from schemas.topics import CATALOGUE

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SHAPES: dict[str, type[msgspec.Struct]] = {
    **{topic.name: topic.schema for topic in CATALOGUE if topic.schema is not None},
    "evalset-item.v1": EvalItem,
    "monitors.v1": Monitors,
}


def json_schema(name: str) -> dict[str, Any]:
    """The schema of one topic's values, or of an eval item, under `urn:promptdrift:NAME`.

    Raises: KeyError for a name that is not in SHAPES.

    >>> json_schema("evalset-item.v1")["$id"]
    'urn:promptdrift:evalset-item.v1'
    """
    found = msgspec.json.schema(SHAPES[name])
    return {"$schema": DIALECT, "$id": f"urn:promptdrift:{name}", **found}


def find(name: str) -> str | None:
    """The full name of a shape, from any spelling that people try; None for an unknown one.

    >>> [find(name) for name in ("interaction", "interactions", "promptdrift.interactions.v1", "x")]
    ['interactions.v1', 'interactions.v1', 'interactions.v1', None]
    """
    bare = name.strip().lower().removeprefix("promptdrift.")
    spellings = {
        spelling: known
        for known, shape in reversed(SHAPES.items())
        for spelling in (known, known.removesuffix(".v1"), shape.__name__.lower())
    }
    return spellings.get(bare)
