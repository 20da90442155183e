"""Everything between a reading and a pager, as real processes that can be killed.

What is written down is checked from outside: the pager's own state, the topics, the status in Redis.
"""

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from typer.testing import CliRunner, Result

from app.adapters.kafka import Record, full_name, produce
from app.adapters.status import RedisStatusStore
from app.cli import app as program
from app.errors import DependencyError
from app.ports import PIPELINE
from app.settings import Settings
from schemas.codec import encode
from schemas.decisions import Alert
from schemas.readings import Reading
from schemas.topics import ALERTS, READINGS
from tests.rig import process
from tests.rig.live import ROOT, Live, environment
from tests.rig.process import LOOPBACK
from tests.rig.redis import executable
from tests.rig.sinks import KEY

WINDOW = timedelta(minutes=30)
DRIFT_WINDOWS = 48  # a day
LEAD_WINDOWS, RECOVERY_WINDOWS = 2, 10
WEIGHTS = {"worker": 2, "notifier": 4, "pager": 4, "redis": 2}  # a worker costs seconds to start
MONITORS = ("change", "responses", "outcomes:completion")
FAKE_REDIS = "import sys, fakeredis as f; f.TcpFakeServer(('127.0.0.1', int(sys.argv[1]))).serve_forever()"


def day_of_drift(application: str, start: datetime, *, segments: int, lead: int) -> list[list[Reading]]:
    """Window by window: three monitors of the whole and of each segment, each at its own times."""
    random = Random(application)
    spans = {
        (monitor, segment): (lead + random.randint(0, 4), lead + DRIFT_WINDOWS - random.randint(0, 4))
        for monitor in MONITORS
        for segment in (None, *(f"tenant={n}" for n in range(segments)))
    }
    windows = lead + DRIFT_WINDOWS + RECOVERY_WINDOWS
    return [
        [
            _reading(application, monitor, segment, start + n * WINDOW, alarm=begins <= n < ends)
            for (monitor, segment), (begins, ends) in spans.items()
        ]
        for n in range(windows)
    ]


def _reading(application: str, monitor: str, segment: str | None, time: datetime, *, alarm: bool) -> Reading:
    return Reading(
        id=f"{application}|{monitor}|{segment}|{time.isoformat()}",
        application=application,
        monitor=monitor,
        segment=segment,
        state="alarm" if alarm else "ok",
        time=time,
        value=9.0 if alarm else 1.0,
        threshold=6.0,
        reference="baseline",
    )


