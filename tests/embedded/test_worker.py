"""A worker as a process manager and as its own health monitor see it."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from app.adapters.embedded import Embedded
from app.adapters.kafka import produce, record_of
from app.settings import Settings
from schemas.events import Interaction
from tests.rig import process
from tests.rig.live import environment

pytestmark = [pytest.mark.embedded, pytest.mark.model]
READY_LIMIT_S = 90.0
STALLED_S = 8.0
CANARY = "cAnArY7f3a"


class Pipeline:
    """Embedded servers and one worker, whose encoder hangs while `stuck` exists."""

    def __init__(self, embedded: Embedded, folder: Path) -> None:
        kafka = {"bootstrap_servers": embedded.bootstrap, "partitions": 4}
        self.settings = Settings.model_validate({"kafka": kafka, "redis": {"url": embedded.redis_url}})
        self.redis: Any = Redis.from_url(embedded.redis_url, decode_responses=True)
        self.stuck, self.log = folder / "stuck", folder / "worker.log"
        extra = ["LOG_LEVEL=DEBUG", f"PROMPTDRIFT_HEALTH__STALLED_SECONDS={STALLED_S}"]
        command = ["env", *environment(self.settings), *extra, sys.executable, "-m", "tests.rig.stuck"]
        self.worker = process.start([*command, str(self.stuck)], self.log)

    def send(self, count: int) -> None:
        """Prompts of as many people, from now."""
        now = datetime.now(UTC)
        told = (f"question {n} about my order {CANARY}" for n in range(count))
        events = [
            Interaction(application="shop", time=now, prompt=text, user_hash=f"u{n}")
            for n, text in enumerate(told)
        ]
        produce(self.settings.kafka, [record_of(self.settings.kafka, event) for event in events])

    def pipeline(self) -> dict[str, Any]:
        """The latest word on each condition, by its name."""
        held = self.redis.get("promptdrift:v1:status:*")
        readings = json.loads(held)["readings"] if held else {}
        return {reading["segment"]: reading for reading in readings.values()}

    def alerts(self) -> list[Any]:
        """Transitions, oldest first."""
        return [json.loads(fields["alert"]) for _, fields in self.redis.xrange("promptdrift:v1:alerts")]

    def wait(self, what: Callable[[], object], seconds: float) -> None:
        """Until it holds."""
        began = time.monotonic()
        while not what():
            assert self.worker.poll() is None, process.tail(self.log)
            assert time.monotonic() - began < seconds, process.tail(self.log)
            time.sleep(0.1)


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    with Embedded(partitions=4) as embedded:
        running = Pipeline(embedded, tmp_path_factory.mktemp("worker"))
        try:
            yield running
        finally:
            process.stop(running.worker)
            running.redis.close()


def test_an_encoder_that_hangs_makes_an_incident_and_ends_it(pipeline: Pipeline) -> None:
    pipeline.wait(lambda: {"stage measure", "stage detect", "stage alert"} <= set(pipeline.pipeline()), 150)
    pipeline.send(20)
    assert {each["state"] for each in pipeline.pipeline().values()} == {"ok"}

    pipeline.stuck.touch()
    pipeline.send(20)
    pipeline.wait(pipeline.alerts, 90)
    opened = pipeline.alerts()[0]
    assert (opened["application"], opened["monitor"], opened["severity"]) == ("*", "health", "critical")
    assert opened["summary"].startswith("the pipeline: measure has finished nothing for ")
    assert pipeline.pipeline()["stage measure"]["state"] == "alarm"

    pipeline.stuck.unlink()
    pipeline.wait(lambda: pipeline.pipeline()["stage measure"]["state"] == "ok", 90)
    pipeline.wait(lambda: pipeline.alerts()[-1]["state"] == "resolved", 120)
    assert {alert["incident"] for alert in pipeline.alerts()} == {opened["incident"]}  # others may join it


def test_it_has_said_so_with_its_heartbeat(pipeline: Pipeline) -> None:
    (name,) = pipeline.redis.zrange("promptdrift:v1:workers", 0, -1)
    beat = json.loads(pipeline.redis.get(f"promptdrift:v1:worker:{name}"))
    assert beat["role"] == "worker"
    stages = [stage["stage"] for stage in beat["stages"]]
    assert stages == ["measure", "detect", "outcomes", "evaluate", "alert"]


def test_it_writes_lines_of_json_no_control_codes_and_no_prompt(pipeline: Pipeline) -> None:
    process.stop(pipeline.worker)
    written = pipeline.log.read_text("utf-8")
    assert "\x1b" not in written
    assert CANARY not in written
    events = [json.loads(line) for line in written.splitlines()]  # stdout is in it too
    assert {"worker_starts", "alert"} <= {each["event"] for each in events}
