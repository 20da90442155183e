"""Two versions compared while the comparison runs: intervals that hold at every look, however often.

The difference of two means has a confidence sequence from a normal mixture (Robbins, 1970, Ann. Math. Stat.
41; Johari et al., 2022, Operations Research 70): with V the variance of the difference and tau the prior,

    |estimate - truth| <= sqrt(V (V + tau^2) / tau^2 (2 log(1/level) + log((V + tau^2) / V)))   at all times.

One user's outcomes depend on each other, so V comes from sums over groups of users, never from single events.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.special import betaln

from app.core.fixedpoint import Floats
from schemas.readings import Interval

GROUPS = 256
FEWEST = 100  # outcomes of an arm before anything is said: V is an estimate
FEWEST_USERS = 20  # of an arm: a variance over fewer is too small too often
PRIOR = 0.1  # tau in standard deviations of one outcome


@dataclass(slots=True)
class Tally:
    """Outcomes of one arm, summed by group of users: counts, sums and covariate sums, each (GROUPS,).

    A covariate is what is known of the user from before the comparison (Deng et al., 2013, CUPED, WSDM).
    """

    counts: Floats = field(default_factory=lambda: np.zeros(GROUPS))
    sums: Floats = field(default_factory=lambda: np.zeros(GROUPS))
    covariates: Floats = field(default_factory=lambda: np.zeros(GROUPS))
    squares: float = 0.0  # of values
    products: float = 0.0  # of values and covariates
    covariate_squares: float = 0.0

    def update(self, user: int, value: float, covariate: float = 0.0) -> None:
        """Count one outcome of a user (any integer hash).  Raises ValueError unless both are finite."""
        if not (math.isfinite(value) and math.isfinite(covariate)):
            raise ValueError("an outcome must be a finite number")
        group = user % GROUPS
        self.counts[group] += 1
        self.squares += value * value
        if value:
            self.sums[group] += value
        if not covariate:
            return
        self.covariates[group] += covariate
        self.products += value * covariate
        self.covariate_squares += covariate * covariate

    def replace(self, user: int, old: float, new: float, covariate: float = 0.0) -> None:
        """Another value of an outcome that was counted."""
        self.sums[user % GROUPS] += new - old
        self.squares += new * new - old * old
        self.products += (new - old) * covariate

    def bare(self) -> "Tally":
        """A copy without covariates."""
        return Tally(self.counts.copy(), self.sums.copy(), squares=self.squares)

    def snapshot(self) -> list[Any]:
        """State as a value for msgpack; groups without outcomes take no room."""
        held = np.flatnonzero(self.counts)
        rows = (self.counts[held], self.sums[held], self.covariates[held])
        single = self.squares, self.products, self.covariate_squares
        return [held.astype("<u2").tobytes(), *(row.astype("<f8").tobytes() for row in rows), *single]

    @classmethod
    def restore(cls, state: Sequence[Any]) -> "Tally":
        """Inverse of `snapshot`."""
        out, held = cls(), np.frombuffer(state[0], "<u2")
        for row, raw in zip((out.counts, out.sums, out.covariates), state[1:4], strict=True):
            row[held] = np.frombuffer(raw, "<f8")
        out.squares, out.products, out.covariate_squares = state[4:]
        return out

    @property
    def count(self) -> float:
        """Outcomes."""
        return float(self.counts.sum())

    @property
    def mean(self) -> float:
        """Mean outcome; the tally must not be empty."""
        return float(self.sums.sum()) / self.count

    @property
    def variance(self) -> float:
        """Variance of single outcomes."""
        return max(self.squares / self.count - self.mean**2, 0.0)

    @property
    def users(self) -> float:
        """Effective number of users (Kish, 1965), at most GROUPS: few where a few speak for most."""
        return self.count**2 / float(self.counts @ self.counts) if self.count else 0.0

    @property
    def lack(self) -> str | None:
        """What is too little for anything to be said, in words; None: outcomes and users are enough."""
        if self.count < FEWEST:
            return f"{int(self.count)} outcomes (it takes {FEWEST})"
        if self.users < FEWEST_USERS:
            return f"outcomes of users who weigh like {max(int(self.users), 1)} (it takes {FEWEST_USERS})"
        return None

    def adjusted(self, slope: float, centre: float) -> tuple[float, float]:
        """Mean without what the covariate explains, and its variance over groups of users, at least two."""
        sums = self.sums - slope * (self.covariates - centre * self.counts)
        mean = float(sums.sum()) / self.count
        off, groups = sums - mean * self.counts, int(np.count_nonzero(self.counts))
        return mean, float(off @ off) / self.count**2 * groups / (groups - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The difference new - old with an interval that holds at all looks, and an always-valid p-value."""

    difference: Interval
    p_value: float
    explained: float  # share of the variance that the covariate took away

    @property
    def decided(self) -> bool:
        """Whether zero is excluded."""
        return self.difference.low > 0 or self.difference.high < 0


