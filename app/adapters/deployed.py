"""Which deployment is in force, by the topic of deployments."""

from app.adapters.kafka import full_name
from app.adapters.kafka_reading import read_all
from app.settings import KafkaSettings
from schemas.codec import decode
from schemas.events import Deployment
from schemas.topics import DEPLOYMENTS


def latest(kafka: KafkaSettings, application: str) -> str | None:
    """The last that succeeded and was not rolled back; None where there is none.

    Raises: MissingTopic, DependencyError.
    """
    found: list[Deployment] = []
    for record in read_all(kafka, full_name(kafka, DEPLOYMENTS)):
        events = decode(record.value, kind="deployment") if record.value else []
        found += [e for e in events if isinstance(e, Deployment) and e.application == application]
    return in_force(found)


def in_force(deployments: list[Deployment]) -> str | None:
    """Of these, in any order.

    >>> from datetime import UTC, datetime
    >>> def told(day, id, status):
    ...     when = datetime(2026, 1, day, tzinfo=UTC)
    ...     return Deployment(application="a", time=when, deployment_id=id, version=id, status=status)
    >>> in_force([told(3, "d2", "rolled_back"), told(1, "d1", "succeeded"), told(2, "d2", "succeeded")])
    'd1'
    """
    states: dict[str, Deployment] = {}
    for each in sorted(deployments, key=lambda d: d.time):
        if each.status in ("succeeded", "rolled_back"):
            states[each.deployment_id] = each
    kept = [each for each in states.values() if each.status == "succeeded"]
    return max(kept, key=lambda d: d.time).deployment_id if kept else None
