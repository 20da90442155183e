"""A worker as a process manager sees it: lines of JSON on stderr, nothing else anywhere."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from redis import Redis

from app.adapters.embedded import Embedded
from app.settings import Settings
from tests.rig import process
from tests.rig.live import environment

pytestmark = [pytest.mark.embedded, pytest.mark.model]
READY_LIMIT_S = 90.0


def test_a_worker_writes_lines_of_json_and_no_control_codes(tmp_path: Path) -> None:
    with Embedded(partitions=4) as embedded:
        settings = Settings.model_validate(
            {
                "kafka": {"bootstrap_servers": embedded.bootstrap, "partitions": 4},
                "redis": {"url": embedded.redis_url},
            }
        )
        log = tmp_path / "worker.log"
        command = ["env", *environment(settings), "LOG_LEVEL=DEBUG", sys.executable, "-m", "agents.worker"]
        worker = process.start(command, log)
        try:
            wait_for_heartbeat(embedded.redis_url, worker)
        finally:
            process.stop(worker)
    written = log.read_text("utf-8")
    assert "\x1b" not in written
    events = [json.loads(line) for line in written.splitlines()]  # stdout is in it too
    assert "worker_starts" in [each["event"] for each in events]


def wait_for_heartbeat(url: str, worker: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + READY_LIMIT_S
    with Redis.from_url(url) as client:
        while not client.exists("promptdrift:v1:workers"):
            assert worker.poll() is None, "the worker has ended"
            assert time.monotonic() < deadline, "no heartbeat"
            time.sleep(0.1)
