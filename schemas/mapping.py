"""A declared field mapping: our field names from dotted paths of somebody else's JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

from schemas.codec import JSON_NAMES, SchemaError


def apply(fields: Mapping[str, str], found: Any) -> dict[str, Any]:  # noqa: ANN401  any JSON value
    """Our view of a foreign object: {our name: value at the dotted path}; absent paths are left out.

    Integers in a path index lists, negative ones from the end.  A name that itself holds dots is found
    too; the longest name wins.  Raises: SchemaError unless `found` is an object.

    >>> apply({"prompt": "messages.-1.content"}, {"messages": [{"content": "hi"}]})
    {'prompt': 'hi'}
    >>> apply({"model": "attributes.gen_ai.request.model"}, {"attributes": {"gen_ai.request.model": "m"}})
    {'model': 'm'}
    """
    if not isinstance(found, dict):
        problem = f"is a JSON {JSON_NAMES.get(type(found).__name__, 'number')}"
        raise SchemaError("value", problem, "send one JSON object per record")
    looked = {ours: _at(found, path.split(".")) for ours, path in fields.items()}
    return {ours: value for ours, value in looked.items() if value is not None}


def _at(found: Any, steps: Sequence[str]) -> Any:  # noqa: ANN401  any JSON value
    """The value at the path, None where there is none."""
    if not steps:
        return found
    if isinstance(found, list):
        return _at(found[int(steps[0])], steps[1:]) if _is_index(steps[0], len(found)) else None
    if not isinstance(found, dict):
        return None
    for count in range(len(steps), 0, -1):
        name = ".".join(steps[:count])
        if name in found and (value := _at(found[name], steps[count:])) is not None:
            return value
    return None


def _is_index(step: str, length: int) -> bool:
    digits = step.removeprefix("-")
    return digits.isascii() and digits.isdigit() and -length <= int(step) < length
