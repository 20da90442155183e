"""The command line as its user sees it: arguments in; exit code, stdout and stderr out."""

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import app
from tests.cli.said import Cli, Said
from tests.rig.made import WordEncoder

OURS = ("PROMPTDRIFT_", "KAFKA_", "REDIS_", "LOG_")


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty folder, and nothing of the caller's environment."""
    for name in list(os.environ):
        if name.startswith(OURS):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def cli() -> Cli:
    def run(*arguments: object) -> Said:
        done = CliRunner().invoke(app, [str(a) for a in arguments])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Said(done.exit_code, done.stdout, done.stderr)

    return run


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan of a small eval set, and an encoder that needs no model."""
    for place in ("evalset", "evalset_force"):
        monkeypatch.setattr(f"app.cli.{place}.live_encoder", lambda _: WordEncoder())
    Path("plan.yaml").write_text("size: 100\nnovel: 3\n")
