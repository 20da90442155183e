"""What the API answers: shapes, their JSON, and the tags that save sending it again."""

import hashlib
from datetime import datetime
from typing import Any, Literal

import msgspec
from fastapi import Response

from app.ports import ReferenceSummary, SeriesPoint
from app.web.problems import MEDIA_TYPE
from schemas.decisions import Alert, Delivery
from schemas.evalsets import EvalSetVersions
from schemas.events import Deployment
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
    readings: dict[str, Reading]  # monitor, or monitor[segment] -> its latest reading
    written_at: dict[str, datetime]  # the same -> wall clock of its write
    incidents: list[Alert]  # open ones, critical first
    why: str | None  # nothing can be said: the pipeline stands, or its data have stopped
    stale: bool  # nobody has written for a while


class Worker(msgspec.Struct):
    """A worker whose heart beats.  It may say more of itself than these two."""

    worker: str
    updated_at: datetime


class Statuses(msgspec.Struct):
    """Everything at once: what a page needs to draw its overview."""

    applications: list[Status]
    pipeline: Status | None  # its own health, condition by condition; None before anybody has looked
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
    """One incident and its evidence: what is needed to judge it without asking anything else.

    `transitions` are oldest first, each with what it rested on; `around` holds the points of its monitors
    from before the onset to after the end.
    """

    incident: str
    latest: Alert
    transitions: list[Alert]
    around: dict[str, list[SeriesPoint]]
    deliveries: list[Delivery]  # newest first
    deployment: Deployment | None  # the one that it names
    references: list[ReferenceSummary]


class Deployments(msgspec.Struct):
    """Deployments by their time, newest first, and the latest look at what each did to how users ask."""

    deployments: list[Deployment]
    looks: list[Reading]


class Curve(msgspec.Struct):
    """One monitor around one deployment; `time` is the deployment's, epoch seconds."""

    deployment: str
    time: float
    monitor: str
    points: list[SeriesPoint]


class Aftermath(msgspec.Struct):
    """What changed after a deployment.  `told` is oldest first, and empty where it was only seen in traffic.

    `curves` hold this deployment and those before it, so that they can be laid over one another; `others`
    are those whose aftermath overlaps: what both did cannot be told apart.
    """

    application: str
    deployment: str
    time: float
    told: list[Deployment]
    look: Reading | None  # the latest one: shares, intervals, habits, and what can be concluded
    curves: list[Curve]
    others: list[str]
    incidents: list[Alert]  # the latest transition of each that names it
    readings: dict[str, Reading]  # of each monitor the latest, unless another deployment came since


class Deliveries(msgspec.Struct):
    """Attempts to tell somebody of an incident, newest first."""

    deliveries: list[Delivery]


class EvalSets(msgspec.Struct):
    """Eval sets that live traffic is measured against; "*" serves who has none of his own.

    `versions` are those built from live traffic, with what happened to them and what waits for a person.
    """

    evalsets: list[ReferenceSummary]
    versions: list[EvalSetVersions]


class Evaluated(msgspec.Struct):
    """Latest readings of one application: of each metric, of its validity, of each judge and probed model."""

    application: str
    quality: list[Reading]
    validity: list[Reading]
    judges: list[Reading]
    models: list[Reading]


class Evaluations(msgspec.Struct):
    """Applications whose answers are scored, by name."""

    applications: list[Evaluated]


class Recorded(msgspec.Struct):
    """What became of a request: ids recorded, ids known already, what was ignored and why, remarks."""

    recorded: list[str]
    known: list[str]
    ignored: list[str]
    notes: list[str]


class ProblemDocument(msgspec.Struct, rename={"kind": "type"}, omit_defaults=True):
    """An error (RFC 9457)."""

    kind: str
    title: str
    status: int
    detail: str
    instance: str
    field: str | None = None
    remedy: str | None = None


SHAPES = (
    Applications,
    Statuses,
    Series,
    Alerts,
    Incident,
    Deployments,
    Aftermath,
    Deliveries,
    EvalSets,
    Evaluations,
    Recorded,
    ProblemDocument,
)
REFERENCE = "#/components/schemas/{name}"


def components() -> dict[str, Any]:
    """JSON Schemas of all answers, for openapi.json."""
    return msgspec.json.schema_components(SHAPES, ref_template=REFERENCE)[1]


def described(shape: type, media_type: str = "application/json") -> dict[str, Any]:
    """How openapi.json says that an answer has this shape."""
    schema = {"$ref": REFERENCE.format(name=shape.__name__)}
    return {"description": (shape.__doc__ or "").splitlines()[0], "content": {media_type: {"schema": schema}}}


PROBLEM: dict[int | str, dict[str, Any]] = {"default": described(ProblemDocument, MEDIA_TYPE)}


class Answer:
    """A body as JSON, made once, and its tag; `to` sends it, or nothing but 304 to who has it already."""

    __slots__ = ("_content", "_tag")

    def __init__(self, body: object, *, tag: str | None = None) -> None:
        # Prompt text is hostile: no answer contains markup, even where somebody mistakes JSON for HTML.
        self._content = msgspec.json.encode(body).replace(b"<", rb"\u003c")
        self._tag = f'W/"{tag or hashlib.blake2b(self._content, digest_size=10).hexdigest()}"'

    def to(self, asked: str | None) -> Response:
        """The answer to a request with this If-None-Match."""
        headers = {"Cache-Control": "no-cache", "ETag": self._tag}
        if asked and any(each.strip() in ("*", self._tag, self._tag[2:]) for each in asked.split(",")):
            return Response(status_code=304, headers=headers)
        return Response(self._content, headers=headers, media_type="application/json")
