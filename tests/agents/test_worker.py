"""`python -m agents.worker` as a process manager sees it: exit codes, and one line that says what to do."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agents import worker
from tests.rig.process import LOOPBACK, free_ports

ROOT = Path(__file__).parents[2]


def started(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """A worker in an environment of its own, ended after a minute."""
    return subprocess.run(
        [sys.executable, "-m", "agents.worker"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", **variables},
        capture_output=True,
        text=True,
        timeout=60,  # without a broker it gives up long before
    )


def test_without_a_broker_it_ends_soon_and_names_the_setting(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    done = started(tmp_path, KAFKA_BOOTSTRAP_SERVERS=f"{LOOPBACK}:{port}")
    assert done.returncode == 4, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"kafka.bootstrap_servers: no broker answers at {LOOPBACK}:{port}")
    assert "KAFKA_BOOTSTRAP_SERVERS" in line


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [
        ("PROMPTDRIFT_WORKER__BATCH_EVENTS", "0", "worker.batch_events"),
        ("PROMPTDRIFT_WORKER__BATCH", "7", "worker.batch"),
        ("LOG_LEVEL", "LOUD", "log.level"),
        ("PROMPTDRIFT_CONFIG", "absent.yaml", "absent.yaml"),
    ],
)
def test_a_wrong_setting_is_named_before_anything_is_connected(
    variable: str, value: str, named: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SystemExit) as ended:
        worker.main()
    assert ended.value.code == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert named in line
