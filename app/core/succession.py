"""The eval set in force and those before it: a dual run, whose borders are places of the log.

A new eval set is measured from an event time on that its publisher chose, ahead of what was read by then, so
every worker counts the same units against it.  The one before is measured for a while longer, and the gap is
told against it until a whole look at recent traffic was measured against the new one: a new reference is
neither drift nor, for want of numbers, good news.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.core.history import EFFECT_UNITS, Window, measured
from app.core.reference import Reference

LOOKS = 4  # at recent traffic, by the rate of the baseline, until the one before is measured no more
SHORTEST_SECONDS = 3600.0
HELD = 3  # a version that is soon taken back is followed by the one before it


@dataclass(frozen=True, slots=True)
class Succession:
    """Eval sets of one application: the newest, and those that it takes over from."""

    newest: Reference | None = None
    since: float | None = None  # event time from which units are measured against the newest; None: all
    before: "Succession | None" = None

    def at(self, time: float, units_per_second: float) -> tuple[Reference, ...]:
        """The eval sets that a unit of this event time is measured against, the newest first."""
        if self.newest is None:
            return ()
        if self.since is None:
            return (self.newest,)
        older = () if self.before is None else self.before.at(time, units_per_second)
        if time < self.since:
            return older
        overlap = max(LOOKS * EFFECT_UNITS / units_per_second, SHORTEST_SECONDS)
        beside = older if time < self.since + overlap else ()
        return (self.newest, *(each for each in beside if each.id != self.newest.id))

    @property
    def cluster_counts(self) -> dict[str, int]:
        """Number of clusters of each."""
        older = {} if self.before is None else self.before.cluster_counts
        return older if self.newest is None else older | {self.newest.id: len(self.newest.clusters.names)}

    def told(self, windows: Sequence[Window]) -> Reference | None:
        """The eval set that the gap of these windows is told against."""
        if self.newest is None or self.before is None or whole(windows, self.newest):
            return self.newest
        older = self.before.told(windows)
        return older if older is not None and whole(windows, older) else self.newest

    def progress(self, windows: Sequence[Window]) -> str | None:
        """How far the newest has come with these windows, in words; None where it is there.

        Before it begins nothing is said, for a worker may not have heard of it yet.
        """
        if self.newest is None or whole(windows, self.newest):
            return None
        if self.since is not None and self.before is not None and windows[-1].end <= self.since:
            return None
        of = f"{measured(windows, self.newest.id):,} of {units_of(windows):,}"
        if self.told(windows) is self.newest:
            return f"{of} recent units were measured against this eval set"
        return f"{self.newest.id} takes over when all recent units were measured against it ({of})"

    def followed_by(self, newest: Reference, since: float | None) -> "Succession":
        """With another eval set in force; itself where it is in force already."""
        if self.newest is not None and self.newest.id == newest.id:
            return self
        return Succession(newest, since, None if self.newest is None else self._shortened(HELD - 1))

    def _shortened(self, held: int) -> "Succession":
        """So many of the newest."""
        shorter = None if self.before is None or held <= 1 else self.before._shortened(held - 1)
        return replace(self, before=shorter)

    def after(self, everyone: "Succession") -> "Succession":
        """An application's own eval sets, the first of which may follow the one that serves everyone."""
        if self.newest is None:
            return everyone
        if self.before is None and self.since is not None and everyone.newest is not None:
            return replace(self, before=everyone._shortened(HELD - 1))
        return self


NONE = Succession()


def whole(windows: Sequence[Window], evalset: Reference) -> bool:
    """Whether every unit of the windows was measured against an eval set."""
    return measured(windows, evalset.id) == units_of(windows)


def units_of(windows: Sequence[Window]) -> int:
    """Units of the windows."""
    return sum(window.total.units for window in windows)
