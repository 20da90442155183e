"""How far event time has come in one partition, told by the log alone."""

from collections import deque
from statistics import median
from typing import Any

WITNESSES, AMONG = 3, 5  # of the last AMONG events, WITNESSES must have reached a time for it to count
LEADS = 33  # events whose median lead over their records says how far ahead this log is written
AHEAD_SECONDS = 7 * 86_400.0  # beyond this a time is a broken clock's


class Watermark:
    """No event older than `value` is still to come; one that comes nevertheless is outside, and left out.

    A wrong clock must not move it: it would close the future for everybody else.  Among the last five
    events three must agree; and where records carry a time of their own, an event is evidence of no time
    later than its record's plus the lead that half of the recent events have (a log written ahead of time
    has one, a few wrong clocks make none).

    >>> mark = Watermark(lateness_seconds=10.0)
    >>> [mark.admits(time) for time in (100.0, 101.0, 102.0, 4e9, 95.0, 89.0)], mark.value
    ([True, True, True, False, True, False], 91.0)
    """

    def __init__(self, *, lateness_seconds: float) -> None:
        self._lateness = lateness_seconds
        self._recent: deque[float] = deque(maxlen=AMONG)
        self._leads: deque[float] = deque(maxlen=LEADS)
        self._top: float | None = None  # event time that WITNESSES of AMONG events in a row have reached

    @property
    def value(self) -> float | None:
        """Epoch seconds; None before the third event."""
        return None if self._top is None else self._top - self._lateness

    def admits(self, time: float, recorded: float | None = None) -> bool:
        """Whether an event is neither late nor days ahead; it may move the watermark, which never falls.

        `recorded`: when its record was written, epoch seconds; None where that is not known.
        """
        top = self._top
        inside = top is None or top - self._lateness <= time <= top + AHEAD_SECONDS
        if recorded is not None:
            self._leads.append(time - recorded)
            latest = recorded + max(median(self._leads), 0.0)
            inside = inside and time <= latest + AHEAD_SECONDS
            time = min(time, latest)
        self._recent.append(time)
        if len(self._recent) >= WITNESSES:
            reached = sorted(self._recent)[-WITNESSES]
            self._top = reached if top is None else max(top, reached)
        return inside

    def snapshot(self) -> dict[str, Any]:
        """State as a value for msgpack."""
        return {"recent": list(self._recent), "leads": list(self._leads), "top": self._top}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a snapshot."""
        self._recent = deque(state["recent"], maxlen=AMONG)
        self._leads = deque(state["leads"], maxlen=LEADS)
        self._top = state["top"]
