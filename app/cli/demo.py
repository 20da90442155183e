"""`promptdrift demo`: the whole product on this machine, in memory, in about two minutes.

An embedded broker and Redis, one worker, a notifier with a fake PagerDuty, the page, and traffic of a
made-up helpdesk: it goes well, a new model is deployed, users adapt to it, and one page says so.
"""

import time
from contextlib import ExitStack
from datetime import datetime
from typing import Annotated, Any

import typer

from app.cli.player import Player
from app.cli.stage import DemoFailed, Stage, Story, stage, wait
from app.cli.terminal import say, show_json
from app.cli.week import played_week, tell_week


def register(app: typer.Typer) -> None:
    """Attach the command."""
    app.command()(demo)


def demo(
    drift: Annotated[
        str,
        typer.Option(help="adaptation, topic, language, code, attack, outside, refusals, format or none."),
    ] = "adaptation",
    seed: Annotated[int, typer.Option(min=0)] = 7,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the page; 0: any free one.")] = 0,
    stay: Annotated[bool, typer.Option(help="Keep the page up until Ctrl-C.")] = False,
    json: Annotated[bool, typer.Option("--json", help="The summary as JSON on stdout.")] = False,
    week: Annotated[
        bool, typer.Option("--week", help="A week: quality falls, an eval set is renewed.")
    ] = False,
) -> None:
    """Everything in one command, embedded: traffic, a deployment, users adapting, an incident."""
    from app.demo.drifts import DRIFTS

    if drift not in DRIFTS:
        raise typer.BadParameter(f"no {drift!r}; use one of {', '.join(DRIFTS)}", param_hint="--drift")
    began = time.monotonic()
    if week:
        with played_week(seed, port) as (running, summary):
            tell_week(summary | {"seconds": round(time.monotonic() - began, 1)}, json)
            _stay(running, wanted=stay)
        return
    with ExitStack() as stack:
        story = Story(drift, seed)
        running = stack.enter_context(stage(story, port))
        say(f"page: {running.url}  (live while the demo runs)")
        Player(story, running).play(story.scenario.events)
        summary = _conclude(story, running, expected=drift != "none")
        summary["seconds"] = round(time.monotonic() - began, 1)
        _tell(summary, json)
        _stay(running, wanted=stay)


def _stay(running: Stage, *, wanted: bool) -> None:
    if wanted:
        say(f"the page stays at {running.url}; Ctrl-C ends the demo")
    while wanted:
        running.alive()
        time.sleep(1)


def _conclude(story: Story, stage: Stage, *, expected: bool) -> dict[str, Any]:
    """What was promised against what happened.  Raises: DemoFailed."""
    alerts = (stage.get("/v1/alerts?application=helpdesk&limit=100") or {}).get("alerts", [])
    opened = {alert["incident"]: alert for alert in reversed(alerts) if alert["state"] == "firing"}
    drift_at = story.scenario.drift_at
    early = [a for a in opened.values() if datetime.fromisoformat(a["detected_at"]) < drift_at]
    if early:
        raise DemoFailed(f"{len(early)} incident(s) before the drift at {drift_at:%H:%M}")
    if len(opened) != int(expected):
        raise DemoFailed(f"{len(opened)} incidents after the drift, {int(expected)} was promised")
    if expected:
        wait(lambda: bool(stage.pages()), stage, "the page to the one on call")
    pages = [each["summary"] for each in stage.pages()]
    if len(pages) != int(expected):
        raise DemoFailed(f"PagerDuty has {len(pages)} incidents, {int(expected)} was promised")
    summary: dict[str, Any] = {
        "story": story.scenario.story,
        "incidents": len(opened),
        "pages": pages,
        "page": stage.url,
    }
    for alert in opened.values():
        delay = datetime.fromisoformat(alert["detected_at"]) - drift_at
        summary |= {
            "summary": alert["summary"],
            "event_time_to_detection_seconds": round(delay.total_seconds(), 1),
            "deployment": alert["deployment"],
            "clusters": [
                {k: cluster[k] for k in ("name", "share_before", "share_now")}
                for cluster in alert["clusters"]
            ],
        }
    return summary


def _tell(summary: dict[str, Any], json: bool) -> None:
    if json:
        show_json(summary)
        return
    say(f"\n{summary['story']}")
    say(f"incidents before the drift: 0, after it: {summary['incidents']}")
    for told in summary["pages"]:
        say(f"PagerDuty (a fake) was told once: {told}")
    if "summary" in summary:
        say(f"found {summary['event_time_to_detection_seconds']:.0f} s of event time after the drift began")
    say(f"took {summary['seconds']:.0f} s")
