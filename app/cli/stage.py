"""The demo's stage: embedded servers, one worker, the page, and the wire that carries the story."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

from app.cli.encoder import live_encoder
from app.cli.terminal import say
from app.errors import DependencyError, PromptdriftError

TAIL = timedelta(minutes=5)  # of event time: outcomes come some minutes after what they are of
BASELINE_EVENTS = 1500
PARTITIONS = 4
PATIENCE_SECONDS = 120.0
SETTING = ("PROMPTDRIFT_", "KAFKA_", "REDIS_URL")  # beginnings of variables
KEPT = ("encoder", "log")  # of the caller's settings: they reach no server
LAST_CHARACTERS = 600  # of the log of a part that died


class DemoFailed(PromptdriftError):
    """The demo did not show what it promises."""


@dataclass(frozen=True, slots=True)
class Stage:
    """The running parts: where the page is, and how to ask it."""

    url: str
    pager: str
    processes: dict[str, Any]
    logs: Path
    environment: Mapping[str, str]

    def get(self, path: str) -> Any:  # noqa: ANN401  any JSON
        """One GET of the HTTP endpoint; None while it does not answer or knows nothing yet."""
        return _got(self.url + path)

    def pages(self) -> list[dict[str, Any]]:
        """What the fake PagerDuty was told so far."""
        found: list[dict[str, Any]] = (_got(self.pager + "/_state") or {"incidents": []})["incidents"]
        return found

    def alive(self) -> None:
        """Raise where a part has died, with where its log is."""
        for name, process in self.processes.items():
            if process.poll() is not None:
                said = (self.logs / f"{name}.log").read_text(errors="replace")[-LAST_CHARACTERS:]
                raise DemoFailed(f"the {name} stopped with {process.returncode}; its last words: {said}")


@contextmanager
def stage(
    story: "Story",
    port: int,
    *,
    settings: Mapping[str, str] = MappingProxyType({}),
    commands: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> Iterator[Stage]:
    """Start broker, Redis, pager, worker, notifier and page; end them in reverse order.

    Args: settings, of the environment, and commands by name, besides those.
    """
    import tempfile

    from app.adapters.embedded import Embedded

    with ended_in_order(), ExitStack() as stack:
        logs = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="promptdrift-demo-")))
        embedded = stack.enter_context(Embedded(partitions=PARTITIONS))
        environment = {
            **surroundings(embedded.bootstrap, embedded.redis_url, logs),
            "PROMPTDRIFT_KAFKA__PARTITIONS": str(PARTITIONS),
            "PROMPTDRIFT_KAFKA__SESSION_TIMEOUT_SECONDS": "6",
            "PROMPTDRIFT_WORKER__IDLE_SECONDS": "3",
            "PROMPTDRIFT_WORKER__PORT": "0",
            "PROMPTDRIFT_DETECTION__BASELINE_EVENTS": str(BASELINE_EVENTS),
            **_paging(pager := _free_port(), page := port or _free_port()),
            **settings,
        }
        story.connect(environment)
        story.publish_reference()
        everyone = {
            "pager": ["dev", "fake-pagerduty", "--port", str(pager)],
            "worker": ["worker"],
            "notifier": ["notifier"],
            "page": ["api", "--port", str(page)],
            **commands,
        }
        processes = {
            name: stack.enter_context(child(words, environment, logs / f"{name}.log"))
            for name, words in everyone.items()
        }
        running = Stage(f"http://127.0.0.1:{page}", f"http://127.0.0.1:{pager}", processes, logs, environment)
        wait(lambda: _answers(running), running, "the page")
        yield running


class Story:
    """The scenario and the wire to the broker."""

    def __init__(
        self,
        drift: str,
        seed: int,
        *,
        clean: int = 3200,
        drifted: int = 1600,
        interval_seconds: float = 2.0,
    ) -> None:
        from app.demo.traffic import scenario

        self.seed = seed
        played = timedelta(seconds=(clean + drifted) * interval_seconds) + TAIL
        self.scenario = scenario(
            seed=seed,
            start=datetime.now(UTC).replace(second=0, microsecond=0) - played,
            clean=clean,
            drifted=drifted,
            drift=drift,
            interval_seconds=interval_seconds,
        )

    def connect(self, environment: Mapping[str, str]) -> None:
        """Talk to the broker of this environment from now on, with the encoder of its worker."""
        from app.settings import load

        self.settings = load(environment=environment)

    def publish_reference(self) -> None:
        """Build the eval-set reference, as `promptdrift reference build` and `publish` do."""
        from app.adapters.build import build_reference
        from app.adapters.publication import publish_evalset
        from app.demo.traffic import eval_items

        encoder = live_encoder(self.settings.encoder)
        reference = build_reference(eval_items(seed=self.seed), encoder=encoder, seed=self.seed)
        late = self.settings.detection.lateness_seconds
        publish_evalset(self.settings.kafka, "*", reference, lateness_seconds=late)
        say(f"eval set: {reference.units} items in {len(reference.clusters.names)} clusters")

    def send(self, events: Sequence[Any]) -> None:
        """Put events on their topics."""
        from app.adapters.kafka import produce, record_of

        produce(self.settings.kafka, [record_of(self.settings.kafka, event) for event in events])


def surroundings(bootstrap: str, redis_url: str, logs: Path) -> dict[str, str]:
    """The caller's environment on the demo's servers: of their settings, wherever they stand, only KEPT."""
    import json

    from app.settings import load

    kept = load().model_dump(mode="json", include=set(KEPT), exclude_unset=True)
    (own := logs / "promptdrift.yaml").write_text(json.dumps(kept))
    return {
        **{name: value for name, value in os.environ.items() if not name.upper().startswith(SETTING)},
        "PROMPTDRIFT_CONFIG": str(own),
        "PROMPTDRIFT_KAFKA__BOOTSTRAP_SERVERS": bootstrap,
        "PROMPTDRIFT_REDIS__URL": redis_url,
    }


def _paging(pager: int, page: int) -> dict[str, str]:
    """Settings of the notifier: a fake PagerDuty."""
    import json

    sink = {"name": "pagerduty", "kind": "pagerduty", "url": f"http://127.0.0.1:{pager}"}
    return {
        "DEMO_ROUTING_KEY": "0" * 32,
        "PROMPTDRIFT_NOTIFY__SINKS": json.dumps([{**sink, "secret_env": "DEMO_ROUTING_KEY"}]),
        "PROMPTDRIFT_NOTIFY__PAGE_URL": f"http://127.0.0.1:{page}",
        "PROMPTDRIFT_NOTIFY__PORT": "0",
    }


def _got(url: str) -> Any:  # noqa: ANN401  any JSON
    import json
    from urllib.error import URLError
    from urllib.request import urlopen

    try:
        with urlopen(url, timeout=5) as answer:
            return json.load(answer)
    except (URLError, OSError, ValueError):
        return None


def _answers(stage: Stage) -> bool:
    from urllib.error import URLError
    from urllib.request import urlopen

    try:
        with urlopen(stage.url + "/livez", timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


@contextmanager
def ended_in_order() -> Iterator[None]:
    """Whatever ends the demo (a closed terminal, `timeout`, a container's stop) ends its processes first."""
    import signal

    def leave(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    before = {each: signal.signal(each, leave) for each in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextmanager
def child(words: Sequence[str], environment: Mapping[str, str], log: Path) -> Iterator[Any]:
    """One command of promptdrift as a process, ended when the block ends."""
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


def wait(until: Callable[[], bool], stage: Stage, what: str) -> None:
    """Poll until a predicate holds.  Raises: DependencyError, DemoFailed."""
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
