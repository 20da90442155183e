"""The recent past in windows: what effect sizes, coverage, shares and onsets are read from."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
from scipy.special import betaincinv

from app.core import novelty, ranges
from app.core.coverage import Counts
from app.core.effect import squared_shift, wilson
from app.core.fixedpoint import SHARE_SCALE, WORDING_SCALE
from app.core.folding import Fold, SumKey
from app.core.ranges import Counted
from app.core.reference import Reference
from app.core.watch import PREFIX
from schemas.readings import Interval, OffsetRange, Uncovered, UnknownTokens, WatchRate
from schemas.ticks import TickSum

KEPT_WINDOWS = 64
WATCHED_TAIL = 0.01
EFFECT_UNITS = 512  # that a reading looks back on, at the least
NOWHERE = SumKey(0, 0, "", None, None)


@dataclass(slots=True)
class Window:
    """Sums of consecutive ticks, about `window_units` units."""

    start: float
    end: float
    total: Fold = field(default_factory=Fold)
    counted: list[Counted] = field(default_factory=list)

    @property
    def middle(self) -> float:
        """The event time for which day and week are asked what they let expect."""
        return (self.start + self.end) / 2

    def add(self, fold: Fold, counted: list[Counted], end: float) -> None:
        """Fold one tick."""
        self.total.merge(fold)
        self.end = max(self.end, end)
        self.counted = ranges.merged([*self.counted, *counted])


class History:
    """The last KEPT_WINDOWS windows; about 100 KB."""

    def __init__(self) -> None:
        self._windows: deque[Window] = deque(maxlen=KEPT_WINDOWS)

    def append(self, window: Window) -> None:
        """Keep a closed window; the oldest goes."""
        self._windows.append(window)

    @classmethod
    def of(cls, window: Window | None) -> "History":
        """A history of at most one window."""
        out = cls()
        if window is not None:
            out.append(window)
        return out

    def extended(self, window: Window) -> "History":
        """A view with one more window; this history is unchanged."""
        out = History()
        out._windows.extend([*self._windows, window])
        return out

    @property
    def windows(self) -> list[Window]:
        """All of them, oldest first."""
        return list(self._windows)

    @property
    def end(self) -> float | None:
        """Where the newest window ends; None without windows."""
        return self._windows[-1].end if self._windows else None

    def recent(self, units: int, since: float | None = None) -> list[Window]:
        """The newest windows that together hold at least `units` units, none that ends before `since`."""
        out: list[Window] = []
        held = 0
        for window in reversed(self._windows):
            if held >= units or (since is not None and window.end <= since and out):
                break
            out.append(window)
            held += window.total.units
        return out[::-1]

    def snapshot(self) -> list[tuple[Any, ...]]:
        """State as plain types and structs."""
        return [(w.start, w.end, w.total.to_wire(NOWHERE), w.counted) for w in self._windows]

    def restore(self, state: list[tuple[Any, ...]]) -> None:
        """Take over a snapshot."""
        self._windows.clear()
        for start, end, total, counted in state:
            fold = Fold.from_wire(msgspec.convert(total, TickSum))
            self._windows.append(Window(start, end, fold, [Counted(*each) for each in counted]))


def effect(windows: list[Window], reference: Reference) -> Interval | None:
    """Unbiased squared shift of the windows' units from a reference; None below two windows."""
    if len(windows) < 2:
        return None
    sums = np.array([w.total.sums["wording"] for w in windows]) / WORDING_SCALE
    counts = np.array([w.total.units for w in windows], float)
    return squared_shift(sums, counts, reference.eyes["wording"].spectrum)


def counted(windows: Sequence[Window], evalset: str) -> list[Counts]:
    """What the windows counted against an eval set."""
    return [w.total.coverage[evalset] for w in windows if evalset in w.total.coverage]


def measured(windows: Sequence[Window], evalset: str) -> int:
    """Units of the windows that were measured against an eval set."""
    return sum(counts.units for counts in counted(windows, evalset))


def uncovered(windows: Sequence[Window], evalset: str | None) -> Uncovered | None:
    """Share of the windows' units that an eval set does not cover; None where none was measured."""
    found = [] if evalset is None else counted(windows, evalset)
    units = sum(counts.units for counts in found)
    return wilson(sum(counts.uncovered for counts in found), units) if units else None


def surely_uncovered(windows: Sequence[Window], evalset: str, error: float) -> float:
    """Uncovered share at the least, at a one-sided error (Clopper and Pearson, 1934, Biometrika 26)."""
    units = measured(windows, evalset)
    hits = sum(counts.uncovered for counts in counted(windows, evalset))
    return float(betaincinv(hits, units - hits + 1, error)) if hits else 0.0


def unknown_tokens(windows: list[Window], reference: Reference) -> UnknownTokens:
    """Mean share of unknown tokens of the reference's units and of the windows'."""
    units = max(sum(w.total.units for w in windows), 1)
    now = sum(w.total.unknown for w in windows) / SHARE_SCALE / units
    before = float(reference.rows.unknown.mean())
    return UnknownTokens(share_before=round(before, 6), share_now=round(now, 6))


def watch_rates(windows: list[Window], reference: Reference) -> list[WatchRate]:
    """Of each watch, the share of units beyond the reference's 99 % score, there and in the windows.

    The border is that of a bin of p-values, the one nearest to 1 %.
    """
    watches = reference.watches
    if watches is None:
        return []
    tail = novelty.tail_bins(reference.units, WATCHED_TAIL)
    border = novelty.bin_edges(reference.units)[tail] * (1 + 1e-12)
    units = max(sum(w.total.units for w in windows), 1)
    rates = []
    for name, scores in watches.scores.items():
        hits = sum(int(w.total.novelty[PREFIX + name][:tail].sum()) for w in windows)
        before = float((novelty.p_values(scores, scores) <= border).mean())
        rates.append(WatchRate(name=name, rate_before=round(before, 6), rate_now=round(hits / units, 6)))
    return sorted(rates, key=lambda rate: -rate.rate_now)


def offset_ranges(windows: list[Window]) -> list[OffsetRange]:
    """Exactly the units that the windows rest on."""
    return ranges.told(each for window in windows for each in window.counted)
