"""Alerts for who subscribes to their topic: the open ones, the ones to come, and answers to them."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import msgspec

from app.adapters.kafka import Record, full_name, produce
from app.adapters.kafka_reading import follow, read_all
from app.errors import InputError
from app.settings import KafkaSettings
from schemas.codec import encode
from schemas.decisions import Acknowledgement, Alert, Delivery, headers_of
from schemas.topics import ACKNOWLEDGEMENTS, ALERTS, ALERTS_STATE, DELIVERIES

Wanted = Callable[[dict[str, bytes]], bool]


def latest(kafka: KafkaSettings) -> list[Alert]:
    """The latest transition of every incident that the topic of states still has, the newest last."""
    found: dict[str, Alert] = {}
    for record in read_all(kafka, full_name(kafka, ALERTS_STATE)):
        alert = alert_in(record)
        if alert is not None:
            held = found.get(alert.incident)
            if held is None or alert.updated_at >= held.updated_at:
                found[alert.incident] = alert
    return sorted(found.values(), key=lambda alert: alert.updated_at)


def find(kafka: KafkaSettings, incident: str) -> Alert:
    """The latest transition of one incident, by its id or the beginning of it.  Raises: InputError."""
    fit = [alert for alert in latest(kafka) if alert.incident.startswith(incident)]
    if len(fit) != 1:
        told = "no incident begins" if not fit else f"{len(fit)} incidents begin"
        raise InputError(f"{told} with {incident!r}; `promptdrift alerts list --all` names them")
    return fit[0]


def tail(kafka: KafkaSettings, *, past: bool, wanted: Wanted) -> Iterator[Alert]:
    """Transitions as they come, without end; `wanted` sees the headers, before a value is opened."""
    for record in follow(kafka, full_name(kafka, ALERTS), past=past):
        if record is not None and wanted(dict(record.headers)):
            alert = alert_in(record)
            if alert is not None:
                yield alert


def answer(kafka: KafkaSettings, given: Acknowledgement) -> None:
    """Put an answer onto its topic, on the partition of its application.  Raises: DependencyError."""
    topic = full_name(kafka, ACKNOWLEDGEMENTS)
    produce(kafka, [Record(topic=topic, key=given.application.encode(), value=encode(given))])


def send_alert(kafka: KafkaSettings, alert: Alert) -> None:
    """Put a transition onto both topics, as *alert* does.  Raises: DependencyError."""
    key, value, headers = alert.incident.encode(), encode(alert), tuple(headers_of(alert).items())
    topics = [full_name(kafka, topic) for topic in (ALERTS, ALERTS_STATE)]
    produce(kafka, [Record(topic=topic, key=key, value=value, headers=headers) for topic in topics])


def deliveries(kafka: KafkaSettings, incident: str, seconds: float) -> Iterator[Delivery | None]:
    """Attempts to tell of one incident, until time is up; None whenever there is nothing new."""
    deadline = time.monotonic() + seconds
    for record in follow(kafka, full_name(kafka, DELIVERIES), past=True, until=deadline):
        if record is None or record.value is None or record.key != incident.encode():
            yield None
        else:
            yield msgspec.json.decode(record.value, type=Delivery)


def alert_in(record: Record) -> Alert | None:
    """The alert of a record; None for what is none."""
    try:
        return msgspec.json.decode(record.value or b"", type=Alert)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def now() -> datetime:
    """The wall clock, in UTC."""
    return datetime.now(UTC)
