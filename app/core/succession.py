"""The eval set in force and the one before it: a dual run, whose borders are places of the log.

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


@dataclass(frozen=True, slots=True)
class Succession:
    """Eval sets of one application."""

    newest: Reference | None = None
    before: Reference | None = None
    since: float | None = None  # event time from which units are measured against the newest; None: all

    def at(self, time: float, units_per_second: float) -> tuple[Reference, ...]:
        """The eval sets that a unit of this event time is measured against, the newest first."""
        if self.newest is None:
            return ()
        if self.since is None or self.before is None:
            return (self.newest,) if self.since is None or time >= self.since else ()
        if time < self.since:
            return (self.before,)
        overlap = max(LOOKS * EFFECT_UNITS / units_per_second, SHORTEST_SECONDS)
        return (self.newest, self.before) if time < self.since + overlap else (self.newest,)

    @property
    def cluster_counts(self) -> dict[str, int]:
        """Number of clusters of each."""
        held = [each for each in (self.newest, self.before) if each is not None]
        return {each.id: len(each.clusters.names) for each in held}

    def told(self, windows: Sequence[Window]) -> Reference | None:
        """The eval set that the gap of these windows is told against."""
        if self.newest is None or self.before is None:
            return self.newest
        if whole(windows, self.newest) or not whole(windows, self.before):
            return self.newest
        return self.before

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
        return Succession(newest, self.newest, since)

    def after(self, everyone: "Succession") -> "Succession":
        """An application's own eval sets, the first of which may follow the one that serves everyone."""
        if self.newest is None:
            return everyone
        if self.before is None and self.since is not None:
            return replace(self, before=everyone.newest)
        return self


NONE = Succession()


def whole(windows: Sequence[Window], evalset: Reference) -> bool:
    """Whether every unit of the windows was measured against an eval set."""
    return measured(windows, evalset.id) == units_of(windows)


def units_of(windows: Sequence[Window]) -> int:
    """Units of the windows."""
    return sum(window.total.units for window in windows)
