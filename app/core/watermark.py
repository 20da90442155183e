"""How far event time has come in one partition, told by the log alone."""

from collections import deque
from typing import Any

WITNESSES, AMONG = 3, 5  # of the last AMONG events, WITNESSES must have reached a time for it to count
AHEAD_SECONDS = 7 * 86_400.0  # beyond this a time is a broken clock's


class Watermark:
    """No event older than `value` is still to come; one that comes nevertheless is outside, and left out.

    A single absurd time must not move it: it would close the future.  Among the last five events three
    must agree, so that a few absurd times in a partition's whole life do not add up either.

    >>> mark = Watermark(lateness_seconds=10.0)
    >>> [mark.admits(time) for time in (100.0, 101.0, 102.0, 4e9, 95.0, 89.0)], mark.value
    ([True, True, True, False, True, False], 91.0)
    """

    def __init__(self, *, lateness_seconds: float) -> None:
        self._lateness = lateness_seconds
        self._recent: deque[float] = deque(maxlen=AMONG)
        self._top: float | None = None  # event time that WITNESSES of AMONG events in a row have reached

    @property
    def value(self) -> float | None:
        """Epoch seconds; None before the third event."""
        return None if self._top is None else self._top - self._lateness

    def admits(self, time: float) -> bool:
        """Whether an event is neither late nor days ahead; it may move the watermark, which never falls."""
        top = self._top
        inside = top is None or top - self._lateness <= time <= top + AHEAD_SECONDS
        self._recent.append(time)
        if len(self._recent) >= WITNESSES:
            reached = sorted(self._recent)[-WITNESSES]
            self._top = reached if top is None else max(top, reached)
        return inside

    def snapshot(self) -> dict[str, Any]:
        """State as a value for msgpack."""
        return {"recent": list(self._recent), "top": self._top}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a snapshot."""
        self._recent = deque(state["recent"], maxlen=AMONG)
        self._top = state["top"]
