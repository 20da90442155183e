"""The demo is the embedded mode at work: broker, Redis, worker, page and traffic in child processes."""

import json
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.embedded, pytest.mark.model]


def demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "app.cli", "demo", "--json", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


def test_the_demo_raises_one_incident_after_the_drift_and_names_what_moved() -> None:
    ended = demo()

    assert ended.returncode == 0, ended.stderr
    summary = json.loads(ended.stdout)
    assert summary["incidents"] == 1
    assert len(summary["pages"]) == 1
    assert summary["deployment"] == "v2"
    assert summary["event_time_to_detection_seconds"] > 0
    assert any(c["share_now"] > c["share_before"] for c in summary["clusters"])
    assert "page: http://127.0.0.1:" in ended.stderr


def test_an_unknown_drift_is_wrong_usage() -> None:
    ended = demo("--drift", "weather")

    assert ended.returncode == 2
    assert "adaptation" in ended.stderr
