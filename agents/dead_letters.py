"""The one door for what cannot be read: original bytes, and why, in Kafka Connect's headers."""

import contextlib
from typing import TypeVar

import msgspec

from agents.plumbing import Outbox, Record
from agents.reading import read_partition
from agents.telemetry import DEAD_LETTERS
from app.settings import Settings
from schemas import topics
from schemas.codec import Rejection, SchemaError
from schemas.topics import CONNECT, CUT, FOREIGN, TOLD

SCANNED = 5_000
LETTER_BYTES = 980_000  # with our headers what every client sends by default, so that it can be sent again
OURS_ALONE = "only promptdrift writes to this topic"
T = TypeVar("T")


async def bury(outbox: Outbox, record: Record, rejection: Rejection) -> None:
    """Queue a dead letter; existing headers stay, behind FOREIGN those that are named as ours.

    Of what is larger than LETTER_BYTES only the beginning is kept, which the header CUT says.
    """
    error = rejection.error
    told = {
        "topic": record.topic,
        "partition": str(record.partition),
        "offset": str(record.offset),
        "connector.name": "promptdrift",
        "stage": "DECODE",
        "exception.class.name": type(error).__name__,
        "exception.message": str(error),
    }
    headers = {
        (FOREIGN + name if name.startswith(TOLD) else name): value for name, value in record.headers.items()
    }
    key, raw = record.key, rejection.raw
    room = LETTER_BYTES - len(key or b"") - sum(len(n.encode()) + len(v) + 10 for n, v in headers.items())
    if len(raw) > room:
        if room < 0:
            key, headers, room = None, {}, LETTER_BYTES
        headers[CUT] = str(len(raw)).encode()
    headers |= {CONNECT + name: value.encode() for name, value in told.items()}
    await outbox.send(topics.DEAD_LETTERS, raw[:room], key=key, headers=headers)
    DEAD_LETTERS.labels(error.field).inc()


async def buried_after(settings: Settings, topic: str, partition: int, offset: int) -> set[int]:
    """Offsets behind `offset` whose dead letters are there already: sent just before a crash.

    Without it a replay would bury them twice.  Reads the newest SCANNED records per partition.
    """
    found: set[int] = set()
    for number in range(topics.DEAD_LETTERS.partitions):
        async for record in read_partition(settings, topics.DEAD_LETTERS, number, newest=SCANNED):
            headers = dict(record.headers)
            if headers.get(CONNECT + "topic") != topic.encode():
                continue
            if headers.get(CONNECT + "partition") == str(partition).encode():
                with contextlib.suppress(KeyError, TypeError, ValueError):  # somebody else's letter
                    found.add(int(headers[CONNECT + "offset"]))
    return {each for each in found if each > offset}


async def refused(outbox: Outbox, record: Record, why: str, remedy: str = OURS_ALONE) -> None:
    """Queue a dead letter for a value that has the right shape and cannot be used."""
    await bury(outbox, record, Rejection(SchemaError("value", why, remedy), record.value or b""))


async def typed(outbox: Outbox, record: Record, kind: type[T], remedy: str = OURS_ALONE) -> T | None:
    """A value of a topic with one shape; None, and a dead letter, where it is something else."""
    try:
        return msgspec.json.decode(record.value or b"", type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        await refused(outbox, record, f"is no {kind.__name__}", remedy)
        return None
