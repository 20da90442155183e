"""What holds for one monitor of one application: defaults, refined by monitors as code."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from schemas.monitors import Monitor, Mute

CLEAN_WINDOWS = 8
GAP_ALARM_WINDOWS = 3  # readings of the gap overlap: one excursion is no episode
USUAL: dict[str, dict[str, Any]] = {
    "gap": {"alarm_windows": GAP_ALARM_WINDOWS},
    "adaptation": {"clean_windows": 1},  # its readings are looks, days apart
    "validity": {"clean_windows": 1},
    "silent-change": {"clean_windows": 1},
}
KEPT = 4096
ADDED = ("labels", "annotations")
SELECTORS = ("application", "monitor", "segment")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Resolved: what `schemas.monitors.Monitor` says, with defaults."""

    enabled: bool = True
    tolerance: float | None = None
    critical: float | None = None
    pages_per_30_days: float | None = None
    alarm_windows: int = 1
    clean_windows: int = CLEAN_WINDOWS
    remind_seconds: float | None = None
    escalate_seconds: float | None = None
    sinks: list[str] | None = None
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    runbook: str | None = None
    mute: list[Mute] = field(default_factory=list)


class Rules:
    """Looks rules up.  Pure; what was asked last is remembered.

    >>> rules = Rules([Monitor(tolerance=0.2), Monitor(application="shop-*", tolerance=0.1)])
    >>> rules.of("shop-eu", "gap").tolerance, rules.of("desk", "gap").tolerance
    (0.1, 0.2)
    """

    def __init__(self, given: Sequence[Monitor] = ()) -> None:
        order = sorted(range(len(given)), key=lambda i: (_exactness(given[i]), i))
        self._given = [given[i] for i in order]
        self._known: dict[tuple[str, str, str | None], Rule] = {}

    def of(self, application: str, monitor: str, segment: str | None = None) -> Rule:
        """The rule of one monitor; `segment` None is the whole application, which only `*` matches."""
        place = (application, monitor, segment)
        if place not in self._known:
            if len(self._known) >= KEPT:
                self._known.clear()
            self._known[place] = self._resolve(application, monitor, segment or "")
        return self._known[place]

    def _resolve(self, application: str, monitor: str, segment: str) -> Rule:
        found = dict(USUAL.get(monitor.partition(":")[0], {}))
        for each in self._given:
            names = (each.application, application), (each.monitor, monitor), (each.segment, segment)
            if not all(fnmatchcase(name, pattern) for pattern, name in names):
                continue
            for name, value in msgspec.structs.asdict(each).items():
                if name in ADDED:
                    found[name] = found.get(name, {}) | value
                elif name not in SELECTORS and value is not None:
                    found[name] = value
        return Rule(**found)


def _exactness(given: Monitor) -> tuple[int, int, int]:
    """Literal names over patterns over `*`: by segment, then application, then monitor."""

    def of(pattern: str) -> int:
        return 0 if pattern == "*" else 1 if "*" in pattern else 2

    return of(given.segment), of(given.application), of(given.monitor)
