"""Bytes to events and back: bare JSON, arrays of up to 64, CloudEvents headers.

A bad element spoils itself only.  Every refusal names the field and the remedy, and never repeats the
text it refuses.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from schemas.events import Deployment, Evaluation, Interaction, Outcome

ARRAY_LIMIT = 64
MAX_BYTES = 900_000
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
Event = Interaction | Deployment | Outcome | Evaluation
KINDS: dict[str, type[Event]] = {
    "interaction": Interaction,
    "deployment": Deployment,
    "outcome": Outcome,
    "evaluation": Evaluation,
}
HashUser = Callable[[str], str]
Reshape = Callable[[dict[str, Any]], dict[str, Any]]
JSON_NAMES = {"NoneType": "null", "bool": "boolean", "str": "string", "list": "array"}


class SchemaError(ValueError):
    """A value does not fit its contract; `field` says where, `remedy` what to send instead."""

    def __init__(self, field: str, problem: str, remedy: str) -> None:
        super().__init__(f"{field}: {problem}; {remedy}")
        self.field, self.problem, self.remedy = field, problem, remedy


@dataclass(frozen=True, slots=True)
class Rejection:
    """One element that could not be read, with its original bytes."""

    error: SchemaError
    raw: bytes


def hash_user(user: str, salt: str = "") -> str:
    """Pseudonym of a user id: raw ids are never stored."""
    return hashlib.blake2b(f"{salt}|{user}".encode("utf-8", "replace"), digest_size=12).hexdigest()


def decode(
    value: bytes | None,
    *,
    headers: Mapping[str, bytes] | None = None,
    kind: str = "interaction",
    application: str | None = None,
    hasher: HashUser = hash_user,
    reshape: Reshape | None = None,
) -> list[Event | Rejection]:
    """All events of one record, in order.  Never raises because of the bytes.

    Args: kind, assumed where neither the value nor `ce_type` says; application, likewise; reshape, sees
    each object before it is checked (`mapping.apply` renames its fields).
    """
    if not value or not value.strip():
        return [Rejection(SchemaError("value", "is empty", "send one JSON object or an array"), value or b"")]
    if len(value) > MAX_BYTES:
        problem = f"is {len(value):,} bytes"
        return [Rejection(SchemaError("value", problem, f"keep it at or below {MAX_BYTES:,}"), value)]
    kind = _kind_named((headers or {}).get("ce_type", b"").decode("utf-8", "replace")) or kind
    out: list[Event | Rejection] = []
    try:
        elements = _elements(value)
    except SchemaError as error:
        return [Rejection(error, value)]
    for raw in elements:
        try:
            found = read_object(raw)
            shaped = found if reshape is None else reshape(found)
            out.append(to_event(shaped, kind=kind, application=application, hasher=hasher))
        except SchemaError as error:
            out.append(Rejection(error, bytes(raw)))
    return out


def _kind_named(cloud_event_type: Any) -> str | None:  # noqa: ANN401  any JSON value
    """`io.promptdrift.llm.deployment.v1` means a deployment."""
    words = cloud_event_type.split(".") if isinstance(cloud_event_type, str) else []
    return next((name for name in KINDS if name in words), None)


def _elements(value: bytes) -> Sequence[bytes | msgspec.Raw]:
    if value.lstrip()[:1] != b"[":
        return [value]
    try:
        elements: list[Any] = msgspec.json.decode(value, type=list[msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        elements = [json.dumps(element).encode() for element in _lenient(value)]
    if len(elements) > ARRAY_LIMIT:
        remedy = f"send at most {ARRAY_LIMIT} in one array"
        raise SchemaError("value", f"holds {len(elements)} events", remedy)
    return elements


def element(value: bytes, number: int) -> bytes:
    """The original bytes of one of the events that `decode` found, counted from 0."""
    return bytes(_elements(value)[number])


def read_object(raw: bytes | msgspec.Raw) -> dict[str, Any]:
    """One JSON object; falls back to the lenient reader, which takes lone surrogates.

    Raises: SchemaError.
    """
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = _lenient(bytes(raw))
    if not isinstance(found, dict):
        problem = f"is a JSON {JSON_NAMES.get(type(found).__name__, 'number')}"
        raise SchemaError("value", problem, "send an object with application, time, prompt")
    if found.get("specversion") and isinstance(found.get("data"), dict):  # structured CloudEvent
        envelope = {"id": found.get("id"), "time": found.get("time"), "type": _kind_named(found.get("type"))}
        return envelope | {name: value for name, value in found["data"].items() if value is not None}
    return found


def _lenient(raw: bytes) -> Any:  # noqa: ANN401  any JSON value
    try:
        text = raw.decode("utf-8")
        return _scrub(json.loads(text, parse_constant=_no_constant))
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise SchemaError("value", f"is not JSON ({_short(error)})", "send valid UTF-8 JSON") from error


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _scrub(value: Any) -> Any:  # noqa: ANN401  any JSON value
    """Replace lone surrogates, which no encoder and no UTF-8 writer takes."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_scrub(v) for v in value]
    if isinstance(value, dict):
        return {_scrub(k): _scrub(v) for k, v in value.items()}
    return value


