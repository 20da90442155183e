"""A PagerDuty to try things on: the Events API v2 over HTTP, its rules, its limits, and faults on demand.

POST /v2/enqueue, /v2/change/enqueue     as PagerDuty
POST /hooks/NAME                         takes anything: a webhook, a Slack
GET /_state                              incidents, changes, hooks, refusals
PUT /_faults                             the script of what goes wrong next

A fault script is a list with commas, one entry for each request to come, `xN` repeats it: `ok`, a status
(`503`, `429:7` with Retry-After), `hang` (no answer, no effect), `close` (the connection, no effect),
`lost` (it took effect, no answer), `half` (it took effect, half an answer).
"""

import asyncio
import json
import re
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

LARGEST_BODY = 512 * 1024
PER_MINUTE = 120
ACTIONS = ("trigger", "acknowledge", "resolve")
SEVERITIES = ("critical", "error", "warning", "info")
FAULT = re.compile(r"^(?P<kind>ok|hang|close|lost|half|[1-5]\d\d)(:(?P<after>\d+))?(x(?P<times>\d{1,4}))?$")
HANG_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one request."""

    kind: str = "ok"
    after: str | None = None  # Retry-After


@dataclass(slots=True)
class Incident:
    """What PagerDuty shows for one deduplication key, from its first trigger to its resolve."""

    routing_key: str
    dedup_key: str
    summary: str
    severity: str
    state: str = "triggered"
    events: list[str] = field(default_factory=list)


@dataclass(slots=True)
class FakePagerDuty:
    """State and rules.  With a `journal`, what was taken survives a restart, as PagerDuty would."""

    keys: frozenset[str] = frozenset()  # known integration keys; empty: any that is well formed
    journal: Path | None = None
    faults: deque[Fault] = field(default_factory=deque)
    incidents: list[Incident] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)
    hooks: list[dict[str, Any]] = field(default_factory=list)
    refused: list[dict[str, Any]] = field(default_factory=list)
    calls: dict[str, deque[float]] = field(default_factory=dict)

    def recover(self) -> None:
        """Take over the journal."""
        if self.journal is not None and self.journal.exists():
            for line in self.journal.read_text("utf-8").splitlines():
                told = json.loads(line)
                self._apply(told["path"], told["body"])

    def take(self, path: str, body: dict[str, Any]) -> None:
        """An event that was accepted; on disk before it is answered."""
        if self.journal is not None:
            with self.journal.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps({"path": path, "body": body}) + "\n")
        self._apply(path, body)

    def _apply(self, path: str, body: dict[str, Any]) -> None:
        if path == "/v2/change/enqueue":
            self.changes.append(body)
            return
        if path.startswith("/hooks/"):
            self.hooks.append(body)
            return
        action, known = body["event_action"], self._open(body)
        if known is None:
            if action == "trigger":
                payload = body["payload"]
                key = body.get("dedup_key") or f"made-{len(self.incidents)}"
                fresh = Incident(body["routing_key"], key, payload["summary"], payload["severity"])
                fresh.events.append(action)
                self.incidents.append(fresh)
            return
        known.events.append(action)
        if action == "trigger":
            known.summary, known.severity = body["payload"]["summary"], body["payload"]["severity"]
        else:
            known.state = "resolved" if action == "resolve" else "acknowledged"

    def _open(self, body: dict[str, Any]) -> Incident | None:
        """The open incident of an event; keys are apart by integration."""
        place = (body["routing_key"], body.get("dedup_key"))
        mine = [i for i in self.incidents if (i.routing_key, i.dedup_key) == place and i.state != "resolved"]
        return mine[-1] if mine else None

    def crowded(self, routing_key: str, now: float) -> bool:
        """Whether a key has used up its sliding minute; the call is counted."""
        calls = self.calls.setdefault(routing_key, deque())
        while calls and calls[0] <= now - 60.0:
            calls.popleft()
        calls.append(now)
        return len(calls) > PER_MINUTE

    def problems(self, path: str, body: Any) -> list[str]:  # noqa: ANN401  any JSON value
        """Why an event is invalid; empty where it is not."""
        if not isinstance(body, dict):
            return ["the body is no object"]
        found = [*_key_problems(body, self.keys)]
        if path == "/v2/enqueue":
            found += _event_problems(body)
        elif str(body.get("routing_key", "")).startswith("R"):
            found.append("this key takes no change events")
        needed = path != "/v2/enqueue" or body.get("event_action") == "trigger"
        return [*found, *(_payload_problems(body, severity=path == "/v2/enqueue") if needed else [])]

    def state(self) -> dict[str, Any]:
        """Everything that happened, as plain values."""
        return {
            "incidents": [asdict(each) for each in self.incidents],
            "changes": self.changes,
            "hooks": self.hooks,
            "refused": self.refused,
        }


def faults_of(script: str) -> list[Fault]:
    """A script, entry by entry.  Raises: ValueError naming what is no fault.

    >>> [fault.kind for fault in faults_of("429:7x2,hang")]
    ['429', '429', 'hang']
    """
    out: list[Fault] = []
    for entry in filter(None, (part.strip() for part in script.split(","))):
        match = FAULT.match(entry)
        if match is None:
            raise ValueError(
                f"{entry!r} is no fault: write ok, 503, 429:7, hang, close, lost, half; x3 repeats"
            )
        out += [Fault(match["kind"], match["after"])] * int(match["times"] or 1)
    return out


class Desk:
    """The HTTP side of a fake."""

    def __init__(self, fake: FakePagerDuty) -> None:
        self._fake = fake

    def application(self) -> web.Application:
        """Every route."""
        app = web.Application(client_max_size=8 * LARGEST_BODY)
        for path in ("/v2/enqueue", "/v2/change/enqueue", "/hooks/{name}"):
            app.router.add_post(path, self._enqueue)
        app.router.add_get("/_state", self._state)
        app.router.add_put("/_faults", self._set_faults)
        return app

    async def _enqueue(self, request: web.Request) -> web.StreamResponse:
        fault = self._fake.faults.popleft() if self._fake.faults else Fault()
        raw = await request.read()
        if fault.kind in ("hang", "close"):
            return await _vanish(request, HANG_SECONDS if fault.kind == "hang" else 0.0)
        if fault.kind.isdigit():
            headers = {} if fault.after is None else {"Retry-After": fault.after}
            return web.json_response({"status": "fault"}, status=int(fault.kind), headers=headers)
        if request.path.startswith("/hooks/"):
            return await self._taken(request, fault, _hook(request, raw))
        return await self._judged(request, fault, raw)

    async def _judged(self, request: web.Request, fault: Fault, raw: bytes) -> web.StreamResponse:
        try:
            body = json.loads(raw)
        except ValueError:
            body = None
        errors = self._fake.problems(request.path, body)
        if len(raw) > LARGEST_BODY:
            errors.append("the body is larger than 512 kB")
        if errors or body is None:
            self._fake.refused.append({"path": request.path, "errors": errors, "bytes": len(raw)})
            answer = {"status": "invalid event", "message": "Event object is invalid", "errors": errors}
            return web.json_response(answer, status=400)
        if self._fake.crowded(body["routing_key"], time.monotonic()):
            return web.json_response({"status": "throttle exceeded"}, status=429)
        return await self._taken(request, fault, body)

    async def _taken(self, request: web.Request, fault: Fault, body: dict[str, Any]) -> web.StreamResponse:
        self._fake.take(request.path, body)
        if fault.kind == "lost":
            return await _vanish(request, 0.0)
        answer = {"status": "success", "message": "Event processed", "dedup_key": body.get("dedup_key")}
        if fault.kind != "half":
            return web.json_response(answer, status=202)
        half = web.StreamResponse(status=202, headers={"Content-Length": "1000"})
        await half.prepare(request)
        await half.write(json.dumps(answer).encode())
        return await _vanish(request, 0.0)

    async def _state(self, _: web.Request) -> web.Response:
        return web.json_response(self._fake.state())

    async def _set_faults(self, request: web.Request) -> web.Response:
        try:
            self._fake.faults = deque(faults_of(await request.text()))
        except ValueError as error:
            return web.Response(status=400, text=f"{error}\n")
        return web.Response(status=204)


async def _vanish(request: web.Request, seconds: float) -> web.StreamResponse:
    await asyncio.sleep(seconds)
    if request.transport is not None:
        request.transport.close()
    return web.Response(status=500)  # nobody reads it


def _hook(request: web.Request, raw: bytes) -> dict[str, Any]:
    return {
        "name": request.match_info["name"],
        "headers": dict(request.headers),
        "body": raw.decode("utf-8", "replace"),
    }


def _key_problems(body: dict[str, Any], known: frozenset[str]) -> Iterator[str]:
    key = body.get("routing_key")
    if not isinstance(key, str) or len(key) != 32:
        yield "routing_key must have 32 characters"
    elif known and key not in known:
        yield "invalid routing key"


def _event_problems(body: dict[str, Any]) -> Iterator[str]:
    if body.get("event_action") not in ACTIONS:
        yield f"event_action must be one of {', '.join(ACTIONS)}"
    key = body.get("dedup_key")
    if key is not None and (not isinstance(key, str) or len(key) > 255):
        yield "dedup_key must have at most 255 characters"
    if key is None and body.get("event_action") != "trigger":
        yield "dedup_key is required"
    for link in body.get("links", []):
        if not link.get("href"):
            yield "links need an href"
    for image in body.get("images", []):
        if not str(image.get("src", "")).startswith("https://"):
            yield "images need an https src"


def _payload_problems(body: dict[str, Any], *, severity: bool) -> Iterator[str]:
    payload = body.get("payload")
    if not isinstance(payload, dict):
        yield "payload is required"
        return
    summary = payload.get("summary")
    if not isinstance(summary, str) or not summary or len(summary) > 1024:
        yield "payload.summary must have 1 to 1024 characters"
    if not payload.get("source"):
        yield "payload.source is required"
    if severity and payload.get("severity") not in SEVERITIES:
        yield f"payload.severity must be one of {', '.join(SEVERITIES)}"
    if not isinstance(payload.get("custom_details", {}), dict):
        yield "payload.custom_details must be an object"
