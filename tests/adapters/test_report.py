"""report.html: it holds what was found, needs nothing else, and runs nothing that a prompt says."""

import base64
import hashlib
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.adapters.report import write_report
from app.adapters.report_charts import thinned
from schemas.decisions import Alert
from schemas.readings import Reading
from tests.browser.visit import Visit, chromium
from tests.web import samples, scores, trouble

NOW = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)
SUMMARY: dict[str, Any] = {
    "applications": ["box-support", "box-coach"],
    "counts": {"lines": 19_022, "interactions": 18_280},
    "references": {
        "baseline": {"id": "baseline-5f3a91", "units": 2000, "run_length": 20_000.0, "threshold": 4.82},
        "evalset": {"id": "evalset-2026-02", "units": 400},
    },
    "alerts": 3,
    "seed": 7,
    "files": ["events.jsonl.gz"],
    "wall_seconds": 12.4,
    "deployments": [
        {"time": "2026-03-02T13:30:00+00:00", "deployment_id": "d-2", "version": "</script><b>2026.03.2"}
    ],
}


class Page(HTMLParser):
    """Text, tags and addresses of a page, its own scripts and styles apart."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.text, self.scripts, self.addresses = "", list[tuple[str, str]](), list[str]()
        self.tags: set[str] = set()
        self._inside = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self._inside = tag
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag == "script":
            self.scripts.append((dict(attrs).get("type") or "", ""))

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            kind, source = self.scripts[-1]
            self.scripts[-1] = (kind, source + data)
        elif self._inside != "style":
            self.text += data


def written(path: Path, summary: dict[str, Any], readings: list[Reading], alerts: list[Alert]) -> str:
    target = path / "out" / "report.html"
    write_report(target, summary=summary, readings=readings, alerts=alerts)
    return target.read_text("utf-8")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    readings, alerts = trouble.story(NOW)
    readings += [*samples.learning("box-coach", NOW), *scores.evaluation(NOW)]
    return written(tmp_path_factory.mktemp("report"), SUMMARY, readings, alerts)


@pytest.fixture(scope="module")
def page(source: str) -> Page:
    return Page(source)


@pytest.mark.parametrize(
    "said",
    [
        "2 incidents in 1 application, 1 still open at the end.",
        trouble.SUMMARY,
        "Critical incident, still open at the end",
        "Warning incident, ended 2 Mar 2026, 09:55:00",
        "More prompts in Spanish than before",
        "71 % our deployment",
        "refund · voucher · code",
        "+13.3 points (99 %: +10.8 to +15.9)",
        "12 % (9.8 % to 14 %)",
        "What the eval set hardly has",
        "9.0 % (6.1 % to 12 %)",
        "invoice · split · flatmate",
        "baseline-5f3a91",
        "18,280",
        "32 % of the baseline, 640 units so far.",
        f"helpful: {scores.WORSE}.",
        "0.78 (0.76 to 0.80)",
        "seed 7",
        "took 12.4 s",
        "events.jsonl.gz",
    ],
)
def test_it_says(page: Page, said: str) -> None:
    assert said in page.text


def test_hostile_text_is_text(page: Page) -> None:
    assert trouble.MARKUP in page.text
    assert "ship it to ‹U+202E›teerts niaM‹U+202C› 12" in page.text
    assert [kind for kind, _ in page.scripts] == ["application/json"] * 2 + ["", ""]


def test_nothing_comes_from_elsewhere(page: Page, source: str) -> None:
    assert page.addresses == []
    assert not page.tags & {"link", "img", "iframe", "object", "a"}
    assert source.count("plotly.js v") == 1


def test_only_its_own_scripts_may_run(page: Page, source: str) -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', source)
    assert policy is not None
    allowed = re.search(r"script-src ([^;]*)", policy[1])
    assert allowed is not None
    own = [text for kind, text in page.scripts if kind == ""]
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in own]
    assert allowed[1].split() == [f"'sha256-{each}'" for each in hashes]
    assert policy[1].startswith("default-src 'none'")


def test_charts_have_deployments_onsets_and_alert_spans(page: Page) -> None:
    score, uncovered = [msgspec.json.decode(text) for kind, text in page.scripts if kind]
    assert (score["kind"], uncovered["kind"]) == ("score", "uncovered")
    assert {mark["text"] for mark in score["marks"]} == {"onset", "</script><b>2026.03.2"[:24]}
    assert [(span["severity"], span["end"] is None) for span in score["spans"]] == [
        ("warning", False),
        ("critical", True),
    ]
    assert score["points"][-1]["threshold"] == trouble.THRESHOLD


def test_a_long_run_is_thinned_without_losing_its_peak() -> None:
    readings = samples.quiet("x", NOW) * 50
    peak = msgspec.structs.replace(readings[0], value=99.0)
    kept = thinned([*readings[:1234], peak, *readings[1234:]], limit=100)
    assert len(kept) <= 100
    assert peak in kept


@pytest.mark.parametrize(
    ("readings", "verdict"),
    [
        ([], "Nothing was measured."),
        (samples.learning("a", NOW), "The baseline was not complete at the end: no change can be told yet."),
        (samples.quiet("a", NOW), "No incident."),
        (
            [*samples.quiet("a", NOW), *samples.learning("b", NOW)],
            "No incident in 2 applications. 1 application had not learned a baseline.",
        ),
    ],
)
def test_it_says_when_nothing_was_found(tmp_path: Path, readings: list[Reading], verdict: str) -> None:
    assert verdict in Page(written(tmp_path, {}, readings, [])).text


def test_an_older_report_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    for readings in (samples.quiet("first", NOW), samples.quiet("second", NOW + timedelta(days=1))):
        source = written(tmp_path, {}, readings, [])
    assert ("first" in Page(source).text, "second" in Page(source).text) == (False, True)
    assert [each.name for each in (tmp_path / "out").iterdir()] == ["report.html"]


@pytest.mark.browser
def test_it_is_drawn_from_the_file_alone(tmp_path: Path, source: str) -> None:
    path = tmp_path / "report.html"
    path.write_text(source, "utf-8")
    with chromium() as browser:
        visit = Visit(browser, path.as_uri(), viewport={"width": 360, "height": 740})
        visit.page.goto(path.as_uri())
        visit.page.wait_for_function("document.querySelectorAll('.plot .scatterlayer .trace').length >= 4")
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= 360
        assert visit.page.get_by_text("</script><b>2026.03.2").count() == 1
        assert (visit.troubles, visit.hosts) == ([], {""})
        visit.close()


def test_responses_have_a_section_of_their_own_and_incidents_are_told_once(tmp_path: Path) -> None:
    readings, alerts = trouble.story(NOW)
    changes = [reading for reading in readings if reading.monitor == "change"]
    own = [msgspec.structs.replace(reading, monitor="responses") for reading in changes]
    told = Page(written(tmp_path, SUMMARY, readings + own, alerts)).text
    assert told.count("box-support: responses") == 1
    assert told.count("Drift score at the end") == 2
    assert told.count("Critical incident") == 1
