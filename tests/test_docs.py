"""The pages say what the code does: every name has its place, every table and command is the code's own."""

import re
import shlex
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from agents import telemetry
from app import errors
from app.adapters.files import read_evalset
from app.adapters.monitors import parse_monitors
from app.adapters.status import InMemoryStatusStore
from app.adapters.watches import ORDINARY, seeds
from app.cli.replay import DRIFT_EXIT
from app.core.calibration import DECAYS, component_bank
from app.settings import Settings
from app.web.answers import Status
from app.web.metrics import Gauges
from app.web.server import create_app
from schemas.codec import Rejection, decode
from schemas.decisions import TRANSITIONS, Severity, State
from schemas.readings import Reading
from schemas.ticks import Totals
from schemas.topics import CATALOGUE
from tests.rig import tables
from tests.rig.pages import (
    COMMANDS,
    OPERATIONS,
    PAGES,
    ROOT,
    fenced,
    first_cells,
    headings,
    page,
    slug,
    without_code,
)

MONITORS = ("change", "responses", "gap", "health")
NOT_HERE = re.compile(
    r"/work/|/tmp/|/home/|/root/|/Users/|pypi|pythonhosted|download\.pytorch|npmjs|maven\.(org|apache)|ghcr\.io|quay\.io",
    re.IGNORECASE,
)
METHOD, TOPICS, README = page("docs/method.md"), page("docs/topics.md"), page("README.md")


def reading_states() -> list[str]:
    """As the contract lists them: `state` is ONE, TWO (what it means) or THREE."""
    told = re.sub(r"\(.*?\)", "", " ".join((Reading.__doc__ or "").split()))
    listed = re.findall(r"`state` is ([^.]+)\.", told)[0]
    return [word.strip() for word in re.split(r",| or ", listed)]


# Tables


@pytest.mark.parametrize("name", tables.PAGES)
def test_generated_tables_are_what_the_code_says(name: str) -> None:
    text = page(f"docs/{name}")
    assert tables.refreshed(text, tables.PAGES[name]) == text, "python -m tests.rig.tables --write"


def test_every_setting_has_a_meaning() -> None:
    meanings = {cells[0].strip("`"): cells[-1] for cells in tables.rows(page("docs/settings.md"))}
    empty = [s.name for s in tables.settings() if len(meanings[s.name]) < 8]
    assert not empty, f"say in docs/settings.md what it means: {empty}"


# Names


@pytest.mark.parametrize("topic", CATALOGUE, ids=lambda topic: topic.name)
def test_every_topic_has_a_heading(topic: Any) -> None:
    assert topic.name in headings(TOPICS)


def test_every_metric_of_the_worker_is_told() -> None:
    found = [metric for metric in vars(telemetry).values() if isinstance(metric, MetricWrapperBase)]
    names = {sample.name + "_total" * (m._type == "counter") for m in found for sample in m.describe()}
    assert len(found) > 5
    assert names <= first_cells("Metrics")


def test_every_metric_of_the_api_is_told_and_no_other() -> None:
    names = {metric.name for metric in Gauges().registry.collect()}
    told = {cell for cell in first_cells("Metrics") if cell.startswith("promptdrift_")}
    worker = {m._name for m in vars(telemetry).values() if isinstance(m, MetricWrapperBase)}
    assert names == {cell for cell in told if cell.removesuffix("_total") not in worker}


def test_every_command_is_told_and_no_other() -> None:
    told = {name for cell in first_cells("Commands") for name in cell.split(", ")}
    assert {name.removeprefix("promptdrift ") for name in told if name.startswith("promptdrift")} == set(
        COMMANDS
    )


def test_every_exit_code_is_told_and_no_other() -> None:
    deliberate = {
        kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.PromptdriftError)
    }
    told = {int(cell) for cell in first_cells("Exit codes") if cell.isdigit()}
    assert told == deliberate | {0, 1, 2, DRIFT_EXIT, 130}


@pytest.mark.parametrize("name", [*MONITORS, *get_args(Severity), *get_args(State), *reading_states()])
def test_every_state_has_a_heading(name: str) -> None:
    assert name in headings(OPERATIONS)


def test_the_contract_lists_the_states_of_a_reading() -> None:
    assert {"learning", "ok", "pending", "alarm"} <= set(reading_states())


def test_every_state_of_a_status_is_told() -> None:
    told = OPERATIONS.split("## Status states", 1)[1].split("### stale", 1)[0]
    assert all(f"`{state}`" in told for state in get_args(get_type_hints(Status)["state"]))


