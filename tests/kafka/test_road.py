"""The whole road on real Kafka and real Redis: agreement with replay, and a worker killed midway."""

import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from app.adapters import replay
from app.adapters.encoders import load_encoder
from app.adapters.kafka_topics import create_topics
from app.demo.traffic import scenario
from app.settings import Settings
from schemas.codec import Event
from schemas.events import Interaction
from schemas.topics import DEAD_LETTERS, INTERACTIONS
from tests.rig.live import Live, essence, finished, last_total

START = datetime(2026, 3, 1, tzinfo=UTC)
pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.model]


@pytest.fixture
def live(kafka_bootstrap: str, redis_url: str, tmp_path: Path) -> Iterator[Live]:
    name = f"t{uuid.uuid4().hex[:8]}"
    settings = Settings.model_validate(
        {
            "kafka": {
                "bootstrap_servers": kafka_bootstrap,
                "topic_prefix": f"{name}.",
                "session_timeout_seconds": 6,
            },
            "redis": {"url": redis_url},
            "worker": {"group": name, "idle_seconds": 4},
            "detection": {"baseline_events": 1200},
        }
    )
    create_topics(settings.kafka)
    pipeline = Live(settings, tmp_path)
    yield pipeline
    pipeline.close()


def padded(events: Sequence[Event], size: int) -> list[Event]:
    """Interactions of about `size` bytes on the wire, by a longer response."""
    out: list[Event] = []
    for event in events:
        if isinstance(event, Interaction):
            short = size - len(msgspec.json.encode(event))
            filler = (event.response or "") + " and so on" * max(0, short // 10)
            event = msgspec.structs.replace(event, response=filler)
        out.append(event)
    return out


def replayed(events: Sequence[Event], settings: Settings) -> replay.Replay:
    return replay.run(
        events,
        encoder=load_encoder(table=None, model=None, cache_dir=None),
        evalset=None,
        detection=settings.detection,
        partitions=settings.kafka.partitions,
    )


def test_live_and_replay_say_the_same(live: Live) -> None:
    story = scenario(seed=3, start=START, clean=2000, drifted=1800).events
    asked = [event for event in story if isinstance(event, Interaction)]
    interactions, later = 2900, asked[2900:]
    events = [event for event in story if event.time < later[0].time]
    live.start_worker()
    live.send(events)
    readings = live.wait_for(finished(interactions), 300)

    told = replayed(events, live.settings)

    assert essence(readings) == essence(told.readings)
    assert set(live.alerts()) == {alert.alert_id for alert in told.alerts}
    assert len({alert.incident for alert in told.alerts}) == 1
    what_changed_becomes_the_baseline(live, events, later)


def what_changed_becomes_the_baseline(
    live: Live, events: Sequence[Event], later: Sequence[Interaction]
) -> None:
    """Somebody wants the change: the incident ends, and it is compared with anew from then on."""
    before = max(live.alerts().values(), key=lambda alert: alert.updated_at)
    assert before.state == "firing"
    until = events[-1].time.isoformat()
    command = ["baseline", "renew", "--application", before.application, "--until", until, "--hours", "100"]
    done = live.command([*command, "--events", "700"])
    assert done.returncode == 0, done.stderr
    live.send(later)
    readings = live.wait_for(lambda _: any(a.state == "resolved" for a in live.alerts().values()), 150)
    known = {r.reference for r in readings if r.monitor == "change" and r.state == "ok"}
    assert len(known) == 2
    assert {a.incident for a in live.alerts().values()} == {before.incident}


@pytest.mark.timeout(900)
def test_a_worker_killed_midway_loses_and_doubles_nothing(live: Live) -> None:
    """100,000 interactions of 1 KB, two workers, one kill -9, 25 poison records.

    A third of them come one a record, as the kill does, the others in arrays.  Responses are filled up to
    1 KB with words that say nothing, and are not watched here.
    """
    watched = live.settings.detection.model_copy(update={"responses": False})
    live.settings = live.settings.model_copy(update={"detection": watched})
    drawn = scenario(seed=5, start=START, clean=80_000, drifted=20_000, interval_seconds=0.005)
    events = padded([e for e in drawn.events if isinstance(e, Interaction)][:100_000], 1000)
    poison = [b'{"application": "helpdesk", "prompt": %d' % i for i in range(25)]
    live.send(events[:33_000])
    live.send_raw(INTERACTIONS, poison)
    live.send_arrays(events[33_000:])
    live.start_worker()
    live.start_worker()

    live.wait_for(lambda r: last_total(r) > 20_000, 300)
    live.kill(0)
    readings = live.wait_for(finished(len(events)), 500, alive=False)

    unique = {e.id for e in events if isinstance(e, Interaction)}
    assert max(readings, key=lambda r: r.totals.events).totals.events == len(unique)
    assert sorted(m.value() for m in live.read(DEAD_LETTERS)) == sorted(poison)
    told = replayed(events, live.settings)
    assert set(live.alerts()) == {alert.alert_id for alert in told.alerts}
    assert essence(readings, offsets=False) == essence(told.readings, offsets=False)  # poison takes offsets