def to_event(
    found: dict[str, Any],
    *,
    kind: str = "interaction",
    application: str | None = None,
    hasher: HashUser = hash_user,
) -> Event:
    """A checked event from a JSON object.  Unknown fields are ignored; `unknown_fields` names them.

    Raises: SchemaError.
    """
    named = kind if found.get("type") is None else found["type"]
    if not isinstance(named, str) or named not in KINDS:
        raise SchemaError("type", "is none of the known kinds", f"use one of {', '.join(KINDS)}")
    target = KINDS[named]
    clean = {k: v for k, v in found.items() if v is not None and k != "type"}
    if application is not None:
        clean.setdefault("application", application)
    _require(clean, "application", "name the product this belongs to")
    _require(clean, "time", "give the event time, for example 2026-01-31T12:00:00Z")
    clean["time"] = parse_time(clean["time"], "time")
    for name in ("started_at", "finished_at"):
        if name in clean:
            clean[name] = parse_time(clean[name], name)
    if target is Interaction:
        _prepare_interaction(clean, hasher)
    try:
        event: Event = msgspec.convert(clean, target)
    except msgspec.ValidationError as error:
        raise _named(error, named) from None
    return _with_id(event)


def _require(clean: dict[str, Any], name: str, remedy: str) -> None:
    if name not in clean:
        raise SchemaError(name, "is missing", remedy)


def _prepare_interaction(clean: dict[str, Any], hasher: HashUser) -> None:
    raw_user = clean.pop("user_id", None)
    if raw_user not in (None, "") and "user_hash" not in clean:
        clean["user_hash"] = hasher(str(raw_user))
    if "system_prompt" in clean:
        text = str(clean.pop("system_prompt")).encode("utf-8", "replace")
        clean.setdefault("system_prompt_sha256", hashlib.sha256(text).hexdigest())
    if isinstance(clean.get("messages"), list):
        clean["messages"] = [_message(m) for m in clean["messages"]]
        if "prompt" not in clean:
            clean["prompt"] = last_user_turn(clean["messages"])
    _require(clean, "prompt", "send prompt, or messages with a user turn")


def last_user_turn(messages: Sequence[Any]) -> str:
    """What the user said last.  Raises: SchemaError where there is no turn of his."""
    said = [turn["content"] for turn in map(_message, messages) if turn["role"] == "user"]
    if not said:
        raise SchemaError("messages", "hold no turn of role user", "send the prompt, or a user message")
    return said[-1]


def _message(message: Any) -> dict[str, str]:  # noqa: ANN401  any JSON value
    """One turn; content may be text or a list of parts (unknown parts are skipped)."""
    if not isinstance(message, dict):
        raise SchemaError("messages", "hold something that is not an object", "send {role, content}")
    content = message.get("content", message.get("parts"))
    if isinstance(content, list):
        parts = [p.get("content", p.get("text")) for p in content if isinstance(p, dict)]
        content = "\n".join(p for p in parts if isinstance(p, str))
    if not isinstance(content, str):
        content = ""
    return {"role": str(message.get("role", "user")), "content": content}


def _with_id(event: Event) -> Event:
    """An event without an id gets one from its content, so a repeat is recognised."""
    if isinstance(event, Deployment) or event.id:
        return event
    digest = hashlib.blake2b(msgspec.json.encode(event), digest_size=12).hexdigest()
    return msgspec.structs.replace(event, id=digest)


def parse_time(value: Any, field: str) -> datetime:  # noqa: ANN401  any JSON value
    """RFC 3339 with an offset, or epoch seconds, milliseconds, microseconds, nanoseconds.

    >>> parse_time(1_700_000_000_000, "time").isoformat()
    '2023-11-14T22:13:20+00:00'
    """
    if isinstance(value, datetime):
        when = value
    elif isinstance(value, bool) or not isinstance(value, int | float | str):
        raise SchemaError(field, f"is a {type(value).__name__}", "send RFC 3339 text or an epoch number")
    elif isinstance(value, str):
        when = _parse_text(value, field)
    else:
        when = _parse_epoch(value, field)
    if when.tzinfo is None:
        raise SchemaError(field, "has no time zone", "end it with Z or an offset such as +02:00")
    if not EARLIEST <= when < LATEST:
        raise SchemaError(field, "lies outside 2000 to 2100", "check the unit and the clock of the sender")
    return when.astimezone(UTC)


def _parse_text(value: str, field: str) -> datetime:
    try:
        return datetime.fromisoformat(value.strip())
    except ValueError:
        raise SchemaError(field, "is not a time", "write it as 2026-01-31T12:00:00Z") from None


def _parse_epoch(value: float, field: str) -> datetime:
    try:
        for unit, above in ((1e9, 1e17), (1e6, 1e14), (1e3, 1e11), (1.0, 0.0)):
            if abs(value) >= above:
                return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=value / unit)
    except (OverflowError, ValueError):
        pass
    raise SchemaError(field, "is no usable number", "send seconds since 1970")


def _named(error: msgspec.ValidationError, kind: str) -> SchemaError:
    """From `Expected ... - at $.field` keep both halves, never the value."""
    problem, _, path = str(error).partition(" - at ")
    missing = problem.split("`")[1] if "`" in problem else "value"
    field = path.strip("`").removeprefix("$").lstrip(".") or missing
    remedy = f"see `promptdrift schema show {kind}`"
    if problem.startswith("Invalid enum value"):
        hint = get_type_hints(KINDS[kind]).get(field)
        literals = [h for h in (hint, *get_args(hint)) if get_origin(h) is Literal]
        problem = "Is none of the known values"
        remedy = f"use one of {', '.join(v for h in literals for v in get_args(h))}" if literals else remedy
    return SchemaError(field, problem[0].lower() + problem[1:], remedy)


def _short(error: Exception) -> str:
    return type(error).__name__ if "'" in str(error) else str(error).split("\n")[0][:80]


def unknown_fields(found: Mapping[str, Any], kind: str = "interaction") -> list[str]:
    """Top-level fields that the contract does not know; they are ignored, and counted where read."""
    extra = {"type", "user_id", "system_prompt"}
    return sorted(set(found) - set(KINDS[kind].__struct_fields__) - extra)


def encode(event: msgspec.Struct) -> bytes:
    """Canonical JSON bytes."""
    return msgspec.json.encode(event)
