"""Publishing what workers measure against: a baseline, or an eval set beside the one in force.

The topic is read first: where it lies, and from which event time on an eval set is measured.  Two slots take
turns, so one that is in force stays whole until the next is all there, and compaction leaves the eval set
before it, which the dual run needs (docs/decisions/0019).
"""

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from app.adapters.kafka import Record, full_name, produce
from app.adapters.kafka_reading import read_all
from app.adapters.references import wire_records
from app.core.baseline import Baseline
from app.core.reference import Reference
from app.settings import KafkaSettings
from schemas.ticks import Tick
from schemas.topics import REFERENCES, TICKS

PROGRESS = 64  # records of each partition of ticks that are looked at for the newest watermark
MANIFEST = b"/manifest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a reference lies on its topic, and from which event time on it is measured; None: always."""

    slot: int = 0
    since: float | None = None


class _Manifest(msgspec.Struct):
    """Of the manifest record, what matters here."""

    id: str
    application: str
    kind: str
    since: float | None = None


def publish_evalset(
    kafka: KafkaSettings, application: str, built: Reference, *, lateness_seconds: float
) -> Place:
    """Send an eval set to every worker.  What is in force already stays as it was.

    Raises: DependencyError, MissingTopic.
    """
    topic = full_name(kafka, REFERENCES)
    ticks = read_all(kafka, full_name(kafka, TICKS), last=PROGRESS)
    place = placed(
        read_all(kafka, topic), application, built.id, begins=begin(ticks, lateness_seconds=lateness_seconds)
    )
    told = wire_records(application, built, slot=place.slot, since=place.since)
    produce(kafka, [_record(topic, *each) for each in told])
    return place


def publish_baseline(kafka: KafkaSettings, learned: Baseline) -> None:
    """Send a baseline to every worker.  Raises: MissingTopic, DependencyError."""
    topic, reference = full_name(kafka, REFERENCES), learned.reference
    slot = free_slot(read_all(kafka, topic), reference.application, reference.kind)
    told = wire_records(reference.application, learned, slot=slot)
    produce(kafka, [_record(topic, *each) for each in told])


def free_slot(records: Iterable[Record], application: str, kind: str) -> int:
    """The slot that the newest of its kind does not lie in, given all records of the topic."""
    taken = 1
    for record in records:
        told = _manifest(record)
        if told is not None and (told.application, told.kind) == (application, kind):
            taken = _slot(record)
    return 1 - taken


def placed(records: Iterable[Record], application: str, evalset: str, *, begins: float | None) -> Place:
    """Where an eval set goes, given all records of the topic and the event time at which one may begin."""
    known: dict[str, Place] = {}  # by id, the newest last
    served = False
    for record in records:
        told = _manifest(record)
        if told is None or told.kind != "evalset" or told.application not in (application, "*"):
            continue
        served = True
        if told.application == application:
            slot = _slot(record)
            known = {i: place for i, place in known.items() if i != told.id and place.slot != slot}
            known[told.id] = Place(slot=slot, since=told.since)
    if not known:
        return Place(since=begins if served else None)
    newest = list(known)[-1]
    if newest == evalset:
        return known[newest]
    return Place(slot=1 - known[newest].slot, since=begins)


def begin(ticks: Iterable[Record], *, lateness_seconds: float) -> float | None:
    """An event time that no worker has read yet; None where nothing was measured so far.

    Events up to the lateness ahead of the newest watermark were read; as much again is for hearing of it.
    """
    marks = []
    for record in ticks:
        try:
            tick = msgspec.json.decode(record.value or b"", type=Tick)
        except msgspec.DecodeError:
            continue
        if tick.watermark is not None:
            marks.append(tick.watermark)
    return max(marks) + 2 * lateness_seconds if marks else None


def _manifest(record: Record) -> _Manifest | None:
    """What a record of the topic tells of a reference; None where it is no manifest."""
    if record.value is None or not (record.key or b"").endswith(MANIFEST):
        return None
    try:
        return msgspec.json.decode(record.value, type=_Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _slot(manifest: Record) -> int:
    return int((manifest.key or b"").removesuffix(MANIFEST).endswith(b"@1"))


def _record(topic: str, key: bytes, value: bytes, headers: dict[str, bytes]) -> Record:
    return Record(topic=topic, key=key, value=value, headers=tuple(headers.items()), partition=0)
