"""Protocols of the impure parts, and the values that cross them."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from app.core.encoding import Encoded
from schemas.decisions import Alert
from schemas.readings import Reading

__all__ = ["Encoded", "Encoder", "MeaningEncoder", "SeriesPoint", "StatusEvent", "StatusStore"]


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
class StatusEvent:
    """One entry of the live feed; `id` resumes it."""

    id: str
    kind: str  # status | alert
    application: str
    data: dict[str, Any]


class StatusStore(Protocol):
    """The live read model.  Derived: it may be lost and is rebuilt from topics."""

    async def put_reading(self, reading: Reading) -> bool:
        """Store the latest reading of a monitor; False when a newer one is already there."""
        ...

    async def put_alert(self, alert: Alert) -> bool:
        """Store a transition once; False when this alert_id is already there."""
        ...

    async def heartbeat(self, worker: str, facts: dict[str, Any]) -> None:
        """A worker is alive; forgotten after 30 s without another."""
        ...

    async def applications(self) -> list[str]:
        """Every application with a status."""
        ...

    async def status(self, application: str) -> dict[str, Any] | None:
        """The whole status document; None for an unknown application."""
        ...

    async def series(self, application: str, monitor: str, limit: int) -> list[SeriesPoint]:
        """The newest points of a monitor, oldest first."""
        ...

    async def alerts(self, application: str | None, state: str | None, limit: int) -> list[Alert]:
        """Transitions, newest first."""
        ...

    async def workers(self) -> list[dict[str, Any]]:
        """Workers heard of in the last 30 s."""
        ...

    def events(self, after: str) -> AsyncIterator[StatusEvent | None]:
        """The live feed after an id ("$" = from now); None is a keep-alive tick."""
        ...

    async def ping(self) -> bool:
        """Whether the store answers."""
        ...

    async def close(self) -> None:
        """Give connections back."""
        ...
