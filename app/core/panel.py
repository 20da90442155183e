"""The panel: a uniform sample of users, each with his history, in bounded memory.

Bottom-k sampling by a salted hash of the user (Cohen and Kaplan, 2007, PODC): whoever is in was in from his
first prompt, and the sample is uniform over users at any time.  The bar falls as users come.  Where half of
the panel has left it rises again, once a day; who enters by that is known to be whole only from then on
(`History.since`).  Samples are drawn by the same hash: where only a share of users is kept, the bar lies at
that share, and of all others, of whom only what is novel is kept, nothing is held.  A history that fills up
is thinned to every second prompt, evenly over its length.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from app.core.units import place_of
from schemas.ticks import Sample

MOST_USERS, MOST_PROMPTS = 1000, 24
HORIZON_SECONDS = 60 * 86_400.0
BITS = 8  # of a wording coordinate that a panel drops: rounding noise stays 20 times below its spread


class Prompt(msgspec.Struct, frozen=True, array_like=True):
    """One prompt of a user; `ordinal` counts his prompts before it, kept or not."""

    time: float
    ordinal: int
    wording: bytes  # int8
    shape: bytes
    deployment_id: str | None
    variant: str | None
    language: str | None
    code: bool
    system_prompt: str | None = None


@dataclass(slots=True)
class History:
    """One user's prompts in order of time; `place` is his salted hash."""

    prompts: list[Prompt] = field(default_factory=list)
    seen: int = 0
    stride: int = 1
    since: float | None = None  # event time from which on it is whole; None: from the first prompt
    place: int = 0

    def append(self, sample: Sample) -> None:
        """Add a prompt, if its turn has come."""
        ordinal, self.seen = self.seen, self.seen + 1
        if ordinal % self.stride:
            return
        coarse = (np.frombuffer(sample.wording, "<i2") >> BITS).astype(np.int8).tobytes()
        told = (sample.deployment_id, sample.variant, sample.language, sample.code, sample.system_prompt)
        self.prompts.append(Prompt(sample.time, ordinal, coarse, sample.shape, *told))
        if len(self.prompts) > MOST_PROMPTS:
            self.stride *= 2
            self.prompts = [p for p in self.prompts if p.ordinal % self.stride == 0]

    def rows(self) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
        """Wording (m, d) and shape (m, 11) of its prompts."""
        return rows_of(self.prompts)


def rows_of(prompts: Sequence[Prompt]) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
    """Wording (m, d) and shape (m, 11) as the encoders gave them, wording to BITS less."""
    count, half = len(prompts), 1 << (BITS - 1)  # the middle of what was dropped
    coarse = np.frombuffer(b"".join(p.wording for p in prompts), np.int8).astype(np.int16)
    shape = np.frombuffer(b"".join(p.shape for p in prompts), "<f4")
    return (coarse.reshape(count, -1) << BITS) + half, shape.reshape(count, -1)


class Panel:
    """At most MOST_USERS histories of at most MOST_PROMPTS prompts: about 12 MB when full."""

    def __init__(self, *, most_users: int = MOST_USERS) -> None:
        self._most_users = most_users
        self._bar = self._ceiling = 2**64  # hashes below the bar are in; it never rises above the ceiling
        self._whole, self._raised_at = 2**64, 0.0  # who lies below was always in; who lies above, since then
        self._users: dict[int, History] = {}
        self.anonymous = 0  # prompts without a user: in the totals only

    def observe(self, sample: Sample) -> None:
        """Take over one prompt, in order of time."""
        if sample.user_hash is None:
            self.anonymous += 1
            return
        place = place_of(sample.application, sample.user_hash, sample.id)
        if place >= self._bar:
            return
        if place not in self._users:
            since = None if place < self._whole else self._raised_at
            self._users[place] = History(since=since, place=place)
        self._users[place].append(sample)
        if len(self._users) > self._most_users:
            self._lower(max(self._users))

    def narrow(self, share: float) -> None:
        """Hold only users of whom everything is kept."""
        self._ceiling = int(share * 2**64)
        if self._ceiling < self._bar:
            self._lower(self._ceiling)

    def _lower(self, bar: int) -> None:
        self._bar, self._whole = bar, min(self._whole, bar)
        self._users = {place: history for place, history in self._users.items() if place < bar}

    def forget(self, now: float) -> None:
        """Drop prompts older than the horizon, and users without any; make room for others in their place."""
        since = now - HORIZON_SECONDS
        for history in self._users.values():
            if history.prompts and history.prompts[0].time < since:
                history.prompts = [p for p in history.prompts if p.time >= since]
        self._users = {place: history for place, history in self._users.items() if history.prompts}
        if self._raised_at < since:
            self._whole = self._bar  # nothing from before the last rise is asked for any more
        if self._bar < self._ceiling and len(self._users) <= self._most_users / 2:
            self._bar, self._raised_at = min(2 * self._bar, self._ceiling), now

    @property
    def share(self) -> float:
        """Probability that a user is in the panel."""
        return self._bar / 2**64

    def histories(self) -> list[History]:
        """Every history, in an order that says nothing of the users."""
        return [self._users[place] for place in sorted(self._users)]

    def snapshot(self) -> dict[str, Any]:
        """State as a value for msgpack."""
        bars = [str(bar) for bar in (self._bar, self._ceiling, self._whole)]  # beyond 64 bits of msgpack
        told = {"bars": bars, "raised_at": self._raised_at, "anonymous": self.anonymous}
        return told | {"users": self._users}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a snapshot."""
        self._bar, self._ceiling, self._whole = (int(bar) for bar in state["bars"])
        self._raised_at, self.anonymous = state["raised_at"], state["anonymous"]
        self._users = {int(place): msgspec.convert(h, History) for place, h in state["users"].items()}
