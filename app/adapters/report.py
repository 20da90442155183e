"""report.html: what a replay found, in one file that needs nothing else.

It shares the stylesheet and the charts of the live page.  Its own policy lets exactly two scripts run,
named by their hash, so that nothing a prompt says can become one.
"""

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from app.adapters import report_parts as parts
from app.adapters.markup import Html, h
from app.adapters.report_charts import charts
from app.adapters.report_gap import gap, scarce
from app.adapters.report_quality import scores
from app.adapters.report_words import State, states, verdict
from app.core.aspects import MONITORS, PROMPTS
from schemas.decisions import Alert
from schemas.readings import Reading

BOOT = """
for (const block of document.querySelectorAll("script[type='application/json']")) {
  const input = JSON.parse(block.textContent);
  const host = block.previousElementSibling;
  const figure = input.kind === "score" ? scoreFigure : uncoveredFigure;
  const show = () => draw(host, figure(input));
  show();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
}
"""
SAID = frozenset(  # has a place of its own
    {"applications", "counts", "references", "alerts", "deployments", "quality"}
)


def write_report(
    path: Path, *, summary: dict[str, Any], readings: list[Reading], alerts: list[Alert]
) -> None:
    """Write the report; an older one is replaced whole.  Cost: one pass, about 5 MB, most of it plotly."""
    page = document(summary, states(summary, readings, alerts))
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(page, "utf-8")
    partial.replace(path)


def document(summary: dict[str, Any], found: Sequence[State]) -> str:
    """The whole page."""
    static = resources.files("app") / "web" / "static"
    style = "".join((static / name).read_text("utf-8") for name in ("colours.css", "style.css"))
    drawing = (static / "charts.js").read_text("utf-8").replace("export ", "") + BOOT
    plotly = (resources.files("plotly") / "package_data" / "plotly.min.js").read_text("utf-8")
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
        f"script-src {_hash(plotly)} {_hash(drawing)}"
    )
    head = h(
        "head",
        Html('<meta charset="utf-8">'),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        h("title", "promptdrift report"),
        Html(f"<style>{style}</style>"),
    )
    scripts = Html(f"<script>{plotly}</script><script>{drawing}</script>")
    body = h(
        "body", h("main", title(summary, found), [sections(s, summary) for s in found], end(summary)), scripts
    )
    return f'<!doctype html><html lang="en">{head}{body}</html>\n'


def title(summary: dict[str, Any], found: Sequence[State]) -> Html:
    """The verdict, before everything else."""
    told = {"seed": "seed {}", "wall_seconds": "took {} s"}
    facts = [text.format(summary[name]) for name, text in told.items() if summary.get(name) is not None]
    return h(
        "div",
        h("p", "promptdrift report", class_="quiet"),
        h("h1", verdict(found)),
        h("p", [h("span", fact) for fact in facts], class_="meta"),
        class_="title",
    )


def sections(state: State, summary: dict[str, Any]) -> list[Html]:
    """Everything about one application, then about its responses."""
    answers = [] if state.responses is None else [section(state.responses, summary)]
    return [section(state, summary), *answers]


def section(state: State, summary: dict[str, Any]) -> Html:
    """Everything about one aspect of one application."""
    deployments = [d for d in summary.get("deployments") or [] if d.get("application") in (None, state.name)]
    whole = state.monitor == MONITORS[PROMPTS]  # incidents are told once, whichever monitor is their root
    cards = [
        [parts.incident(alert) for alert in state.incidents if whole],
        parts.learning(state),
        parts.facts(state),
        charts(state, deployments),
        parts.moves(state),
        parts.rates("Language, code and form", state.descriptors, scale=1.0),
        parts.rates("Where it happens", state.segments, scale=1.0),
        parts.rates("Watches", state.watches),
        scores(state.scores),
        gap(state),
        scarce(state),
        parts.rates("Language, code and form: eval set and traffic", state.gap_descriptors, scale=1.0),
        parts.history(state.alerts) if whole else None,
        parts.totals(state),
    ]
    name = h("div", h("h2", state.title, class_="application"), parts.pill(state.state), class_="title-line")
    return h(
        "section", h("div", name, class_="title"), h("div", cards, class_="grid"), class_="report-section"
    )


def end(summary: dict[str, Any]) -> Html:
    """What it was measured with: references, counts, and every other thing the summary tells."""
    rest = {name: value for name, value in summary.items() if name not in SAID}
    cards = [
        parts.pairs_card("References", summary.get("references") or {}),
        parts.pairs_card("Counts", summary.get("counts") or {}),
        parts.pairs_card("Settings of this run", rest),
    ]
    times = h("p", "All times are UTC; they are event times, not those of the replay.", class_="foot")
    return h("section", h("div", cards, class_="grid"), times, class_="report-section")


def _hash(script: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
