"""What the API answers: shapes, their JSON, and the tags that save sending it again."""

import hashlib
from datetime import datetime
from typing import Any, Literal

import msgspec
from fastapi import Response

from app.ports import SeriesPoint
from schemas.decisions import Alert
from schemas.readings import Reading


class Applications(msgspec.Struct):
    """Applications written to lately, by name."""

    applications: list[str]


class Status(msgspec.Struct):
    """What is known of one application.  `updated_at` is wall clock; event times are in the readings."""

    application: str
    revision: int  # grows with every write
    updated_at: datetime | None
    state: Literal["ok", "warning", "critical", "learning", "unknown"]
    readings: dict[str, Reading]  # monitor -> its latest reading
    written_at: dict[str, datetime]  # monitor -> wall clock of its write
    incidents: list[Alert]  # open ones, critical first
    stale: bool  # nobody has written for a while


class Worker(msgspec.Struct):
    """A worker whose heart beats.  It may say more of itself than these two."""

    worker: str
    updated_at: datetime


class Statuses(msgspec.Struct):
    """Everything at once: what a page needs to draw its overview."""

    applications: list[Status]
    workers: list[Worker]


class Series(msgspec.Struct):
    """History of a monitor, oldest first; `time` is event time, epoch seconds."""

    application: str
    monitor: str
    points: list[SeriesPoint]


class Alerts(msgspec.Struct):
    """Transitions, newest first."""

    alerts: list[Alert]


class Incident(msgspec.Struct):
    """One incident: its latest state, and how it came there, oldest first."""

    incident: str
    latest: Alert
    transitions: list[Alert]


class ProblemDocument(msgspec.Struct, rename={"kind": "type"}, omit_defaults=True):
    """An error (RFC 9457)."""

    kind: str
    title: str
    status: int
    detail: str
    instance: str
    field: str | None = None
    remedy: str | None = None


SHAPES = (Applications, Statuses, Series, Alerts, Incident, ProblemDocument)
REFERENCE = "#/components/schemas/{name}"


def components() -> dict[str, Any]:
    """JSON Schemas of all answers, for openapi.json."""
    return msgspec.json.schema_components(SHAPES, ref_template=REFERENCE)[1]


def described(shape: type, media_type: str = "application/json") -> dict[str, Any]:
    """How openapi.json says that an answer has this shape."""
    schema = {"$ref": REFERENCE.format(name=shape.__name__)}
    return {"description": (shape.__doc__ or "").splitlines()[0], "content": {media_type: {"schema": schema}}}


def answer(body: object, *, tag: str | None = None, asked: str | None = None) -> Response:
    """`body` as JSON; with a `tag`, nothing but 304 for who has that already (`asked`: If-None-Match)."""
    headers = {"Cache-Control": "no-cache"}
    if tag is not None:
        headers["ETag"] = f'W/"{tag}"'
        if asked and any(each.strip() in ("*", headers["ETag"], f'"{tag}"') for each in asked.split(",")):
            return Response(status_code=304, headers=headers)
    # Prompt text is hostile: no answer contains markup, even where somebody mistakes JSON for HTML.
    content = msgspec.json.encode(body).replace(b"<", rb"\u003c")
    return Response(content, headers=headers, media_type="application/json")


def digest(body: object) -> str:
    """A tag for what has no revision of its own."""
    return hashlib.blake2b(msgspec.json.encode(body), digest_size=10).hexdigest()
