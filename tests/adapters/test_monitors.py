"""The file of monitors: what is right is read, what is wrong is told with its place and a remedy."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator, ValidationError

from app.adapters.monitors import load_rules, parse_monitors, read_monitors
from app.errors import InputError
from schemas import published

WHOLE = """
monitors:
  - labels: {team: assistants}
    remind_seconds: 14400
  - application: support-*
    monitor: gap
    segment: language=de
    enabled: true
    tolerance: 0.1
    critical: 0.25
    pages_per_30_days: 2
    alarm_windows: 2
    clean_windows: 4
    escalate_seconds: 3600
    sinks: [pager]
    annotations: {note: "see the wiki"}
    runbook: https://wiki.example.com/x
    mute:
      - {days: [sat, sun], timezone: Europe/Zurich, reason: nobody is there}
      - {start: "22:00", end: "06:00", since: "2026-03-01T00:00:00Z", until: "2026-04-01T00:00:00+02:00"}
"""


def test_everything_that_can_be_written_is_read_and_valid(tmp_path: Path) -> None:
    path = tmp_path / "monitors.yaml"
    path.write_text(WHOLE)
    everyone, gap = read_monitors(path)
    assert everyone.labels == {"team": "assistants"}
    assert gap.mute is not None
    assert gap.mute[1].until is not None
    rule = load_rules(path).of("support-eu", "gap", "language=de")
    assert (rule.tolerance, rule.remind_seconds, rule.labels) == (0.1, 14400, {"team": "assistants"})
    schema = Draft202012Validator(published.json_schema("monitors.v1"))
    schema.validate(yaml.safe_load(WHOLE))
    with pytest.raises(ValidationError):
        schema.validate({"monitors": [{"tolerence": 0.1}]})


def test_without_a_file_the_defaults_hold() -> None:
    assert load_rules(None).of("any", "change").enabled


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ({"monitor": []}, "monitor: no such field; did you mean monitors?"),
        ({"monitors": [{"tolerence": 0.1}]}, "monitors[0].tolerence: no such field; did you mean tolerance?"),
        (
            {"monitors": [{"mute": [{"day": []}]}]},
            "monitors[0].mute[0].day: no such field; did you mean days?",
        ),
        ({"monitors": [{"zzz": 1}]}, "monitors[0].zzz: no such field; use one of application, monitor"),
        ({"monitors": [{}, {"tolerance": 7}]}, "monitors[1].tolerance: expected `float` < 1.0"),
        ({"monitors": [{"tolerance": "high"}]}, "monitors[0].tolerance: expected `float | null`, got `str`"),
        (
            yaml.safe_load("monitors: [{mute: [{start: 22:00}]}]"),
            "monitors[0].mute[0].start: expected `str`, got `int`; put it in quotes",
        ),
        (
            yaml.safe_load("monitors: [{mute: [{reason: 2026-12-24}]}]"),
            "reason: expected `str | null`, got `date`; put it in quotes",
        ),
        ({"monitors": [{"monitor": ["gap"]}]}, "monitors[0].monitor: expected `str`, got `array`"),
        ({"monitors": [{"runbook": "javascript:alert(1)"}]}, "monitors[0].runbook: expected"),
        ({"monitors": [{"mute": [{"timezone": "Mars/Base"}]}]}, "mute[0].timezone: no such zone; write"),
        ({"monitors": [{"mute": [{"timezone": "../../etc/passwd"}]}]}, "mute[0].timezone: no such zone"),
        ({"monitors": [{"mute": [{"start": "25:00"}]}]}, "monitors[0].mute[0].start: expected"),
        ({"monitors": [{"mute": [{"end": "24:00\n"}]}]}, "monitors[0].mute[0].end: expected"),
        ({"monitors": [{"mute": [{"since": "2026-03-01T00:00:00"}]}]}, "since: has no offset"),
        (
            {"monitors": [{"mute": [{"since": "2026-03-02T00:00:00Z", "until": "2026-03-01T00:00:00Z"}]}]},
            "until: is not after since",
        ),
        ([], "must be a mapping"),
        (None, "must be a mapping"),
    ],
)
def test_every_mistake_names_its_place_and_a_remedy(found: Any, told: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_monitors(found, "monitors.yaml")
    assert str(caught.value).startswith("monitors.yaml: ")
    assert told in str(caught.value)
    assert ("put it in quotes" in told) == ("put it in quotes" in str(caught.value))


def test_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    path = tmp_path / "monitors.yaml"
    with pytest.raises(InputError, match="no such file"):
        read_monitors(path)
    path.write_text("monitors:\n  - [")
    with pytest.raises(InputError, match=r"line \d+: is no YAML"):
        read_monitors(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError):
        read_monitors(path)
    path.write_text("!!python/object/apply:os.system ['true']")
    with pytest.raises(InputError):
        read_monitors(path)


def test_json_is_yaml_too(tmp_path: Path) -> None:
    path = tmp_path / "monitors.json"
    path.write_text(json.dumps({"monitors": [{"tolerance": 0.2}]}))
    assert read_monitors(path)[0].tolerance == 0.2
