"""A new normal: a baseline learned from traffic that has been, for workers that measure against an older one.

The first baseline is learned by the workers as traffic comes.  This one is made of what lies on the topic of
interactions, by the same code, so nothing goes unwatched meanwhile; workers adopt it as they hear of it.
"""

import heapq
from collections.abc import Iterable, Iterator

from app.adapters import replay
from app.adapters.kafka import Record, full_name
from app.adapters.kafka_reading import read_all
from app.core.baseline import Baseline
from app.errors import InputError
from app.ports import Encoder
from app.settings import KafkaSettings, Settings
from schemas.codec import decode
from schemas.events import Interaction
from schemas.topics import INTERACTIONS


def retained(kafka: KafkaSettings, *, since: float) -> Iterator[Record]:
    """Interactions that were recorded from `since` on, epoch seconds.

    Raises: MissingTopic, DependencyError.
    """
    return read_all(kafka, full_name(kafka, INTERACTIONS), since=since)


def newest(
    records: Iterable[Record], application: str, *, span: tuple[float, float], most: int
) -> list[Interaction]:
    """The last `most` interactions of an application in a span of event time, oldest first, each id once.

    Memory: twice as many, for what was sent twice.
    """
    first, last = span
    found = (
        event
        for record in records
        for event in decode(record.value or b"", headers=dict(record.headers), kind="interaction")
        if isinstance(event, Interaction)
        and event.application == application
        and event.source == "production"
        and first <= event.time.timestamp() <= last
    )
    kept = heapq.nlargest(2 * most, found, key=lambda event: (event.time, event.id))
    return list({event.id: event for event in reversed(kept)}.values())[-most:]


def learn(events: list[Interaction], settings: Settings, *, encoder: Encoder) -> list[Baseline]:
    """Baselines of prompts and, where there are enough of them, of responses.

    Cost: about 1 ms an event and 5 s a baseline.

    Raises: InputError where there are too few for one of prompts.
    """
    wanted = {"baseline_events": max(len(events), 100), "baseline_seconds": None}
    said = replay.run(
        events,
        encoder=encoder,
        evalset=None,
        detection=settings.detection.model_copy(update=wanted),
        partitions=settings.kafka.partitions,
    )
    if not said.baselines:
        why = next((r.note for r in reversed(said.readings) if r.note), None)
        raise InputError(
            f"--hours: {len(events):,} interactions make no baseline"
            f"{'' if why is None else f' ({why})'}; give more hours, or fewer --events where they repeat"
        )
    return said.baselines
