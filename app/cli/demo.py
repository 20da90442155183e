"""`promptdrift demo`: the whole product on this machine, in memory, in about two minutes.

An embedded broker and Redis, one worker, the page, and traffic of a made-up helpdesk: it goes well, a
new model is deployed, users adapt to it, and one incident says so.
"""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.encoder import live_encoder
from app.cli.terminal import progress, say, show_json
from app.errors import DependencyError, PromptdriftError

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
BASELINE_EVENTS = 1500
AHEAD = 600  # events that the generator may be ahead of the worker: the embedded broker forgets beyond 5 MiB
PARTITIONS = 4
PATIENCE_SECONDS = 120.0


class DemoFailed(PromptdriftError):
    """The demo did not show what it promises."""


@dataclass(frozen=True, slots=True)
class Stage:
    """The running parts: where the page is, and how to ask it."""

    url: str
    processes: dict[str, Any]
    logs: Path

    def get(self, path: str) -> Any:  # noqa: ANN401  any JSON
        """One GET of the HTTP endpoint; None while it does not answer or knows nothing yet."""
        import json
        from urllib.error import URLError
        from urllib.request import urlopen

        try:
            with urlopen(self.url + path, timeout=5) as answer:
                return json.load(answer)
        except (URLError, OSError, ValueError):
            return None

    def alive(self) -> None:
        """Raise where a part has died, with where its log is."""
        for name, process in self.processes.items():
            if process.poll() is not None:
                raise DemoFailed(f"the {name} stopped with {process.returncode}; its log is in {self.logs}")


def register(app: typer.Typer) -> None:
    """Attach the command."""
    app.command()(demo)


def demo(
    drift: Annotated[
        str, typer.Option(help="adaptation, topic, language, code, attack, outside or none.")
    ] = "adaptation",
    seed: Annotated[int, typer.Option(min=0)] = 7,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the page; 0: any free one.")] = 0,
    stay: Annotated[bool, typer.Option(help="Keep the page up until Ctrl-C.")] = False,
    json: Annotated[bool, typer.Option("--json", help="The summary as JSON on stdout.")] = False,
) -> None:
    """Everything in one command, embedded: traffic, a deployment, users adapting, an incident."""
    from app.demo.drifts import DRIFTS

    if drift not in DRIFTS:
        raise typer.BadParameter(f"no {drift!r}; use one of {', '.join(DRIFTS)}", param_hint="--drift")
    began = time.monotonic()
    with ExitStack() as stack:
        story, stage = stack.enter_context(_stage(drift, seed, port))
        say(f"page: {stage.url}  (live while the demo runs)")
        _play(story, stage)
        summary = _conclude(story, stage, expected=drift != "none")
        summary["seconds"] = round(time.monotonic() - began, 1)
        _tell(summary, json)
        if stay:
            say("Ctrl-C ends the demo")
            while True:
                stage.alive()
                time.sleep(1)


@contextmanager
def _stage(drift: str, seed: int, port: int) -> Iterator[tuple["Story", Stage]]:
    """Start broker, Redis, worker and page; end them in reverse."""
    import tempfile

    from app.adapters.embedded import Embedded

    with ExitStack() as stack:
        logs = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="promptdrift-demo-")))
        story = Story(drift, seed)
        embedded = stack.enter_context(Embedded(partitions=PARTITIONS))
        environment = {
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": embedded.bootstrap,
            "REDIS_URL": embedded.redis_url,
            "PROMPTDRIFT_KAFKA__PARTITIONS": str(PARTITIONS),
            "PROMPTDRIFT_KAFKA__SESSION_TIMEOUT_SECONDS": "6",
            "PROMPTDRIFT_WORKER__IDLE_SECONDS": "3",
            "PROMPTDRIFT_WORKER__PORT": "0",
            "PROMPTDRIFT_DETECTION__BASELINE_EVENTS": str(BASELINE_EVENTS),
        }
        story.connect(embedded.bootstrap)
        story.publish_reference()
        address = port or _free_port()
        commands = {"worker": ["worker"], "page": ["api", "--port", str(address)]}
        processes = {
            name: stack.enter_context(_child(words, environment, logs / f"{name}.log"))
            for name, words in commands.items()
        }
        stage = Stage(f"http://127.0.0.1:{address}", processes, logs)
        _wait(lambda: _answers(stage), stage, "the page")
        yield story, stage


