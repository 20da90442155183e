"""One metric of an application: sums by version, of all time and since the last release, and its course."""

import math
from collections import Counter
from typing import Any

import msgspec
import numpy as np

from app.core.arms import Arms
from app.core.comparison import Tally
from app.core.fixedpoint import Floats
from app.core.label_tally import LabelTally
from app.core.shifts import Course
from app.core.versions import NOBODY
from schemas.outcomes import MetricKind, OutcomeCounts

BEFORE_SLOTS = 4096  # users share one where there are more of them
MOST_ANSWERS = 8192  # of which another value, or the same again, is recognised
LESS_IS_BETTER = ("error", "correction", "escalat", "refus", "reopen", "complain", "latency", "abandon")
MORE_IS_BETTER = (
    "complet",
    "success",
    "solved",
    "resolved",
    "feedback",
    "thumb",
    "rating",
    "satisf",
    "accept",
)


class Answer(msgspec.Struct, array_like=True):
    """What was counted last for one interaction (or conversation): by which outcome, for whom."""

    outcome: int
    value: float
    label: str | None
    version: int
    user: int
    bucket: int  # of the interaction


def better_if_higher(name: str) -> bool | None:
    """The direction of a metric by its name, where nobody told; None: it has none.

    >>> better_if_higher("task_completed"), better_if_higher("error"), better_if_higher("length")
    (True, False, None)
    """
    plain = name.casefold()
    if any(word in plain for word in LESS_IS_BETTER):
        return False
    return True if any(word in plain for word in MORE_IS_BETTER) else None