class Crew:
    """The processes, by name; each is started, killed the hard way, and started again at the same place."""

    def __init__(self, settings: Settings, folder: Path, ports: Sequence[int], *, redis: bool) -> None:
        self.live = Live(settings, folder)
        self._settings, self._folder = settings, folder
        self._pager, self._redis = ports
        self.names = ["worker", "notifier", "pager", *(["redis"] if redis else [])]
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        """Start what is not running."""
        if name not in self._running:
            log = self._folder / f"{name}.log"
            self._running[name] = process.start(self._command(name), log)

    def kill(self, name: str) -> None:
        """End it as a power cut would."""
        victim = self._running.pop(name)
        victim.send_signal(signal.SIGKILL)
        victim.wait()

    def close(self) -> None:
        """End everything."""
        for each in self._running.values():
            each.kill()
        for each in self._running.values():
            each.wait()

    def _command(self, name: str) -> list[str]:
        python = [sys.executable, "-m"]
        match name:
            case "pager":
                journal = ["--journal", str(self._folder / "journal.jsonl")]
                served = ["app.cli", "dev", "fake-pagerduty", "--port", str(self._pager), *journal]
                return ["env", f"PYTHONPATH={ROOT}", *python, *served]
            case "redis":
                server = executable()
                options = ["--port", str(self._redis), "--bind", LOOPBACK, "--save", "", "--appendonly", "no"]
                return [server, *options] if server else [sys.executable, "-c", FAKE_REDIS, str(self._redis)]
        return ["env", *environment(self._settings), *self._notify(), *python, f"agents.{name}"]

    def _notify(self) -> list[str]:
        url = f"http://{LOOPBACK}:{self._pager}"
        sink = {"name": "pager", "kind": "pagerduty", "url": url, "secret_env": "PAGER_KEY"}
        pairs = {
            "PAGER_KEY": KEY,
            "PROMPTDRIFT_NOTIFY__SINKS": json.dumps([sink]),
            "PROMPTDRIFT_NOTIFY__RETRY_SECONDS": "0.1",
            "PROMPTDRIFT_NOTIFY__TIMEOUT_SECONDS": "2",
            "PROMPTDRIFT_NOTIFY__PORT": "0",
            "PROMPTDRIFT_WORKER__CHECKPOINT_SECONDS": "0.5",
        }
        return [f"{name}={value}" for name, value in pairs.items()]

    def send(self, readings: Sequence[Reading]) -> None:
        """As *detect* sends them."""
        topic = full_name(self._settings.kafka, READINGS)
        records = [Record(topic=topic, key=r.application.encode(), value=encode(r)) for r in readings]
        produce(self._settings.kafka, records)

    def pager(self) -> dict[str, Any] | None:
        """What the pager has; None while it is away."""
        try:
            with urlopen(f"http://{LOOPBACK}:{self._pager}/_state", timeout=5) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except (URLError, OSError, ValueError):
            return None

    def incidents(self) -> dict[str, list[str]]:
        """States of all incidents that the pager ever had, by application; none of the pipeline itself."""
        found: dict[str, list[str]] = {}
        for each in (self.pager() or {"incidents": []})["incidents"]:
            found.setdefault(each["dedup_key"].split("/")[1], []).append(each["state"])
        found.pop(PIPELINE, None)  # while its processes are killed it may well say so
        return found

    def go_wrong(self, faults: str) -> None:
        """What the pager does to the next requests."""
        url = f"http://{LOOPBACK}:{self._pager}/_faults"
        with urlopen(Request(url, faults.encode(), method="PUT"), timeout=5) as answer:
            assert answer.status == 204

    def command(self, *words: str) -> Result:
        """The command line, on the same settings; in this process, for a fresh one costs seconds."""
        pairs = [pair.partition("=") for pair in environment(self._settings)]
        return CliRunner().invoke(program, words, env={name: value for name, _, value in pairs})

    def run(self, *words: str) -> Any:
        """What it says on stdout, as JSON; it must succeed."""
        done = self.command(*words)
        assert done.exit_code == 0, done.stderr + self.said()
        return json.loads(done.stdout) if done.stdout else None

    def subscriber(self) -> str:
        """The first line of examples/subscribe.py."""
        topic = f"ALERTS_TOPIC={full_name(self._settings.kafka, ALERTS)}"
        line = ["env", *environment(self._settings), topic, sys.executable, "-u", "examples/subscribe.py"]
        with subprocess.Popen(line, stdout=subprocess.PIPE, text=True, cwd=ROOT) as example:
            assert example.stdout is not None
            try:
                return example.stdout.readline()
            finally:
                example.kill()

    def shown(self) -> dict[str, int]:
        """How many open incidents the status in Redis has, by application."""

        async def ask() -> dict[str, int]:
            store = RedisStatusStore(self._settings.redis.url.get_secret_value())
            try:
                found = {name: await store.status(name) for name in await store.applications()}
            except DependencyError:
                return {}
            finally:
                await store.close()
            return {name: len(document["incidents"]) for name, document in found.items() if document}

        return asyncio.run(ask())

    def transitions(self) -> list[Alert]:
        """Transitions on the topic, each once, in order."""
        return list({a.alert_id: a for a in self.live.decoded(ALERTS, Alert)}.values())

    def until(self, what: Callable[[], bool], seconds: float) -> None:
        """Wait; fails with what the processes said last."""
        deadline = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.5)

    def said(self) -> str:
        """The last lines of every process, and what the pager has."""
        logs = "\n".join(f"== {p.name}\n{process.tail(p, 12)}" for p in sorted(self._folder.glob("*.log")))
        return f"{self.incidents()}\n{logs}"


def play(
    crew: Crew, days: Sequence[list[list[Reading]]], *, kills: int, seed: int, pause: float
) -> list[str]:
    """Send the days beside each other, window by window, killing at seeded points; what was killed."""
    random = Random(seed)
    steps = max(map(len, days))
    points = sorted(random.uniform(0, steps) for _ in range(kills))
    killed: list[str] = []
    back: list[tuple[float, str]] = []
    for step in range(steps):
        crew.send([reading for day in days if step < len(day) for reading in day[step]])
        while points and points[0] < step + 1:
            at = points.pop(0)
            time.sleep(pause * (at % 1.0) / 2)
            ready = [name for name in crew.names if name not in {each for _, each in back}]
            if ready:
                killed.append(random.choices(ready, [WEIGHTS[name] for name in ready])[0])
                crew.kill(killed[-1])
                back.append((at + random.uniform(0, 3), killed[-1]))
        for when, name in list(back):
            if when <= step:
                back.remove((when, name))
                crew.start(name)
        time.sleep(pause)
    for _, name in back:
        crew.start(name)
    return killed