def test_every_channel_is_told() -> None:
    channels = {c.channel for c in component_bank(DECAYS, watches=("NAME",))}
    assert all(channel in METHOD and channel in page("docs/glossary.md") for channel in channels)


def test_every_watch_is_told() -> None:
    assert all(name in METHOD for name in seeds() if name != ORDINARY)


def test_every_count_is_told_and_no_other() -> None:
    assert first_cells("What is counted") - {"Count", "---"} == set(Totals.__struct_fields__)


def test_every_path_of_the_api_is_told() -> None:
    told = {path for cell in first_cells("Health and HTTP") for path in cell.split(", ")}
    assert set(create_app(InMemoryStatusStore()).openapi()["paths"]) <= told


# Links, paths, commands, examples


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(path.read_text("utf-8"))):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        found = path if not file else (path.parent / file)
        assert found.exists(), f"{target}: no such file"
        if anchor:
            assert anchor in map(slug, headings(found.read_text("utf-8"))), f"{target}: no such heading"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_files_that_a_page_names_are_there(path: Path) -> None:
    named = re.findall(
        r"`((?:app|agents|schemas|tests|docs|k8s|benchmarks|examples)/[\w./-]+)`", path.read_text("utf-8")
    )
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_nothing_of_one_machine_is_in_a_page(path: Path) -> None:
    assert NOT_HERE.search(path.read_text("utf-8")) is None


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_commands_that_a_page_names_exist(path: Path) -> None:
    text = path.read_text("utf-8")
    lines = [line for block in fenced(text, "sh") for line in block.splitlines()]
    lines += [line.strip() for line in re.findall(r"^    promptdrift .+$", text, re.MULTILINE)]
    for line in lines:
        words = shlex.split(line, comments=True)
        if words[:1] == ["promptdrift"]:
            check_command(line, words[1:])
    for line in re.findall(r"`promptdrift ([a-z][^`]*)`", text):
        check_command(line, shlex.split(line))


def check_command(line: str, words: list[str]) -> None:
    name = next((" ".join(words[:n]) for n in (2, 1) if " ".join(words[:n]) in COMMANDS), None)
    if name is None:  # a group, as in `promptdrift dead-letters`
        assert len(words) == 1, line
        assert any(known.startswith(f"{words[0]} ") for known in COMMANDS), line
        return
    known = {option for parameter in COMMANDS[name].params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known, line


def test_make_has_the_words_that_are_named() -> None:
    words = set(re.findall(r"^([a-z]+):", page("Makefile"), re.MULTILINE))
    named = {word for path in PAGES for word in re.findall(r"\bmake ([a-z]+)\b", "".join(code(path)))}
    assert named <= words
    assert {"install", "check", "test", "demo", "bench", "up", "clean"} <= named


def code(path: Path) -> list[str]:
    text = path.read_text("utf-8")
    return re.findall(r"`[^`\n]+`", text) + re.findall(r"^    .+$", text, re.MULTILINE)


def test_examples_of_json_can_be_read(tmp_path: Path) -> None:
    event, item = fenced(README, "json")
    assert not isinstance(decode(event.encode())[0], Rejection)
    (tmp_path / "evalset.jsonl").write_text(item)
    assert read_evalset(tmp_path / "evalset.jsonl").unreadable == []
    assert msgspec.json.decode(item)["id"] == "q1"


def test_examples_of_settings_are_valid() -> None:
    for block in fenced(README, "yaml"):
        assert Settings.model_validate(yaml.safe_load(block)).sources


def test_examples_of_monitors_are_valid() -> None:
    for found in map(yaml.safe_load, fenced(OPERATIONS, "yaml")):
        if "monitors" in found:
            assert parse_monitors(found, "docs/operations.md")
        else:
            told = Settings.model_validate(found)
            assert told.notify.sinks or told.evaluation.judges


def test_every_transition_is_told_and_no_other() -> None:
    told = {word for cell in first_cells("Alerts") for word in cell.split(", ")}
    assert told - {"Transition", "---"} == set(TRANSITIONS)


def test_the_road_of_a_newcomer_is_there() -> None:
    road = README.split("Fifteen minutes:", 1)[1].split("\n\n", 1)[0]
    named = re.findall(r"`([\w/]+\.py)`", road)
    assert len(named) == 5
    assert [name for name in named if not (ROOT / name).exists()] == []