class Metric:
    """Restorable sums.  `restart` at a release; `count` each outcome, in order."""

    def __init__(self, name: str, kind: MetricKind, *, higher: bool | None, inferred: bool = False) -> None:
        self.name, self.kind, self.inferred = name, kind, inferred
        self.higher = better_if_higher(name) if higher is None else higher
        self._counts = Counter[str]()
        self.numbers = Arms(Tally)
        self.labels = Arms(LabelTally)  # in their place, of a categorical metric
        self.times: dict[int, tuple[float, float]] = {}  # first and last outcome, by version
        self.since: int | None = None  # bucket of the last release
        self.course = Course()
        self.answers: dict[int, Answer] = {}
        self.told_at = -math.inf  # event time of the last reading
        self.fresh = 0  # outcomes since then
        self.state = "learning"
        self.detected: float | None = None
        self._habits = np.zeros((2, BEFORE_SLOTS))  # outcomes and their sums, by user
        self._before = np.zeros((2, BEFORE_SLOTS))  # as they were at the release
        self._usual = 0.0  # everybody's mean then

    def note(self, name: str, count: int = 1) -> None:
        """Add to one of the counts."""
        self._counts[name] += count

    @property
    def counts(self) -> OutcomeCounts:
        """What became of the outcomes so far."""
        return OutcomeCounts(**self._counts)

    def hold(self, waiting: int) -> None:
        """How many outcomes wait for their interaction now."""
        self._counts["waiting"] = waiting

    def restart(self, bucket: int | None) -> None:
        """A version has come: what is counted from now on is compared with each other, and with the past."""
        if bucket == self.since:
            return
        self.since, self._before = bucket, self._habits.copy()
        self._usual = _mean(self._before)
        self.numbers.restart()
        self.labels.restart()

    def count(self, target: int, answer: Answer, time: float) -> None:
        """Count an outcome, or let it take the place of the one that there is for the same target."""
        known = self.answers.pop(target, None)
        self.answers[target] = answer
        if len(self.answers) > MOST_ANSWERS:
            del self.answers[next(iter(self.answers))]
        if known is None:
            self.add(answer, time)
            return
        if known.value == answer.value and known.label == answer.label:
            self.answers[target] = known
            self.note("duplicates")
            return
        self.note("corrected")
        self.answers[target] = msgspec.structs.replace(
            known, outcome=answer.outcome, value=answer.value, label=answer.label
        )
        self.change(known, answer)
        self.fresh += 1

    def add(self, answer: Answer, time: float, *, seen: float | None = None) -> None:
        """Count a first outcome.  Args: seen, what the course of time gets instead of its value."""
        self.note("joined")
        self.fresh += 1
        first, last = self.times.get(answer.version, (time, time))
        self.times[answer.version] = min(first, time), max(last, time)
        version, user, after = answer.version, answer.user, self._is_after(answer)
        if answer.label is not None:
            self.labels.of(version).update(user, answer.label)
            if after:
                self.labels.since_release(version).update(user, answer.label)
            return
        self.numbers.of(version).update(user, answer.value)
        if after:
            self.numbers.since_release(version).update(user, answer.value, self._habit(user))
        slot = user % BEFORE_SLOTS
        self._habits[0, slot] += 1
        self._habits[1, slot] += answer.value
        self.course.append(answer.value if seen is None else seen, time)

    def change(self, known: Answer, answer: Answer) -> None:
        """Take one answer back and count another for it."""
        version, user, after = known.version, known.user, self._is_after(known)
        if known.label is not None and answer.label is not None:
            if version in self.labels.whole:
                self.labels.whole[version].replace(user, known.label, answer.label)
            if after and version in self.labels.since:
                self.labels.since[version].replace(user, known.label, answer.label)
            return
        if version in self.numbers.whole:
            self.numbers.whole[version].replace(user, known.value, answer.value)
        if after and version in self.numbers.since:
            self.numbers.since[version].replace(user, known.value, answer.value, self._habit(user))
        self._habits[1, user % BEFORE_SLOTS] += answer.value - known.value

    def _is_after(self, answer: Answer) -> bool:
        return self.since is not None and answer.bucket > self.since and answer.version != NOBODY

    def _habit(self, user: int) -> float:
        """Mean of the user's outcomes from before the release, else of everybody's."""
        slot = user % BEFORE_SLOTS
        return float((self._before[1, slot] + self._usual) / (self._before[0, slot] + 1))

    def keep(self, versions: set[int]) -> None:
        """Drop the sums of versions that are not kept any more."""
        kept = versions | {NOBODY}
        self.numbers.keep(kept)
        self.labels.keep(kept)
        self.times = {version: span for version, span in self.times.items() if version in kept}

    def snapshot(self) -> dict[str, Any]:
        """State as a value for msgpack."""
        slots = np.flatnonzero(self._habits[0] + self._before[0])
        return {
            "name": (self.name, self.kind, self.higher, self.inferred),
            "counts": dict(self._counts),
            "tallies": self.numbers.snapshot(),
            "labels": self.labels.snapshot(),
            "times": [(n, *span) for n, span in self.times.items()],
            "since": self.since,
            "course": self.course.snapshot(),
            "answers": list(self.answers.items()),
            "told": (self.told_at, self.fresh, self.state, self.detected),
            "slots": slots.astype("<u2").tobytes(),
            "habits": np.vstack([self._habits[:, slots], self._before[:, slots]]).astype("<f8").tobytes(),
        }

    @classmethod
    def restore(cls, state: dict[str, Any]) -> "Metric":
        """Inverse of `snapshot`."""
        name, kind, higher, inferred = state["name"]
        out = cls(name, kind, higher=higher, inferred=inferred)
        out._counts = Counter(state["counts"])
        out.numbers.restore(state["tallies"])
        out.labels.restore(state["labels"])
        out.times = {n: (first, last) for n, first, last in state["times"]}
        out.since, out.course = state["since"], Course.restore(state["course"])
        out.answers = {target: msgspec.convert(each, Answer) for target, each in state["answers"]}
        out.told_at, out.fresh, out.state, out.detected = state["told"]
        slots = np.frombuffer(state["slots"], "<u2")
        habits = np.frombuffer(state["habits"], "<f8").reshape(4, len(slots))
        out._habits[:, slots], out._before[:, slots] = habits[:2], habits[2:]
        out._usual = _mean(out._before)
        return out


def _mean(habits: Floats) -> float:
    count, total = habits.sum(axis=1)
    return float(total / count) if count else 0.0
