"""A metric of labels: the share of each in one arm, and two arms compared by all of them.

A share is a metric of yes and no (`comparison`).  As many are looked at as there may be labels, so each has
that part of the level (Bonferroni), and the one that differs most surely speaks for all.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from app.core.comparison import GROUPS, Tally, Verdict, compare
from app.core.fixedpoint import Floats

MOST_LABELS = 20
OTHER = "other"  # every label beyond
TESTS = MOST_LABELS + 1
LEVEL = 0.05 / TESTS


class LabelTally:
    """Labels of one arm, summed by group of users.  State: (1 + labels) * GROUPS numbers.

    >>> tally = LabelTally()
    >>> for user in range(4): tally.update(user, "billing" if user else "other")
    >>> tally.shares()
    {'billing': 0.75, 'other': 0.25}
    """

    def __init__(self) -> None:
        self._counts: Floats = np.zeros(GROUPS)
        self._sums: dict[str, Floats] = {}

    @property
    def count(self) -> float:
        """Outcomes."""
        return float(self._counts.sum())

    def update(self, user: int, label: str) -> None:
        """Count one outcome of a user (any integer hash)."""
        self._counts[user % GROUPS] += 1
        self._add(user, label, 1)

    def replace(self, user: int, old: str, new: str) -> None:
        """Another label of an outcome; nothing where that was counted in sums that were dropped since."""
        held = self._sums.get(self._name(old))
        if held is not None and held[user % GROUPS] > 0:
            self._add(user, old, -1)
            self._add(user, new, 1)

    def _add(self, user: int, label: str, step: int) -> None:
        self._sums.setdefault(self._name(label), np.zeros(GROUPS))[user % GROUPS] += step

    def _name(self, label: str) -> str:
        return label if label in self._sums or len(self._sums) < MOST_LABELS else OTHER

    def of(self, label: str) -> Tally:
        """The share of one label, as the outcomes of a boolean metric."""
        sums = self._sums.get(label, np.zeros(GROUPS)).copy()
        return Tally(self._counts.copy(), sums, squares=float(sums.sum()))

    def shares(self) -> dict[str, float]:
        """Of each label, the most frequent first."""
        totals = {label: float(sums.sum()) / self.count for label, sums in self._sums.items()}
        return {label: share for label, share in sorted(totals.items(), key=lambda it: -it[1]) if share > 0}

    def bare(self) -> "LabelTally":
        """A copy."""
        return LabelTally.restore(self.snapshot())

    def snapshot(self) -> list[Any]:
        """State as a value for msgpack; groups without outcomes take no room."""
        held = np.flatnonzero(self._counts)
        rows = [(label, sums[held].astype("<f8").tobytes()) for label, sums in self._sums.items()]
        return [held.astype("<u2").tobytes(), self._counts[held].astype("<f8").tobytes(), rows]

    @classmethod
    def restore(cls, state: Sequence[Any]) -> "LabelTally":
        """Inverse of `snapshot`."""
        out, held = cls(), np.frombuffer(state[0], "<u2")
        out._counts[held] = np.frombuffer(state[1], "<f8")
        for label, raw in state[2]:
            out._sums[label] = np.zeros(GROUPS)
            out._sums[label][held] = np.frombuffer(raw, "<f8")
        return out


def leading_label(old: LabelTally, new: LabelTally) -> tuple[str, Verdict] | None:
    """The label whose share differs most surely between two arms; None where outcomes or users are too few.

    The interval and the p-value hold for all labels together, at every look.  Cost O(labels * GROUPS).

    >>> old, new = LabelTally(), LabelTally()
    >>> for user in range(2000):
    ...     old.update(user, "abc"[user % 3]); new.update(user, "aab"[user % 3])
    >>> label, told = leading_label(old, new); label, round(told.difference.value, 2), told.decided
    ('a', 0.33, True)
    """
    found: list[tuple[str, Verdict]] = []
    for label in {**new.shares(), **old.shares()}:
        told = compare(old.of(label), new.of(label), level=LEVEL)
        if told is not None:
            found.append((label, told))
    if not found:
        return None
    label, told = min(found, key=lambda each: (each[1].p_value, -abs(each[1].difference.value), each[0]))
    return label, Verdict(
        difference=told.difference, p_value=min(1.0, TESTS * told.p_value), explained=told.explained
    )
