"""Rows of one version under one scorer: at most so many, of more a half by hash, with chances kept right."""

from typing import Any

import msgspec
import numpy as np

from app.core.estimates import FEWEST, Row
from app.core.selection import DRIFTED, NOVEL, UNCOVERED
from app.core.units import hash64

MOST_SCORED, MOST_KEPT = 4096, 2048
GONE_SECONDS = 6 * 3600.0  # of others' answers alone: a version no longer serves, as after a rollback
UNLIKE = "like nothing before"
UNSORTED = "from before it was known what grew"
Placed = tuple[str, Row]  # the cluster of a row, and the row; its own stratum is finer: why it was chosen


class Held(msgspec.Struct, array_like=True, frozen=True):
    """One row as an estimate needs it."""

    at: float
    stratum: str
    reason: str
    inclusion: float
    selection: float
    score: float | None


class Thinned:
    """Rows by target, at most `most`: when there are more, those of a half of all hashes stay.

    What stays is a function of the targets, in whatever order they came; `share` is the chance with which.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.share = 1.0
        self.rows: dict[int, Held] = {}

    def put(self, target: int, row: Held) -> None:
        """Take a row in, or put it in the place of the one that there is; where it falls outside, drop it."""
        if self.admits(target):
            self.rows[target] = row
        while len(self.rows) > self._most:
            self.share /= 2
            self.rows = {known: held for known, held in self.rows.items() if self.admits(known)}

    def admits(self, target: int) -> bool:
        """Whether a target is of those that stay."""
        return self.share == 1.0 or hash64(f"held:{target}") < self.share * 2**64

    def copy(self) -> "Thinned":
        """Rows are never changed, so they are shared."""
        out = Thinned(self._most)
        out.share, out.rows = self.share, dict(self.rows)
        return out


class Arm:
    """Scored rows and those that were only kept."""

    def __init__(self) -> None:
        self.scored, self.kept = Thinned(MOST_SCORED), Thinned(MOST_KEPT)
        self.first, self.last = float("inf"), float("-inf")
        self.changed = True  # since it was read last

    def find(self, target: int) -> Held | None:
        """The row of a target that is remembered."""
        return self.scored.rows.get(target) or self.kept.rows.get(target)

    def put(self, target: int, row: Held) -> None:
        """One row; a score takes the place of a row without one."""
        if row.score is None:
            self.kept.put(target, row)
        else:
            self.kept.rows.pop(target, None)
            self.scored.put(target, row)
        self.first, self.last = min(self.first, row.at), max(self.last, row.at)
        self.changed = True

    @property
    def sorted_since(self) -> float:
        """From when on rows were told apart by what grew; always, where hardly any lies there.

        What grew is known some time after it began; until then its rows are in clusters of the eval set.
        """
        grown = [row.at for row in self.scored.rows.values() if row.reason == DRIFTED]
        return min(grown) if len(grown) >= FEWEST else float("-inf")

    def between(
        self,
        start: float = float("-inf"),
        end: float = float("inf"),
        *,
        unlike: bool = False,
        sorted_since: float = float("-inf"),
    ) -> list[Placed]:
        """Rows of start <= time < end.  `unlike`: what is not as before has clusters of its own.

        Rows of before `sorted_since` are in one cluster of their own.
        """
        return [
            (
                UNSORTED if row.at < sorted_since else _like(row) if unlike else row.stratum,
                Row(
                    stratum=f"{row.stratum}|{row.reason}",
                    inclusion=row.inclusion * part.share,
                    selection=row.selection,
                    score=row.score,
                ),
            )
            for part in (self.scored, self.kept)
            for row in part.rows.values()
            if start <= row.at < end
        ]

    def copy(self) -> "Arm":
        """An arm of its own."""
        out = Arm()
        out.scored, out.kept = self.scored.copy(), self.kept.copy()
        out.first, out.last, out.changed = self.first, self.last, self.changed
        return out

    def snapshot(self) -> dict[str, Any]:
        """State as a value for msgpack: columns, names once."""
        names: dict[str, int] = {}
        parts = []
        for part in (self.scored, self.kept):
            rows = part.rows.values()
            places = [
                names.setdefault(name, len(names)) for row in rows for name in (row.stratum, row.reason)
            ]
            numbers = [[row.at, row.inclusion, row.selection, row.score or 0.0] for row in rows]
            targets = np.fromiter(part.rows, "<u8", len(part.rows))
            columns = np.array(numbers, "<f8").reshape(-1, 4).T
            parts.append(
                (part.share, targets.tobytes(), np.array(places, "<u2").tobytes(), columns.tobytes())
            )
        return {"parts": parts, "names": list(names), "span": (self.first, self.last)}

    @classmethod
    def restore(cls, state: dict[str, Any]) -> "Arm":
        """Inverse of `snapshot`."""
        out, names = cls(), state["names"]
        out.first, out.last = state["span"]
        for part, (share, targets, places, columns) in zip(
            (out.scored, out.kept), state["parts"], strict=True
        ):
            part.share = share
            told = np.frombuffer(targets, "<u8").tolist()
            where = np.frombuffer(places, "<u2").reshape(-1, 2).tolist()
            numbers = np.frombuffer(columns, "<f8").reshape(4, -1).T.tolist()
            for target, (stratum, reason), (at, inclusion, selection, score) in zip(
                told, where, numbers, strict=True
            ):
                known = score if part is out.scored else None
                part.rows[target] = Held(at, names[stratum], names[reason], inclusion, selection, known)
        return out


def _like(row: Held) -> str:
    """The cluster of like questions; what is like nothing before, or lies where something grew, is apart."""
    if row.reason in (NOVEL, UNCOVERED):
        return UNLIKE
    return f"{row.stratum}, grown" if row.reason == DRIFTED else row.stratum