class Story:
    """The scenario and the wire to the broker."""

    def __init__(self, drift: str, seed: int) -> None:
        from app.demo.traffic import scenario

        self.seed = seed
        self.scenario = scenario(seed=seed, start=START, clean=3200, drifted=1600, drift=drift)

    def connect(self, bootstrap: str) -> None:
        """Talk to this broker from now on."""
        from app.settings import Settings

        self.settings = Settings.model_validate(
            {"kafka": {"bootstrap_servers": bootstrap, "partitions": PARTITIONS}}
        )

    def publish_reference(self) -> None:
        """Build the eval-set reference, as `promptdrift reference build` and `publish` do."""
        from app.adapters.build import build_reference
        from app.adapters.kafka import Record, full_name, produce
        from app.adapters.references import wire_records
        from app.demo.traffic import eval_items
        from schemas.topics import REFERENCES

        encoder = live_encoder(self.settings.encoder)
        reference = build_reference(eval_items(seed=self.seed), encoder=encoder, seed=self.seed)
        topic = full_name(self.settings.kafka, REFERENCES)
        records = [
            Record(topic=topic, key=key, value=value, headers=tuple(headers.items()), partition=0)
            for key, value, headers in wire_records("*", reference)
        ]
        produce(self.settings.kafka, records)
        say(f"eval set: {reference.units} items in {len(reference.clusters.names)} clusters")

    def send(self, events: Sequence[Any]) -> None:
        """Put events on their topics."""
        from app.adapters.kafka import produce, record_of

        produce(self.settings.kafka, [record_of(self.settings.kafka, event) for event in events])


def _play(story: Story, stage: Stage) -> None:
    """Send the scenario, never far ahead of the worker; tell the turning points as they happen."""
    from schemas.events import Deployment, Interaction

    events = story.scenario.events
    sent = 0
    told: set[str] = set()
    with progress("traffic", total=float(len(events))) as advance:
        for first in range(0, len(events), 100):
            batch = events[first : first + 100]
            _wait(lambda ahead=sent: ahead - _counted(stage) < AHEAD, stage, "the worker")
            story.send(batch)
            sent += sum(isinstance(event, Interaction) for event in batch)
            for event in batch:
                if isinstance(event, Deployment):
                    say(f"{event.time:%H:%M}  deployment {event.deployment_id}: {event.version}")
            _narrate(stage, told)
            advance(float(len(batch)))
        _wait(lambda: _counted(stage) >= sent, stage, "the last events")
        _narrate(stage, told)


def _narrate(stage: Stage, told: set[str]) -> None:
    status = _status(stage)
    change = status.get("readings", {}).get("change", {})
    if change.get("state") not in (None, "learning") and "learned" not in told:
        told.add("learned")
        say("baseline learned: from here on every prompt is judged")
    for alert in (stage.get("/v1/alerts?limit=20") or {}).get("alerts", []):
        if alert["alert_id"] not in told:
            told.add(alert["alert_id"])
            say(f"{alert['detected_at'][11:16]}  {alert['severity']} {alert['state']}: {alert['summary']}")


def _status(stage: Stage) -> dict[str, Any]:
    found = stage.get("/v1/status/helpdesk")
    return found if isinstance(found, dict) else {}


def _counted(stage: Stage) -> int:
    """Interactions in the newest reading."""
    readings = _status(stage).get("readings", {})
    return max((r.get("totals", {}).get("events", 0) for r in readings.values()), default=0)


def _answers(stage: Stage) -> bool:
    from urllib.error import URLError
    from urllib.request import urlopen

    try:
        with urlopen(stage.url + "/livez", timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def _conclude(story: Story, stage: Stage, *, expected: bool) -> dict[str, Any]:
    """What was promised against what happened.  Raises: DemoFailed."""
    alerts = (stage.get("/v1/alerts?limit=100") or {}).get("alerts", [])
    opened = {alert["incident"]: alert for alert in reversed(alerts) if alert["state"] == "firing"}
    drift_at = story.scenario.drift_at
    early = [a for a in opened.values() if datetime.fromisoformat(a["detected_at"]) < drift_at]
    if early:
        raise DemoFailed(f"{len(early)} incident(s) before the drift at {drift_at:%H:%M}")
    if len(opened) != int(expected):
        raise DemoFailed(f"{len(opened)} incidents after the drift, {int(expected)} was promised")
    summary: dict[str, Any] = {"story": story.scenario.story, "incidents": len(opened), "page": stage.url}
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
    if "summary" in summary:
        say(f"{summary['summary']}")
        say(f"found {summary['event_time_to_detection_seconds']:.0f} s of event time after the drift began")
    say(f"took {summary['seconds']:.0f} s")


@contextmanager
def _child(words: Sequence[str], environment: dict[str, str], log: Path) -> Iterator[Any]:
    import subprocess

    from app.adapters.embedded import stop

    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.cli", *words],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process
        finally:
            stop(process)


def _wait(until: Any, stage: Stage, what: str) -> None:  # noqa: ANN401  a predicate
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not until():
        stage.alive()
        if time.monotonic() > deadline:
            raise DependencyError(
                f"{what} did not follow within {PATIENCE_SECONDS:.0f} s; logs in {stage.logs}"
            )
        time.sleep(0.3)


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
