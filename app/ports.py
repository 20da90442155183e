"""Protocols of the impure parts, and the values that cross them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from app.core.encoding import Encoded
from app.core.health import PIPELINE
from schemas.decisions import Alert, Delivery
from schemas.evalsets import EvalSetVersions
from schemas.events import Deployment
from schemas.readings import Reading

__all__ = [
    "PIPELINE",
    "ClusterShare",
    "Encoded",
    "Encoder",
    "MeaningEncoder",
    "ReferenceSummary",
    "SeriesPoint",
    "StatusEvent",
    "StatusStore",
]


class Encoder(Protocol):
    """The cheap eyes: wording and shape, for every prompt.

    A text's rows never depend on the other texts of the list.  Never raises because of a text.
    """

    @property
    def fingerprint(self) -> str:
        """Identity of weights, weighting and limits: vectors compare only under one fingerprint."""
        ...

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Encode n texts.  Cost: about 0.05 ms CPU per mixed prompt."""
        ...


class MeaningEncoder(Protocol):
    """The transformer: clusters and explains on samples."""

    @property
    def fingerprint(self) -> str:
        """Identity of the model and its limits."""
        ...

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, shape (n, 384)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesPoint:
    """One point of a monitor's history, small enough to keep thousands."""

    time: float  # event time, epoch seconds
    state: str
    value: float | None
    threshold: float | None
    uncovered: float | None
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterShare:
    """One cluster of a reference."""

    name: str
    share: float
    examples: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceSummary:
    """What people want to know of a reference without loading it."""

    application: str  # "*" serves every application that has none of its own
    kind: str  # evalset | baseline
    id: str
    fingerprint: str
    units: int
    learned_from: float | None = None  # event times that a baseline was learned from, epoch seconds
    learned_until: float | None = None
    published_at: float | None = None  # when it came onto its topic
    clusters: list[ClusterShare]
    points: list[tuple[float, float]] = field(default_factory=list)  # where some of its units lie


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusEvent:
    """One entry of the live feed; `id` resumes it."""

    id: str
    kind: str  # status | alert | deployment | delivery | evalset
    application: str
    data: dict[str, Any]


class StatusStore(Protocol):
    """The live read model.  Derived: it may be lost and is rebuilt from topics.

    Every method raises DependencyError where the store cannot be reached, is full or is read-only.
    """

    async def put_reading(self, reading: Reading) -> bool:
        """Store the latest reading of a monitor; False when a newer one is already there.

        Its point finds its place in the series either way.
        """
        ...

    async def put_alert(self, alert: Alert) -> bool:
        """Store a transition once; False when this alert_id is already there."""
        ...

    async def put_fact(self, fact: Deployment | Delivery) -> bool:
        """Store what happened to a deployment, or to a delivery, once; False when it is already there."""
        ...

    async def put_reference(self, summary: ReferenceSummary) -> None:
        """Remember what an application is measured against; one of each kind."""
        ...

    async def put_evalset(self, versions: EvalSetVersions) -> bool:
        """Remember the versions of an application's eval set; False when the same or newer are there."""
        ...

    async def evalsets(self) -> list[EvalSetVersions]:
        """Versions of all eval sets, by application."""
        ...

    async def heartbeat(self, worker: str, facts: dict[str, Any]) -> None:
        """A worker is alive; forgotten after 30 s without another."""
        ...

    async def generation(self) -> str:
        """A name that the store keeps until it loses everything, made at the first call."""
        ...

    async def applications(self) -> list[str]:
        """Every application with a status; "*", the pipeline itself, is none."""
        ...

    async def status(self, application: str) -> dict[str, Any] | None:
        """The whole status document; None for an unknown application."""
        ...

    async def series(
        self, application: str, monitor: str, limit: int, *, start: float = ..., end: float = ...
    ) -> list[SeriesPoint]:
        """The last `limit` points of a range of event time (epoch seconds, inclusive), oldest first."""
        ...

    async def alerts(self, application: str | None, state: str | None, limit: int) -> list[Alert]:
        """Transitions, newest first."""
        ...

    async def deployments(self, application: str, limit: int) -> list[Deployment]:
        """Deployments of an application by their time, newest first."""
        ...

    async def released(self) -> list[str]:
        """Applications that deployments were told of, whether or not they have had traffic."""
        ...

    async def looks(self, application: str) -> list[Reading]:
        """The latest look at what each deployment did, the latest deployment first."""
        ...

    async def deliveries(self, application: str, limit: int) -> list[Delivery]:
        """Attempts to tell somebody of an application's incidents, newest first."""
        ...

    async def references(self) -> list[ReferenceSummary]:
        """Everything that is measured against, by application and kind."""
        ...

    async def workers(self) -> list[dict[str, Any]]:
        """Workers heard of in the last 30 s."""
        ...

    async def events(self, after: str, limit: int) -> list[StatusEvent]:
        """Entries of the live feed after an id, oldest first."""
        ...

    async def holds_event(self, id: str) -> bool:
        """Whether an entry is still kept: if not, some that came after it may be gone too."""
        ...

    async def last_event(self) -> str:
        """Id of the newest entry of the live feed; "0-0" when there is none."""
        ...

    async def ping(self) -> bool:
        """Whether the store answers."""
        ...

    async def close(self) -> None:
        """Give connections back."""
        ...
