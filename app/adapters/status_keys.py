"""How the status store writes: names of keys, values as JSON, entries of streams."""

from collections.abc import Mapping
from typing import Any, TypeVar, cast

import msgspec
from redis.asyncio.client import Pipeline

from app.ports import StatusEvent

PREFIX = "promptdrift:v1:"
Entry = tuple[str, dict[str, str]]
T = TypeVar("T")


def key(*parts: str) -> str:
    """Full name of a key.

    >>> key("status", "helpdesk")
    'promptdrift:v1:status:helpdesk'
    """
    return PREFIX + ":".join(parts)


def as_json(value: object) -> str:
    """A value as it is stored."""
    return msgspec.json.encode(value).decode()


def decoded(held: dict[Any, Any], kind: type[T]) -> dict[str, T]:
    """Fields of a hash as values."""
    return {str(name): msgspec.json.decode(value, type=kind) for name, value in held.items()}


def begin(pipe: Pipeline) -> None:
    """From here on commands are queued for one transaction."""
    pipe.multi()  # type: ignore[no-untyped-call]  # redis-py left it so


def rewrite(
    pipe: Pipeline, place: str, held: Mapping[str, T], kept: Mapping[str, T], *, seconds: int
) -> None:
    """Queue what makes a hash of `held` one of `kept`."""
    fresh = {name: as_json(value) for name, value in kept.items() if held.get(name) is not value}
    if fresh:
        pipe.hset(place, mapping=cast(Any, fresh))
        pipe.expire(place, seconds)
    if gone := held.keys() - kept.keys():
        pipe.hdel(place, *gone)


def append(pipe: Pipeline, stream: str, fields: dict[str, str], *, cap: int) -> None:
    """Queue an entry of a stream that keeps about `cap` of them."""
    pipe.xadd(stream, cast(dict[Any, Any], fields), maxlen=cap, approximate=True)


def entries(answer: object) -> list[Entry]:
    """Stream entries; redis-py's types cannot say that the client decodes."""
    return cast(list[Entry], answer or [])


def event_of(entry: Entry) -> StatusEvent:
    """An entry of the live feed."""
    id, fields = entry
    data = msgspec.json.decode(fields["data"])
    return StatusEvent(id=id, kind=fields["kind"], application=fields["application"], data=data)


def neighbour(id: str, step: int) -> str:
    """The bound that leaves `id` out: Redis 6.0 knows no exclusive ranges.

    >>> neighbour("12-3", 1), neighbour("12-3", -1), neighbour("12-0", -1)
    ('12-4', '12-2', '11')
    """
    millis, _, sequence = id.partition("-")
    number = int(sequence or 0) + step
    return f"{millis}-{number}" if number >= 0 else f"{int(millis) - 1}"
