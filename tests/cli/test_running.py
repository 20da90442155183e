"""Commands that keep running: how they start, serve and end."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from app.cli.stage import Story, surroundings
from app.settings import Settings
from tests.cli.said import Cli

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def process(*arguments: str, **environment: str) -> Iterator["subprocess.Popen[str]"]:
    """The program in a process of its own, ended at the end."""
    command = [sys.executable, "-m", "app.cli", *arguments]
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=surroundings
    ) as child:
        try:
            yield child
        finally:
            child.kill()


# --- what keeps running ------------------------------------------------------------------------


def test_the_api_serves_and_ends_when_told() -> None:
    with process("api", "--port", "0", LOG_FORMAT="json") as child:
        assert child.stderr is not None
        said = child.stderr.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", said)
        assert found is not None, said
        with urlopen(f"{found[0]}/livez", timeout=20) as answer:
            assert json.load(answer) == {"status": "alive"}
        child.send_signal(signal.SIGTERM)
        log = child.stderr.read()
        assert child.wait(20) in (0, -signal.SIGTERM)
    assert all("event" in json.loads(line) for line in log.splitlines())


def test_a_port_that_is_taken_is_a_setting_to_change() -> None:
    with process("api", "--port", "0") as first:
        assert first.stderr is not None
        port = first.stderr.readline().rsplit(":", 1)[1].strip()
        with process("api", "--port", port) as second:
            _, said = second.communicate(timeout=60)
            assert second.returncode == 3
            assert f"cannot listen on 127.0.0.1:{port}" in said


STAGE = """
import os, pathlib, sys, time
from app.cli.stage import child, ended_in_order
command = ["dev", "fake-pagerduty", "--port", "0"]
with ended_in_order(), child(command, os.environ, pathlib.Path("log")) as part:
    print(part.pid, flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGHUP])
def test_a_demo_that_is_ended_from_outside_ends_its_processes(end: signal.Signals, tmp_path: Path) -> None:
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", STAGE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=surroundings, cwd=tmp_path) as demo:
        assert demo.stdout is not None
        part = int(demo.stdout.readline())
        demo.send_signal(end)
        assert demo.wait(60) == 128 + end
    with pytest.raises(ProcessLookupError):
        os.kill(part, 0)


def test_the_demo_reaches_no_server_of_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    (logs := Path("logs")).mkdir()
    Path("promptdrift.yaml").write_text("kafka: {topic_prefix: theirs.}\n")
    Path("mine.yaml").write_text("worker: {group: theirs}\nencoder: {threads: 3}\nlog: {level: WARNING}\n")
    for name, value in {
        "PROMPTDRIFT_KAFKA__BOOTSTRAP_SERVERS": "theirs:9092",
        "PROMPTDRIFT_REDIS__URL": "redis://theirs",
        "PROMPTDRIFT_API__TOKEN": "theirs",
        "PROMPTDRIFT_CONFIG": "mine.yaml",
        "PROMPTDRIFT_ENCODER__MODEL": "kept",
        "KAFKA_SECURITY_PROTOCOL": "SSL",
        "REDIS_URL": "redis://theirs",
    }.items():
        monkeypatch.setenv(name, value)
    story = Story("none", 7, clean=1, drifted=1)
    story.connect(surroundings("ours:1", "redis://ours", logs))
    servers = {"kafka": {"bootstrap_servers": "ours:1"}, "redis": {"url": "redis://ours"}}
    assert story.settings == Settings.model_validate(
        {**servers, "encoder": {"model": "kept", "threads": 3}, "log": {"level": "WARNING"}}
    )


def test_a_worker_takes_the_place_of_the_command(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []
    monkeypatch.setattr(os, "execve", lambda *given: started.append(given))
    Path("mine.yaml").write_text("{}")
    assert cli("--config", "mine.yaml", "worker").code == 0
    ((path, arguments, environment),) = started
    assert path == arguments[0] == sys.executable
    assert arguments[1:] == ["-m", "agents.worker"]
    assert environment["PROMPTDRIFT_CONFIG"] == str(Path("mine.yaml").resolve())


def test_a_worker_is_told_of_watches_and_muted_eyes(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []
    monkeypatch.setattr(os, "execve", lambda *given: started.append(given))
    assert cli("worker", "--watch", "billing=b.txt", "--mute", "shape").code == 0
    environment = started[0][2]
    assert json.loads(environment["PROMPTDRIFT_DETECTION__WATCHES"]) == {"billing": "b.txt"}
    assert json.loads(environment["PROMPTDRIFT_DETECTION__MUTE"]) == ["shape"]


def test_a_worker_with_wrong_settings_does_not_start(cli: Cli) -> None:
    Path("promptdrift.yaml").write_text("worker: {port: -1}\n")
    assert cli("worker").code == 3
