"""One observation per person and horizon: the rule that keeps the false-page promise.

Retries and sessions make prompts depend on each other; counted as independent they take the run
length from 31,000 units to 11 (docs/method.md).  So a user (else conversation) gives one
unit per horizon, his first prompt; one text gives one unit per horizon; an id counts once.

The rule is a deterministic function of the log: no clock, bounded memory, oldest entries first out.
"""

import hashlib
import unicodedata
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np


class Verdict(StrEnum):
    """What the rule says of one interaction before its key is judged."""

    CANDIDATE = "candidate"
    DUPLICATE = "duplicate"  # this id was counted before
    COLLAPSED = "collapsed"  # the same text was counted within the horizon


@dataclass(frozen=True, slots=True)
class Admission:
    """Verdict, hashes of id and key, and seconds since the key's last event (None: first, or keyless)."""

    verdict: Verdict
    id: int
    key: int | None = None
    gap: float | None = None


def is_unit(gap: float | None, horizon_seconds: float) -> bool:
    """Whether a candidate opens a session: its key was silent for the horizon.

    >>> is_unit(None, 60.0), is_unit(5.0, 60.0), is_unit(5.0, 0.0)
    (True, False, True)
    """
    return gap is None or gap >= horizon_seconds


def hash64(text: str) -> int:
    """64-bit hash of a string; lone surrogates are allowed."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def place_of(application: str, user_hash: str | None, id: str) -> int:
    """Where an event lies in every draw, 64 bits: by its user, so that histories are whole, else by its id.

    Who is in a share lies below it: in a smaller share is only who is in every larger one.

    >>> place_of("shop", "ann", "1") == place_of("shop", "ann", "2") != place_of("desk", "ann", "1")
    True
    """
    return hash64(f"event|{id}" if user_hash is None else f"user|{application}|{user_hash}")


def canonical(text: str) -> str:
    """A text without case, width and spacing: what makes a retry exact.

    >>> canonical("  Hello   WORLD ")
    'hello world'
    """
    return " ".join(unicodedata.normalize("NFKC", text[:4000]).casefold().split())


@dataclass(slots=True)
class Memory:
    """Hash -> event time of the last unit, at most `capacity` entries, oldest insertion evicted."""

    capacity: int
    seen: dict[int, float] = field(default_factory=dict)

    def last(self, key: int) -> float | None:
        """When this key was last remembered."""
        return self.seen.get(key)

    def remember(self, key: int, time: float) -> None:
        """Insert or refresh; evicts the oldest insertion beyond capacity."""
        self.seen.pop(key, None)
        self.seen[key] = time
        if len(self.seen) > self.capacity:
            del self.seen[next(iter(self.seen))]

    def snapshot(self) -> dict[str, bytes]:
        """Hashes and times as little-endian arrays, in insertion order."""
        return {
            "keys": np.fromiter(self.seen.keys(), "<u8", len(self.seen)).tobytes(),
            "times": np.fromiter(self.seen.values(), "<f8", len(self.seen)).tobytes(),
        }

    @classmethod
    def restore(cls, capacity: int, state: dict[str, bytes]) -> "Memory":
        """Inverse of `snapshot`."""
        keys = np.frombuffer(state["keys"], "<u8").tolist()
        times = np.frombuffer(state["times"], "<f8").tolist()
        return cls(capacity, dict(zip(keys, times, strict=True)))


class UnitRule:
    """Admits an id once and a text once per horizon, and measures each key's silence.

    Whether a candidate is a unit follows from its gap and the horizon that the baseline demands
    (`is_unit`), so the horizon can be chosen after the fact without another pass over the log.
    State: 16 bytes an entry, at most 3 * capacity entries.

    >>> rule = UnitRule(text_horizon_seconds=60.0)
    >>> for id, text, time in (("1", "hi", 0.0), ("1", "hi", 0.0), ("2", "HI", 5.0), ("3", "x", 90.0)):
    ...     told = rule.admit(id=id, key="ann", text=text, time=time)
    ...     print(told.verdict.value, told.gap)
    candidate None
    duplicate None
    collapsed 5.0
    candidate 85.0
    """

    def __init__(self, *, text_horizon_seconds: float, capacity: int = 16_384) -> None:
        self._horizon = text_horizon_seconds
        self._ids = Memory(capacity)
        self._keys = Memory(capacity)
        self._texts = Memory(capacity)

    def admit(self, *, id: str, key: str | None, text: str, time: float) -> Admission:
        """Judge one interaction; `key` is None for keyless traffic."""
        id_hash = hash64(id)
        if self._ids.last(id_hash) is not None:
            return Admission(Verdict.DUPLICATE, id_hash)
        self._ids.remember(id_hash, time)
        key_hash, gap = None, None
        if key is not None:
            key_hash = hash64(key)
            gap = self._silence(key_hash, time)
        text_hash = hash64(canonical(text))
        counted = self._texts.last(text_hash)
        if counted is not None and abs(time - counted) < self._horizon:
            return Admission(Verdict.COLLAPSED, id_hash, key_hash, gap)
        self._texts.remember(text_hash, time)
        return Admission(Verdict.CANDIDATE, id_hash, key_hash, gap)

    def _silence(self, key: int, time: float) -> float | None:
        """Seconds between this event and the key's last one, which it then becomes.

        Distances, not differences: one event from a clock far ahead must not silence its key for good.
        """
        last = self._keys.last(key)
        if last is None:
            self._keys.remember(key, time)
            return None
        gap = abs(time - last)
        self._keys.remember(key, max(time, last) if gap < self._horizon else time)
        return gap

    def snapshot(self) -> dict[str, Any]:
        """State as a value; the same future follows from it."""
        return {"ids": self._ids.snapshot(), "keys": self._keys.snapshot(), "texts": self._texts.snapshot()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a snapshot."""
        self._ids = Memory.restore(self._ids.capacity, state["ids"])
        self._keys = Memory.restore(self._keys.capacity, state["keys"])
        self._texts = Memory.restore(self._texts.capacity, state["texts"])
