"""What `topics create` asks of a broker, and what `topics list` says of one; tests/kafka has a real one."""

from collections.abc import Sequence
from typing import Any

import pytest

from app.adapters import kafka_topics
from app.settings import KafkaSettings
from schemas.topics import CATALOGUE, STATE, TICKS, partitions_of

KAFKA = KafkaSettings()
NAMES = {topic: KAFKA.topic_prefix + topic.name for topic in CATALOGUE}
SEGMENT = str(64 * 2**20)


def listed(monkeypatch: pytest.MonkeyPatch, **config: str) -> dict[str, tuple[str, ...]]:
    """Differences of a broker that has every topic, each with this configuration."""

    def configs(_: Any, names: Sequence[str]) -> dict[str, dict[str, str]]:
        return {name: {key.replace("_", "."): value for key, value in config.items()} for name in names}

    present = {name: partitions_of(topic, KAFKA.partitions) for topic, name in NAMES.items()}
    monkeypatch.setattr(kafka_topics, "connect", lambda _: (None, present))
    monkeypatch.setattr(kafka_topics, "_configs", configs)
    return {state.topic.name: state.differences for state in kafka_topics.list_topics(KAFKA)}


def test_compacted_topics_are_made_with_segments_that_are_compacted_soon() -> None:
    assert kafka_topics._wanted(STATE) == {"cleanup.policy": "compact", "segment.bytes": SEGMENT}
    assert "segment.bytes" not in kafka_topics._wanted(TICKS)


def test_a_topic_from_before_is_told_to_have_large_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    found = listed(monkeypatch, segment_bytes=str(2**30))
    assert found[STATE.name] == (f"segment.bytes {2**30}, not {SEGMENT}",)
    assert found[TICKS.name] == ()


def test_a_broker_that_tells_nothing_or_the_same_differs_in_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not any(listed(monkeypatch).values())
    assert listed(monkeypatch, segment_bytes=SEGMENT)[STATE.name] == ()
