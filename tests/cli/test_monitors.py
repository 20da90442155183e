"""`monitors` and `dev`: files in, words and exit codes out; nothing here needs a broker."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from schemas.codec import encode
from tests.cli.said import Cli
from tests.core.said import clean, say
from tests.rig.process import LOOPBACK, free_ports, stop
from tests.rig.sinks import KEY

FILE = """
monitors:
  - {tolerance: 0.1, sinks: [pagerduty], remind_seconds: 600}
  - application: shop
    clean_windows: 2
"""


def test_a_file_of_monitors_is_checked(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "monitors.yaml").write_text(FILE)
    done = cli("monitors", "validate", "monitors.yaml")
    assert (done.code, "2 entries are valid" in done.err) == (0, True)
    (tmp_path / "monitors.yaml").write_text("monitors: [{tolerence: 0.1}]")
    done = cli("monitors", "validate", "monitors.yaml")
    assert (done.code, "did you mean tolerance?" in done.err) == (5, True)
    (tmp_path / "monitors.yaml").write_text("monitors: [{sinks: [nobody]}]")
    done = cli("monitors", "validate", "monitors.yaml")
    assert (done.code, "no sink 'nobody'" in done.err) == (5, True)
    assert cli("monitors", "validate").code == 0


def test_what_holds_is_listed(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "monitors.yaml").write_text(FILE)
    (tmp_path / "promptdrift.yaml").write_text("detection: {monitors: monitors.yaml}")
    found = cli("monitors", "list", "--application", "shop", "--json").data["monitors"]
    assert (found["gap"]["tolerance"], found["change"]["clean_windows"]) == (0.1, 2)
    assert found["gap"]["alarm_windows"] == 3
    table = cli("monitors", "list").out
    assert "CHANGE" in table
    assert "pagerduty" in table


def test_what_would_have_been_told_is_told(cli: Cli, tmp_path: Path) -> None:
    readings = [say(1, "alarm"), say(15, "alarm"), *clean(20)]
    (tmp_path / "readings.jsonl").write_bytes(b"\n".join(map(encode, readings)))
    (tmp_path / "monitors.yaml").write_text(FILE)
    found = cli("monitors", "test", "readings.jsonl", "--monitors", "monitors.yaml", "--json").data
    assert [alert["transition"] for alert in found] == ["opened", "reminded", "resolved"]
    shown = cli("monitors", "test", "readings.jsonl")
    assert "1 incidents, 2 transitions" in shown.err
    (tmp_path / "readings.jsonl").write_text("{}")
    assert cli("monitors", "test", "readings.jsonl").code == 5


def test_the_fake_is_served_with_faults_and_ends_on_a_signal(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    command = [
        sys.executable,
        "-m",
        "app.cli",
        "dev",
        "fake-pagerduty",
        "--port",
        str(port),
        "--faults",
        "503",
    ]
    fake = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        url = f"http://{LOOPBACK}:{port}"
        deadline = time.monotonic() + 60
        while _state(url) is None:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        payload = {"summary": "s", "source": "x", "severity": "critical"}
        event = {"routing_key": KEY, "event_action": "trigger", "dedup_key": "k", "payload": payload}
        assert _post(url, event) == 503
        assert _post(url, event) == 202
        state = _state(url)
        assert state is not None
        assert [i["dedup_key"] for i in state["incidents"]] == ["k"]
    finally:
        stop(fake)


def test_a_script_that_is_none_is_wrong_usage(cli: Cli) -> None:
    done = cli("dev", "fake-pagerduty", "--faults", "teapot")
    assert (done.code, "is no fault" in done.err) == (2, True)


def _state(url: str) -> dict[str, Any] | None:
    try:
        with urlopen(f"{url}/_state", timeout=60) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    except (URLError, OSError):
        return None


def _post(url: str, event: dict[str, Any]) -> int:
    try:
        with urlopen(Request(f"{url}/v2/enqueue", json.dumps(event).encode()), timeout=60) as answer:
            return int(answer.status)
    except URLError as error:
        return int(getattr(error, "code", 0))