def compare(old: Tally, new: Tally, *, level: float = 0.05) -> Verdict | None:
    """Compare two versions now; None while an arm has too few outcomes or users.  Cost O(GROUPS).

    >>> old, new = Tally(), Tally()
    >>> for user in range(2000):
    ...     old.update(user, float(user % 10 < 8)); new.update(user, float(user % 10 < 6))
    >>> told = compare(old, new); round(told.difference.value, 6), told.decided
    (-0.2, True)
    """
    if old.lack or new.lack:
        return None
    slope, centre = _slope(old, new)
    means, variances = zip(*(tally.adjusted(slope, centre) for tally in (old, new)), strict=True)
    plain = sum(tally.adjusted(0.0, 0.0)[1] for tally in (old, new))
    difference, variance = means[1] - means[0], sum(variances)
    spread = (old.variance * old.count + new.variance * new.count) / (old.count + new.count)
    if variance <= 0 or spread <= 0:
        return Verdict(
            difference=Interval(value=difference, low=difference, high=difference),
            p_value=1.0 if difference == 0 else 0.0,
            explained=0.0,
        )
    half = half_width(variance, prior=PRIOR**2 * spread, level=level)
    return Verdict(
        difference=Interval(value=difference, low=difference - half, high=difference + half),
        p_value=always_p(difference, variance, prior=PRIOR**2 * spread),
        explained=max(0.0, 1.0 - variance / plain) if plain > 0 else 0.0,
    )


def estimate(tally: Tally, *, level: float = 0.05) -> Interval | None:
    """Mean of one version with an interval that holds at all looks; None with too few outcomes or users."""
    if tally.lack:
        return None
    mean, variance = tally.adjusted(0.0, 0.0)
    if variance <= 0 or tally.variance <= 0:
        return Interval(value=mean, low=mean, high=mean)
    half = half_width(variance, prior=PRIOR**2 * tally.variance, level=level)
    return Interval(value=mean, low=mean - half, high=mean + half)


def half_width(variance: float, *, prior: float, level: float) -> float:
    """Half of the confidence sequence's width at one variance of the difference; `prior` is tau^2."""
    ratio = (variance + prior) / variance
    return math.sqrt(variance * (variance + prior) / prior * (2 * math.log(1 / level) + math.log(ratio)))


def outcomes_needed(difference: float, *, spread: float, level: float = 0.05) -> int:
    """Outcomes per arm after which a true difference is probably (about 80 %) decided.

    Args: spread, the standard deviation of one outcome.

    >>> outcomes_needed(0.05, spread=0.4)
    1924
    """
    low, high = FEWEST, 10**12
    while low < high:
        middle = (low + high) // 2
        variance = 2 * spread**2 / middle
        enough = half_width(variance, prior=(PRIOR * spread) ** 2, level=level) + 0.84 * math.sqrt(variance)
        low, high = (low, middle) if enough <= abs(difference) else (middle + 1, high)
    return low


def mismatch_p(observed: tuple[int, int], expected: tuple[float, float]) -> float:
    """Always-valid p-value of "users fell into the arms as they should" (sample-ratio mismatch).

    Reciprocal of the Bayes factor of a uniform prior on the share (Lindon and Malek, 2022, NeurIPS).

    >>> mismatch_p((500, 510), (0.5, 0.5)), mismatch_p((500, 700), (0.5, 0.5)) < 1e-3
    (1.0, True)
    """
    ones, others = observed
    log_factor = (
        float(betaln(ones + 1, others + 1)) - ones * math.log(expected[0]) - others * math.log(expected[1])
    )
    return min(1.0, math.exp(-log_factor))


def always_p(difference: float, variance: float, *, prior: float) -> float:
    """Always-valid p-value of "there is no difference"; the inverse of `half_width`."""
    exponent = prior * difference**2 / (2 * variance * (variance + prior))
    return min(1.0, math.sqrt((variance + prior) / variance) * math.exp(-exponent))


def _slope(old: Tally, new: Tally) -> tuple[float, float]:
    """Regression of outcomes on covariates within arms, and the covariate's mean over both."""
    count = old.count + new.count
    centre = float(old.covariates.sum() + new.covariates.sum()) / count
    above, below = 0.0, 0.0
    for tally in (old, new):
        mean = float(tally.covariates.sum()) / tally.count
        above += tally.products - tally.count * mean * tally.mean
        below += tally.covariate_squares - tally.count * mean**2
    return (above / below if below > 1e-12 * count else 0.0), centre
