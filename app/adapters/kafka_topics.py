"""The catalogue against the broker: what is missing, what differs, and making what is missing."""

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import ConfigResource, NewTopic, ResourceType

from app.adapters.kafka import PAUSE_SECONDS, TIMEOUT_SECONDS, connect, full_name
from app.errors import DependencyError, SettingsError
from app.settings import KafkaSettings
from schemas.topics import CATALOGUE, Topic, partitions_of


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicState:
    """A topic of the catalogue and what the broker has of it."""

    topic: Topic
    name: str  # full
    state: str  # ok | missing | differs | created
    partitions: int | None = None
    differences: tuple[str, ...] = ()


def list_topics(kafka: KafkaSettings) -> list[TopicState]:
    """Every topic of the catalogue: ok, missing, or how it differs.  Raises: DependencyError."""
    admin, present = connect(kafka)
    names = {topic: full_name(kafka, topic) for topic in CATALOGUE}
    configs = _configs(admin, [name for name in names.values() if name in present])
    return [_state(kafka, topic, present.get(name), configs.get(name, {})) for topic, name in names.items()]


def _configs(admin: Any, names: Sequence[str]) -> dict[str, dict[str, str]]:  # noqa: ANN401
    """Configuration of the topics, as far as we may see it; empty where the broker does not tell."""
    if not names:
        return {}
    asked = admin.describe_configs(
        [ConfigResource(ResourceType.TOPIC, name) for name in names], request_timeout=TIMEOUT_SECONDS
    )
    out: dict[str, dict[str, str]] = {}
    for resource, future in asked.items():
        try:
            out[resource.name] = {entry.name: entry.value for entry in future.result().values()}
        except KafkaException:
            out[resource.name] = {}
    return out


def _state(kafka: KafkaSettings, topic: Topic, partitions: int | None, config: dict[str, str]) -> TopicState:
    name = full_name(kafka, topic)
    if partitions is None:
        return TopicState(topic=topic, name=name, state="missing")
    differences = []
    if partitions != partitions_of(topic, kafka.partitions):
        differences.append(f"partitions {partitions}, not {partitions_of(topic, kafka.partitions)}")
    for option, wanted in _wanted(topic).items():
        found = config.get(option)
        if found is not None and set(found.split(",")) != set(wanted.split(",")):
            differences.append(f"{option} {found}, not {wanted}")
    return TopicState(
        topic=topic,
        name=name,
        state="differs" if differences else "ok",
        partitions=partitions,
        differences=tuple(differences),
    )


def _wanted(topic: Topic) -> dict[str, str]:
    config = {"cleanup.policy": topic.cleanup}
    if topic.retention_ms is not None:
        config["retention.ms"] = str(topic.retention_ms)
    if topic.segment_bytes is not None:
        config["segment.bytes"] = str(topic.segment_bytes)
    if topic.append_time:
        config["message.timestamp.type"] = "LogAppendTime"
    return config


def create_topics(kafka: KafkaSettings) -> list[TopicState]:
    """Create what is missing; what is there stays as it is.  Raises: DependencyError, SettingsError."""
    before = list_topics(kafka)
    missing = [state for state in before if state.state == "missing"]
    if missing:
        _create(kafka, [state.topic for state in missing])
    return [
        replace(state, state="created", partitions=partitions_of(state.topic, kafka.partitions))
        if state.state == "missing"
        else state
        for state in before
    ]


def _create(kafka: KafkaSettings, topics: Sequence[Topic]) -> None:
    admin, _ = connect(kafka)
    wanted = [
        NewTopic(
            full_name(kafka, topic),
            num_partitions=partitions_of(topic, kafka.partitions),
            replication_factor=kafka.replication_factor,
            config=_wanted(topic),
        )
        for topic in topics
    ]
    for name, future in admin.create_topics(wanted, operation_timeout=TIMEOUT_SECONDS).items():
        try:
            future.result()
        except KafkaException as error:
            _refused(name, error.args[0])
    _settle(admin, [full_name(kafka, topic) for topic in topics])


def _settle(admin: Any, names: Sequence[str]) -> None:  # noqa: ANN401
    """Wait until every new partition has a leader: a worker may be the next to start."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(KafkaException):  # asked again until the deadline
            known = admin.list_topics(timeout=TIMEOUT_SECONDS).topics
            if all(name in known and _led(known[name]) for name in names):
                return
        time.sleep(PAUSE_SECONDS)
    raise DependencyError(
        f"the new topics have no leader after {TIMEOUT_SECONDS:.0f} s; ask the broker's log"
    )


def _led(topic: Any) -> bool:  # noqa: ANN401
    return bool(topic.partitions) and all(p.leader >= 0 for p in topic.partitions.values())


def _refused(name: str, error: KafkaError) -> None:
    """Somebody else may have been quicker; everything else is told."""
    if error.code() == KafkaError.TOPIC_ALREADY_EXISTS:
        return
    if error.code() == KafkaError.INVALID_REPLICATION_FACTOR:
        raise SettingsError(
            f"kafka.replication_factor: {error.str()}; set it to at most the number of brokers"
        )
    raise DependencyError(f"topic {name} was not created: {error.str()}")
