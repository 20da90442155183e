"""What breaks around a worker: no topics, no Redis, a stop midway, its broker, another worker that comes."""

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import SecretStr
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from app.adapters.kafka import full_name
from app.adapters.kafka_topics import create_topics
from app.adapters.status_keys import PREFIX
from app.demo.traffic import scenario
from app.settings import DetectionSettings, RedisSettings, Settings
from schemas.events import Interaction
from schemas.readings import Reading
from schemas.topics import CATALOGUE, READINGS, STATE
from tests.rig.broker import KafkaBroker
from tests.rig.live import Live, finished, last_total
from tests.rig.process import LOOPBACK, free_ports, start, stop
from tests.rig.redis import executable

START = datetime(2026, 3, 1, tzinfo=UTC)
BASELINE = 400
SECONDS = 180.0  # on a busy machine; a quiet one takes a fifth of it
pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.model, pytest.mark.timeout(600)]


@pytest.fixture
def settings(kafka_bootstrap: str, redis_url: str) -> Settings:
    name = f"f{uuid.uuid4().hex[:8]}"
    kafka = {"bootstrap_servers": kafka_bootstrap, "topic_prefix": f"{name}.", "session_timeout_seconds": 6}
    return Settings.model_validate(
        {
            "kafka": {**kafka, "partitions": 2},
            "redis": {"url": redis_url},
            "worker": {"group": name, "idle_seconds": 3},
            "detection": {"baseline_events": BASELINE, "responses": False},  # test_road watches them
        }
    )


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[Settings], Live]]:
    """Makes a pipeline; its workers end with the test."""
    found: list[Live] = []

    def open_(settings: Settings) -> Live:
        found.append(Live(settings, tmp_path))
        return found[-1]

    yield open_
    for live in found:
        live.close()


def traffic(clean: int, drifted: int = 0) -> list[Interaction]:
    drawn = scenario(seed=3, start=START, clean=clean, drifted=drifted).events
    return [event for event in drawn if isinstance(event, Interaction)]


def unique(events: Sequence[Interaction]) -> int:
    return len({event.id for event in events})


def whole(events: Sequence[Interaction]) -> Callable[[list[Reading]], bool]:
    return lambda readings: last_total(readings) >= unique(events)


def references_of(readings: Sequence[Reading]) -> set[str]:
    return {r.reference for r in readings if r.monitor == "change" and r.reference is not None}


def within(seconds: float, what: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if what():
            return True
        time.sleep(0.5)
    return False


def shown(client: Redis) -> int:
    """Interactions that the page would show; -1 while there is nothing to show."""
    try:
        held: list[Any] = [client.get(key) for key in client.scan_iter(f"{PREFIX}status:*")]
    except RedisConnectionError:
        return -1
    found = [reading for each in held for reading in msgspec.json.decode(each)["readings"].values()]
    return max((reading.get("totals", {}).get("events", 0) for reading in found), default=-1)


def test_without_its_topics_a_worker_ends_and_names_the_command_that_makes_them(
    settings: Settings, opened: Callable[[Settings], Live]
) -> None:
    live = opened(settings)
    worker: Any = live.start_worker()
    assert worker.wait(60) == 4, live.logs()
    said = live.logs()
    assert "promptdrift topics create" in said
    assert all(full_name(settings.kafka, topic) in said for topic in CATALOGUE)
    assert len(said.splitlines()) == 1


def test_a_redis_that_comes_late_delays_the_page_and_nothing_else(
    settings: Settings, opened: Callable[[Settings], Live], tmp_path: Path
) -> None:
    (port,) = free_ports(1)
    redis = RedisSettings(url=SecretStr(f"redis://{LOOPBACK}:{port}/0"))
    detection = DetectionSettings(baseline_events=1200, responses=False)
    settings = settings.model_copy(update={"redis": redis, "detection": detection})
    create_topics(settings.kafka)
    live, events = opened(settings), traffic(2000, 900)
    live.send(events)
    live.start_worker()
    readings = live.wait_for(finished(unique(events)), SECONDS)
    assert last_total(readings) == unique(events)
    assert any(r.state == "alarm" for r in readings)
    assert within(60, lambda: bool(live.alerts())), live.logs()

    server = start(
        [str(executable()), "--port", str(port), "--bind", LOOPBACK, "--save", ""], tmp_path / "redis"
    )
    try:
        with Redis.from_url(f"redis://{LOOPBACK}:{port}/0") as client:
            assert within(90, lambda: shown(client) == unique(events)), live.logs()
        assert live.workers[0].poll() is None
    finally:
        stop(server)


def test_a_worker_that_is_stopped_and_started_goes_on_where_it_was(
    settings: Settings, opened: Callable[[Settings], Live]
) -> None:
    create_topics(settings.kafka)
    live, events = opened(settings), traffic(1500)
    half = events[: len(events) // 2]
    live.send(half)
    first = live.start_worker()
    live.wait_for(
        lambda readings: last_total(readings) > BASELINE + 100 and bool(references_of(readings)), SECONDS
    )
    live.send(events[len(events) // 2 :])
    first.terminate()
    assert first.wait(30) == 0, live.logs()
    assert live.read(STATE)

    live.start_worker()
    readings = live.wait_for(whole(events), SECONDS, alive=False)

    assert last_total(readings) == unique(events)
    assert len(references_of(readings)) == 1


def test_a_broker_that_crashes_and_comes_back_changes_no_count(
    settings: Settings, opened: Callable[[Settings], Live], broker: KafkaBroker
) -> None:
    """A worker may end over it; whoever looks after it starts it again."""
    kafka = settings.kafka.model_copy(update={"bootstrap_servers": broker.bootstrap})
    live, events = opened(settings.model_copy(update={"kafka": kafka})), traffic(1000)
    create_topics(kafka)
    live.send(events[:600])
    live.start_worker()
    live.wait_for(lambda readings: last_total(readings) >= 500, SECONDS)
    broker.nodes[0].kill()
    broker.nodes[0].start()
    broker.wait_until_ready()
    live.send(events[600:])

    def counted() -> bool:
        if live.workers[-1].poll() is not None:
            live.start_worker()
        return whole(events)(live.decoded(READINGS, Reading))

    assert within(SECONDS, counted), live.logs()
    assert last_total(live.decoded(READINGS, Reading)) == unique(events)


def test_a_second_worker_that_joins_and_leaves_while_events_trickle_changes_no_count(
    settings: Settings, opened: Callable[[Settings], Live]
) -> None:
    """A slow stream: at most times a worker has a few events in hand when partitions move."""
    create_topics(settings.kafka)
    live, events = opened(settings), traffic(900)
    live.send(events[:500])
    live.start_worker()
    live.wait_for(lambda readings: last_total(readings) >= 400, SECONDS)
    second: Any = None
    for number in range(500, 900, 10):
        live.send(events[number : number + 10])
        if number == 520:
            second = live.start_worker()
        if number == 760:
            assert within(SECONDS, lambda: "partitions_revoked" in live.logs()), live.logs()  # it has joined
            second.terminate()
        time.sleep(0.4)
    assert second.wait(30) == 0, live.logs()
    readings = live.wait_for(whole(events), SECONDS, alive=False)
    time.sleep(1.0)
    assert last_total(readings) == unique(events)
