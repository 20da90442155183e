"""Settings from file, environment and options: who wins, and what is told of what is wrong."""

from pathlib import Path

import pytest

from app.errors import SettingsError
from app.settings import Settings, load
from tests.cli.said import Cli


def test_options_win_over_the_environment_and_it_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("promptdrift.yaml").write_text(
        "api: {port: 1, host: h, stale_seconds: 9}\ndetection: {mute: [code]}\n"
    )
    monkeypatch.setenv("PROMPTDRIFT_API__PORT", "2")
    monkeypatch.setenv("PROMPTDRIFT_API__HOST", "i")
    monkeypatch.setenv("PROMPTDRIFT_DETECTION__MUTE", '["wording"]')
    found = load(overrides={"api": {"port": 3}, "detection": {"mute": ["shape"]}})
    assert (found.api.port, found.api.host, found.api.stale_seconds) == (3, "i", 9)
    assert found.detection.mute == ["shape"]


@pytest.mark.parametrize("name", ["token", "webhook_secret"])
@pytest.mark.parametrize("secret", ["", " "])
def test_an_empty_secret_is_a_setting_to_change(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, name: str, secret: str
) -> None:
    monkeypatch.setenv(f"PROMPTDRIFT_API__{name.upper()}", secret)
    done = cli("config", "validate")
    assert done.code == 3
    assert f"api.{name}: is empty" in done.err
    assert "leave the setting out" in done.err


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("PROMPTDRIFT_API_TOKEN", "PROMPTDRIFT_API__TOKEN"),
        ("PROMPTDRIFT_API_PORT", "PROMPTDRIFT_API__PORT"),
        ("PROMPTDRIFT_KAFK__PARTITIONS", "PROMPTDRIFT_KAFKA__PARTITIONS"),
        ("PROMPTDRIFT_DETECTION_BASELINE_EVENTS", "PROMPTDRIFT_DETECTION__BASELINE_EVENTS"),
        ("PROMPTDRIFT_DETECTION_BASELINE__EVENTS", "PROMPTDRIFT_DETECTION__BASELINE_EVENTS"),
    ],
)
def test_a_variable_that_misses_its_setting_is_told_the_right_name(name: str, right: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name}: no such setting; did you mean {right}\\?$"):
        load(environment={name: "500"})


def test_variables_that_are_no_settings_are_passed_over() -> None:
    """Kubernetes puts some there for every service of the namespace."""
    found = {
        "PROMPTDRIFT_API_PORT": "tcp://10.0.0.1:8080",
        "PROMPTDRIFT_API_PORT_8080_TCP_PORT": "8080",
        "PROMPTDRIFT_API_SERVICE_HOST": "10.0.0.1",
        "PROMPTDRIFT_DEBUG": "1",
        "PROMPTDRIFT_VERSION": "2",
    }
    assert load(environment=found) == Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PROMPTDRIFT_API__CORS_ORIGINS", "http://x"),
        ("PROMPTDRIFT_DETECTION__MUTE", "a,b"),
        ("PROMPTDRIFT_SOURCES", "chat"),
        ("PROMPTDRIFT_KAFKA", "here:9092"),
    ],
)
def test_a_variable_that_should_be_json_is_named(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    done = cli("config", "validate")
    assert done.code == 3
    assert f"{name}: is not JSON; write a JSON list" in done.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"kafka: foo", "kafka: input should be a valid dictionary"),
        (b"kafka: [1]", "kafka: input should be a valid dictionary"),
        (b"kafka: {caf\xe9: 3}", "promptdrift.yaml: is not readable YAML in UTF-8"),
        (b"1: 2", "1: no such setting"),
        (b"kafk:", "kafk: no such setting; did you mean kafka?"),
        (b"kafka: {1: 2}", "kafka.1: keys should be strings"),
    ],
)
def test_a_file_that_is_wrong_is_a_setting_to_change(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, text: bytes, said: str
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "here:1")
    Path("promptdrift.yaml").write_bytes(text)
    done = cli("config", "validate")
    assert done.code == 3
    assert said in done.err


@pytest.mark.parametrize("environment", [{}, {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9092"}])
def test_a_section_may_hold_nothing_but_comments(environment: dict[str, str]) -> None:
    Path("promptdrift.yaml").write_text("kafka:\n  # partitions: 3\nsources:\n")
    assert load(environment=environment) == Settings()
