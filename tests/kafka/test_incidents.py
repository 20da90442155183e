"""The short form on real Kafka and real Redis: one page and one resolve, whatever dies."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.adapters.kafka_topics import create_topics
from app.settings import Settings
from tests.rig.crew import Crew, day_of_drift, play
from tests.rig.process import free_ports

START = datetime(2026, 3, 1, tzinfo=UTC)
pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.model, pytest.mark.timeout(300)]


@pytest.fixture
def crew(kafka_bootstrap: str, redis_url: str, tmp_path: Path) -> Iterator[Crew]:
    name = f"i{uuid.uuid4().hex[:8]}"
    kafka = {"bootstrap_servers": kafka_bootstrap, "topic_prefix": f"{name}.", "session_timeout_seconds": 6}
    facts = {
        "kafka": {**kafka, "partitions": 3},
        "redis": {"url": redis_url},
        "worker": {"group": name, "idle_seconds": 3},
    }
    settings = Settings.model_validate(facts)
    create_topics(settings.kafka)
    found = Crew(settings, tmp_path, free_ports(2), redis=False)
    for each in found.names:
        found.start(each)
    found.until(lambda: found.pager() is not None, 150)
    yield found
    found.close()


def test_a_day_of_drift_is_one_page_and_one_resolve(crew: Crew) -> None:
    days = {f"app-{n}": day_of_drift(f"app-{n}", START, segments=12 - 5 * n, lead=2 + 6 * n) for n in (0, 1)}
    killed = play(crew, list(days.values()), kills=5, seed=4, pause=0.2)
    assert set(killed) == set(crew.names)

    crew.until(lambda: crew.incidents() == {name: ["resolved"] for name in days}, 240)

    told = crew.transitions()
    for name in days:
        mine = [a.transition for a in told if a.application == name and a.transition != "joined"]
        assert mine == ["opened", "resolved"]
