"""One metric of an application: rows by version and scorer, labels by people, and its course in time."""

import math
from collections import Counter
from typing import Any, TypeVar

import msgspec

from app.core.quality_arms import Arm, Held
from app.core.quality_rows import PEOPLE, Grade
from app.core.quality_runs import Runs
from app.core.selection import DRIFTED, NOVEL, UNCOVERED
from app.core.shifts import Course
from schemas.quality import Dimension, QualityCounts, VersionQuality

MOST_ARMS = 8  # versions and scorers whose rows are remembered
MOST_RIVALS = 4  # candidates and scorers, likewise
MOST_TOLD = 8  # versions of which at least the last word is
MOST_CELLS = 512
SETTLED = 8  # scores of a cell until its mean is something to differ from
OTHER_QUESTIONS = (DRIFTED, NOVEL, UNCOVERED)  # reasons of samples that are not like those before
P = TypeVar("P", int, str)


class QualityMetric:
    """Restorable.  `count` each row in order; everything else is read off."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.dimension: Dimension | None = None
        self.arms: dict[tuple[int, str], Arm] = {}  # by version and scorer
        self.rivals: dict[tuple[str, str], Arm] = {}  # by candidate and scorer
        self.runs = Runs()
        self.told: dict[int, VersionQuality] = {}  # the last word on each version
        self.course = Course()
        self.told_at = -math.inf  # event time of the last reading
        self.fresh = 0  # rows since then
        self.state = "learning"
        self.detected: float | None = None
        self._counts = Counter[str]()
        self._cells: dict[str, tuple[int, float]] = {}  # scorer, cluster, reason -> scores and their sum

    def note(self, name: str, count: int = 1) -> None:
        """Add to one of the counts."""
        self._counts[name] += count

    @property
    def counts(self) -> QualityCounts:
        """What became of the rows so far."""
        return QualityCounts(**self._counts)

    def count(self, row: Grade, version: int) -> None:
        """Take in one row of live traffic, or a label."""
        arm = _arm(self.arms, (version, row.scorer), MOST_ARMS)
        held = _held(row)
        known = arm.find(row.target)
        if known is not None and (held.score is None or known.score == held.score):
            self.note("duplicates")
            return
        arm.put(row.target, held)
        self.fresh += 1
        self.dimension = row.dimension or self.dimension
        if known is not None and known.score is not None:
            self.note("corrected")
            return
        self.note("received", known is None)
        if row.score is None:
            self.note("failed" if row.failed else "kept")
            return
        self.note("labels" if row.scorer == PEOPLE else "scored")
        if row.scorer != PEOPLE and row.reason not in OTHER_QUESTIONS:
            self._follow(row, row.score)

    def challenge(self, candidate: str, row: Grade) -> None:
        """Take in one row of a candidate."""
        arm = _arm(self.rivals, (candidate, row.scorer), MOST_RIVALS)
        known = arm.find(row.target)
        if known is not None and (row.score is None or known.score == row.score):
            self.note("duplicates")
            return
        arm.put(row.target, _held(row))
        self.note("candidates", known is None)
        self.fresh += 1

    def ran(self, row: Grade) -> None:
        """Take in one item of a run of the eval set."""
        changed = self.runs.take(row)
        self.note("items" if changed else "duplicates")
        self.fresh += changed
        self.dimension = row.dimension or self.dimension

    def _follow(self, row: Grade, score: float) -> None:
        """Add to the course what a score is beyond those of like questions: other questions move nothing."""
        cell = f"{row.scorer}|{row.stratum}|{row.reason}"
        count, total = self._cells.pop(cell, (0, 0.0))
        self._cells[cell] = count + 1, total + score
        if len(self._cells) > MOST_CELLS:
            del self._cells[next(iter(self._cells))]
        if count >= SETTLED:
            reached = self.course.ends[-1] if self.course.ends else row.at
            self.course.append((1 + score - total / count) / 2, max(row.at, reached))

    def keep(self, versions: set[int]) -> None:
        """Drop what was said of versions that are not kept any more."""
        for place in [place for place in self.arms if place[0] not in versions]:
            del self.arms[place]
        for gone in set(self.told) - versions:
            del self.told[gone]

    def copy(self) -> "QualityMetric":
        """A metric of its own, which may be read ahead."""
        out = QualityMetric.restore(self._without_arms())
        out.arms = {place: arm.copy() for place, arm in self.arms.items()}
        out.rivals = {place: arm.copy() for place, arm in self.rivals.items()}
        return out

    def snapshot(self) -> dict[str, Any]:
        """State as a value for msgpack."""
        arms = [(*place, arm.snapshot()) for place, arm in self.arms.items()]
        rivals = [(*place, arm.snapshot()) for place, arm in self.rivals.items()]
        return {**self._without_arms(), "arms": arms, "rivals": rivals}

    def _without_arms(self) -> dict[str, Any]:
        return {
            "name": (self.name, self.dimension),
            "arms": [],
            "rivals": [],
            "runs": self.runs.snapshot(),
            "told": list(self.told.items()),
            "course": self.course.snapshot(),
            "at": (self.told_at, self.fresh, self.state, self.detected),
            "counts": dict(self._counts),
            "cells": [(cell, *sums) for cell, sums in self._cells.items()],
        }

    @classmethod
    def restore(cls, state: dict[str, Any]) -> "QualityMetric":
        """Inverse of `snapshot`."""
        name, dimension = state["name"]
        out = cls(name)
        out.dimension = dimension
        out.arms = {(version, scorer): Arm.restore(arm) for version, scorer, arm in state["arms"]}
        out.rivals = {(who, scorer): Arm.restore(arm) for who, scorer, arm in state["rivals"]}
        out.runs = Runs.restore(state["runs"])
        out.told = {number: msgspec.convert(told, VersionQuality) for number, told in state["told"]}
        out.course = Course.restore(state["course"])
        out.told_at, out.fresh, out.state, out.detected = state["at"]
        out._counts = Counter(state["counts"])
        out._cells = {cell: (count, total) for cell, count, total in state["cells"]}
        return out


def _held(row: Grade) -> Held:
    return Held(row.at, row.stratum, row.reason, row.inclusion, row.selection, row.score)


def _arm(arms: dict[tuple[P, str], Arm], place: tuple[P, str], most: int) -> Arm:
    """Made at first sight; the one not heard of for longest goes, its last word stays."""
    if place not in arms:
        arms[place] = Arm()
        if len(arms) > most:
            others = [each for each in arms if each != place]
            del arms[min(others, key=lambda each: (arms[each].last, str(each)))]
    return arms[place]
