"""The eval score, as if the eval set were today's traffic; and why live quality moved.

Reweighting to live shares is post-stratification (Holt and Smith, 1979, JRSS A 142); what no item covers
may score anything, so it gives bounds and no guess (Manski, 1990, Am. Econ. Rev. 80).  A change of live
quality is split into mix and scores as by Kitagawa (1955, JASA 50).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.core.effect import Z95
from schemas.quality import Cause
from schemas.readings import Interval

BORROWED = 4.0  # items' worth of the pooled variance, in each stratum


@dataclass(frozen=True, slots=True, kw_only=True)
class Reweighted:
    """One eval score, three ways.  `on_live` is None where no covered stratum has a scored item."""

    on_set: Interval
    on_live: Interval | None  # of the traffic that scored items cover
    low: float  # of all traffic, if what is not covered scored 0 ...
    high: float  # ... and if it scored 1
    unknown: float  # share of traffic that no scored item covers
    missing: list[str]  # strata with traffic and without items, largest first


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Why live quality moved: what people ask (`mix`), how it is answered (`scores`); they add up."""

    whole: float
    mix: Interval
    scores: Interval
    by_stratum: dict[str, float]  # parts of `scores`, the worst first

    @property
    def cause(self) -> Cause | None:
        """None where neither can be told from chance."""
        mix, scores = _excludes_zero(self.mix), _excludes_zero(self.scores)
        if mix and scores:
            return "both"
        return "mix" if mix else "scores" if scores else None


@dataclass(frozen=True, slots=True)
class Stratum:
    """A stratum's share of live traffic, and its mean score with its standard error."""

    share: float
    score: float
    error: float


def reweighted(
    items: Mapping[str, Sequence[float]], shares: Mapping[str, float], *, units: int
) -> Reweighted:
    """The eval score on live shares, with 95 % intervals.

    Args: items, scores in [0, 1] by stratum; shares of the live units in each stratum, those that the eval
        set does not cover left out, so that they sum to at most 1; units they were counted over.
    Raises: ValueError without any score, or with shares that sum to more than 1.

    >>> items = {"a": [1.0] * 40, "b": [0.0, 1.0] * 20}
    >>> found = reweighted(items, {"a": 0.1, "b": 0.7, "c": 0.1}, units=5000)
    >>> found.on_set.value, round(found.on_live.value, 4), round(found.unknown, 2), found.missing
    (0.75, 0.5625, 0.2, ['c'])
    >>> round(found.low, 2), round(found.high, 2)
    (0.45, 0.65)
    """
    scores = np.array([score for each in items.values() for score in each], dtype=float)
    if not len(scores) or not np.isfinite(scores).all() or scores.min() < 0 or scores.max() > 1:
        raise ValueError("scores must be in [0, 1], and there must be one")
    if sum(shares.values()) > 1 + 1e-9 or min(shares.values(), default=0.0) < 0:
        raise ValueError("shares must be at least 0 and sum to at most 1")
    pooled = _pooled(items)
    covered = [name for name, share in shares.items() if share > 0 and items.get(name)]
    missing = sorted((n for n in shares if shares[n] > 0 and n not in covered), key=lambda n: -shares[n])
    mass = sum(shares[name] for name in covered)
    on_set = _interval(
        float(scores.mean()), math.sqrt(max(float(scores.var()), 1 / len(scores)) / len(scores))
    )
    if not covered:
        return Reweighted(on_set=on_set, on_live=None, low=0.0, high=1.0, unknown=1.0, missing=missing)
    weights = np.array([shares[name] for name in covered]) / mass
    means = np.array([float(np.mean(items[name])) for name in covered])
    variances = np.array([_variance(items[name], pooled) / len(items[name]) for name in covered])
    value = float(weights @ means)
    of_shares = float(weights @ (means - value) ** 2) / max(units * mass, 1.0)
    error = math.sqrt(float(np.square(weights) @ variances) + of_shares)
    return Reweighted(
        on_set=on_set,
        on_live=_interval(value, error),
        low=mass * value,
        high=mass * value + 1 - mass,
        unknown=1 - mass,
        missing=missing,
    )


def split(before: Mapping[str, Stratum], now: Mapping[str, Stratum], *, units: tuple[int, int]) -> Split:
    """Mix and scores of a change in live quality, with 95 % intervals.

    A stratum of one side only is all mix: nothing says how it was answered before.
    Args: units, over which the shares were counted before and now.

    >>> old = {"a": Stratum(0.5, 0.9, 0.01), "b": Stratum(0.5, 0.5, 0.01)}
    >>> found = split(old, {"a": Stratum(0.5, 0.7, 0.01), "b": Stratum(0.5, 0.5, 0.01)}, units=(999, 999))
    >>> round(found.scores.value, 3), round(found.mix.value, 3), found.cause, found.by_stratum
    (-0.1, 0.0, 'scores', {'a': -0.1, 'b': 0.0})
    """
    mix, mix_variance, variance, parts = 0.0, 0.0, 0.0, {}
    centre = sum(each.share * each.score for side in (before, now) for each in side.values()) / 2
    for name in sorted(before.keys() | now.keys()):
        old, new = before.get(name) or now[name], now.get(name) or before[name]
        shares = (old.share if name in before else 0.0, new.share if name in now else 0.0)
        level = (old.score + new.score) / 2 - centre
        mix += (shares[1] - shares[0]) * level
        noise = sum(share * (1 - share) / max(n, 1) for share, n in zip(shares, units, strict=True))
        moved = (shares[1] - shares[0]) ** 2 * (old.error**2 + new.error**2) / 4
        mix_variance += noise * level**2 + moved
        weight = (shares[0] + shares[1]) / 2 if name in before and name in now else 0.0
        parts[name] = round(weight * (new.score - old.score), 12)
        variance += weight**2 * (old.error**2 + new.error**2)
    scores = sum(parts.values())
    return Split(
        whole=mix + scores,
        mix=_interval(mix, math.sqrt(mix_variance)),
        scores=_interval(scores, math.sqrt(variance)),
        by_stratum=dict(sorted(parts.items(), key=lambda part: part[1])),
    )


def _pooled(items: Mapping[str, Sequence[float]]) -> float:
    squares = sum(float(np.var(each)) * len(each) for each in items.values() if len(each))
    count = sum(len(each) for each in items.values())
    return max(squares / max(count - len(items), 1), 1 / count)


def _variance(scores: Sequence[float], pooled: float) -> float:
    """Variance of a stratum's scores, of which few may all be alike."""
    return (float(np.var(scores)) * len(scores) + BORROWED * pooled) / (len(scores) - 1 + BORROWED)


def _interval(value: float, error: float) -> Interval:
    return Interval(value=value, low=value - Z95 * error, high=value + Z95 * error)


def _excludes_zero(found: Interval) -> bool:
    return found.low > 0 or found.high < 0
