"""From "N false pages per 30 days" to a run length in units, kept up as traffic changes.

Expected false pages add up whatever depends on what, so a budget is split by simple shares: each of k
monitors that may page gets 1/k of it, and each of s segments 1/s of that.

The run length follows the traffic by event time: once an hour the rate of the last week's closed hours is
compared with the one in force.  Everything here is a function of the closed buckets, hence of the log.
"""

import math
from dataclasses import dataclass, field

from scipy.special import gammaincinv, ndtr

from schemas.readings import Budget

SECONDS_PER_30_DAYS = 30 * 86_400.0
SHORTEST_RUN = 1_000_000.0
HOUR_SECONDS = 3_600.0
FEWEST_HOURS, KEPT_HOURS = 24, 168  # a rate needs a whole day, and forgets after a week
HYSTERESIS = 1.25
LONGEST_SILENCE = 86_400.0  # seconds; a leap of event time beyond this is a clock, not time watched


def run_length(pages_per_30_days: float, units_per_second: float) -> float:
    """Units between false alarms that keep the promise at a unit rate.

    At least 1,000,000: below that a threshold buys little speed (delay grows with the logarithm of the
    run length) and a replay of a short file would page on nothing.

    Raises: ValueError unless both are positive.

    >>> run_length(1.0, 2.0)
    5184000.0
    """
    if pages_per_30_days <= 0 or units_per_second <= 0:
        raise ValueError("pages per 30 days and the unit rate must be positive")
    return max(SECONDS_PER_30_DAYS * units_per_second / pages_per_30_days, SHORTEST_RUN)


def share(pages_per_30_days: float, *, monitors: int = 1, segments: int = 1) -> float:
    """One monitor's part, in one of its segments, of an application's budget.

    >>> share(1.0, monitors=2)
    0.5
    """
    return pages_per_30_days / (monitors * segments)


def poisson_interval(count: int, error: float = 0.05) -> tuple[float, float]:
    """Exact interval of the expected number behind a Poisson count (Garwood, 1936, Biometrika 28).

    >>> [round(limit, 2) for limit in poisson_interval(3)]
    [0.62, 8.77]
    """
    low = float(gammaincinv(count, error / 2)) if count else 0.0
    return low, float(gammaincinv(count + 1, 1 - error / 2))


def look_error(run_length: float, window_units: int) -> float:
    """One-sided error of each look at a moving window, so that all looks alarm once in a run length.

    The maximum of a moving sum of independent units passes z once in window / (z * pdf(z)) units (Slepian
    process; Pickands, 1969, Transactions of the AMS 145, with H = 1); solved for z, at least 2.

    >>> f"{look_error(1e6, 512):.1e}"
    '3.0e-05'
    """
    low, high = 2.0, 12.0
    for _ in range(60):
        z = (low + high) / 2
        often = z * math.exp(-z * z / 2) / math.sqrt(2 * math.pi) * run_length > window_units
        low, high = (z, high) if often else (low, z)
    return float(ndtr(-high))


@dataclass(slots=True)
class Account:
    """What one monitor has promised since its baseline, and how often it alarmed.

    Units and seconds inside an alarm count towards the rate of traffic and towards no promise: an alarm
    that is on cannot begin.

    >>> account = open_account(1.0, 2.0)
    >>> for hour in range(48):
    ...     account.count(14_400, time=3600.0 * hour, at_risk=True)  # 4 a second, twice what it was
    >>> account.run_length, round(account.promised, 3)
    (10368000.0, 0.101)
    """

    pages_per_30_days: float
    units_per_second: float  # the rate that the run length in force rests on
    run_length: float
    promised: float = 0.0  # false alarms that the run lengths in force allowed
    seconds: float = 0.0  # event time watched outside alarms
    alarms: int = 0
    units: int = 0
    keyless: int = 0  # of them
    latest: float | None = None
    hours: list[int] = field(default_factory=list)  # units of closed whole hours, the oldest first
    hour: int | None = None  # the open one
    hour_units: int = 0
    hour_whole: bool = False  # the first rarely is, and is left out

    @property
    def threshold(self) -> float:
        """Drift score (log10 run length) at which a page is due."""
        return math.log10(self.run_length)

    def count(self, units: int, *, time: float, at_risk: bool, keyless: int = 0) -> None:
        """Count the units of one closed bucket that begins at an event time."""
        self._follow(int(time // HOUR_SECONDS))
        self.hour_units += units
        self.units, self.keyless = self.units + units, self.keyless + keyless
        passed = 0.0 if self.latest is None else min(max(time - self.latest, 0.0), LONGEST_SILENCE)
        self.latest = time if self.latest is None else max(self.latest, time)
        if at_risk:
            self.promised += units / self.run_length
            self.seconds += passed

    def _follow(self, hour: int) -> None:
        """Close the hours before this one, and see whether the rate has moved."""
        if self.hour is not None and hour <= self.hour:
            return
        if self.hour is not None:
            silent = min(hour - self.hour - 1, int(LONGEST_SILENCE / HOUR_SECONDS))
            closed = [self.hour_units] * self.hour_whole + [0] * silent
            self.hours = [*self.hours, *closed][-KEPT_HOURS:]
            self.hour_whole = True
            self._derive()
        self.hour, self.hour_units = hour, 0

    def _derive(self) -> None:
        """Another run length, once a whole day says that the rate differs by more than a quarter."""
        rate = sum(self.hours) / (HOUR_SECONDS * max(len(self.hours), 1))
        moved = rate > HYSTERESIS * self.units_per_second or HYSTERESIS * rate < self.units_per_second
        if len(self.hours) >= FEWEST_HOURS and rate > 0 and moved:
            self.units_per_second = rate
            self.run_length = run_length(self.pages_per_30_days, rate)

    def reading(self, *, kept: bool) -> Budget:
        """Promised and realised, as readings tell it; what is not promised is not quoted."""
        low, high = poisson_interval(self.alarms)
        return Budget(
            pages_per_30_days=self.pages_per_30_days,
            units_per_second=round(self.units_per_second, 6),
            days=round(self.seconds / 86_400.0, 4),
            promised=round(self.promised, 6) if kept else None,
            alarms=self.alarms,
            low=round(low, 4),
            high=round(high, 4),
        )

    def rebudget(self, pages_per_30_days: float) -> None:
        """Take over another budget, where the settings have changed; what was promised stays promised."""
        if pages_per_30_days != self.pages_per_30_days:
            self.pages_per_30_days = pages_per_30_days
            self.run_length = run_length(pages_per_30_days, self.units_per_second)


def open_account(pages_per_30_days: float, units_per_second: float) -> Account:
    """Nothing watched yet, at the rate of the baseline."""
    return Account(pages_per_30_days, units_per_second, run_length(pages_per_30_days, units_per_second))
