"""Who was served by which version: what an outcome finds its interaction in.

Hashes only; at most MOST interactions of an application, and none longer than HORIZON_SECONDS.  Where
traffic is heavier than that, outcomes that name their deployment are counted all the same.
"""

from typing import Any, NamedTuple

import numpy as np

from schemas.outcomes import Served

MOST = 65_536
HORIZON_SECONDS = 7 * 86_400.0


class Entry(NamedTuple):
    """One interaction: the bucket that it was read with, its version, its user (0: unknown)."""

    bucket: int
    version: int
    user: int


class Ledger:
    """Interactions by the hash of their id, and the first one of each conversation."""

    def __init__(self, *, most: int = MOST, base: "Ledger | None" = None) -> None:
        self._most, self._base = most, base
        self._entries: dict[int, Entry] = {}
        self._talks: dict[int, int] = {}

    def __contains__(self, identity: int) -> bool:
        return identity in self._entries

    def add(self, row: Served, bucket: int, version: int) -> None:
        """Remember an interaction; the oldest goes where there are too many."""
        self._entries[row.id] = Entry(bucket, version, row.user or row.conversation or 0)
        if row.conversation is not None:
            self._talks.setdefault(row.conversation, row.id)
            if len(self._talks) > self._most:
                del self._talks[next(iter(self._talks))]
        if len(self._entries) > self._most:
            del self._entries[next(iter(self._entries))]

    def forget(self, before: int) -> None:
        """Drop what was read with buckets before this one."""
        while self._entries and next(iter(self._entries.values())).bucket < before:
            del self._entries[next(iter(self._entries))]

    def find(self, interaction: int | None, conversation: int | None, by: int) -> Entry | None:
        """What was known at the end of bucket `by`: of the interaction, else of the conversation's first."""
        for identity in (interaction, self._talks.get(conversation or 0)):
            entry = None if identity is None else self._entries.get(identity)
            if entry is not None and entry.bucket <= by:
                return entry
        return None if self._base is None else self._base.find(interaction, conversation, by)

    def overlay(self) -> "Ledger":
        """A ledger that knows the same; what it learns this one does not."""
        return Ledger(most=self._most, base=self)

    def snapshot(self) -> dict[str, bytes]:
        """State as little-endian arrays, the oldest first."""
        columns = zip(*((i, *entry) for i, entry in self._entries.items()), strict=True)
        names, kinds = ("id", "bucket", "version", "user"), ("<u8", "<i8", "<i4", "<u8")
        empty: tuple[tuple[int, ...], ...] = ((),) * len(names)
        held = tuple(columns) or empty
        state = {n: np.array(c, k).tobytes() for n, c, k in zip(names, held, kinds, strict=True)}
        state["talk"] = np.array(list(self._talks.keys()), "<u8").tobytes()
        state["first"] = np.array(list(self._talks.values()), "<u8").tobytes()
        return state

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a snapshot."""
        kinds = {"bucket": "<i8", "version": "<i4"}
        column = {name: np.frombuffer(raw, kinds.get(name, "<u8")).tolist() for name, raw in state.items()}
        rows = zip(column["bucket"], column["version"], column["user"], strict=True)
        self._entries = {i: Entry(*row) for i, row in zip(column["id"], rows, strict=True)}
        self._talks = dict(zip(column["talk"], column["first"], strict=True))
