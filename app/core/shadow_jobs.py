"""What shadow scoring has decided and not yet done: windows to tell, things to ask."""

from typing import Literal

from msgspec import Struct

from app.core.shadow_samples import Held

Kind = Literal["answer", "candidate", "gold"]


class Job(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing to ask: of judges about the live answer, of a candidate, of judges about a gold item."""

    kind: Kind
    application: str
    held: Held | None = None  # None: of gold
    selection: float = 1.0
    candidate: str | None = None
    gold: int = 0  # number in the schedule
    time: float = 0.0  # event time
    price: float = 0.0  # reserved
    day: int = 0  # whose budget it uses
    since: float | None = None  # when it first failed, epoch seconds

    @property
    def key(self) -> str:
        """What tells it from others of its application."""
        told = f"{self.gold}" if self.held is None else self.held.id
        return f"{self.kind}|{self.application}|{told}|{self.candidate or ''}"


class Batch(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A window that was closed: what it kept, ids that were chosen, jobs that found no room."""

    application: str
    kept: list[Held]
    chosen: set[str] = set()
    given_up: list[Job] = []
