"""Whether the eval score still says what live quality is: release by release, stratum by stratum.

A benchmark stops measuring when it goes on rising while users get worse answers.  For each stratum the newest
releases are set against up to four before them, twice: the newest alone, and the two newest.  A stratum is
broken where live quality fell beyond chance (level of the whole test, shared by its strata and looks:
Bonferroni), the eval score does not show a fall, and the two changes differ (intersection-union test, Berger,
1982, Technometrics 24).  Eval scores are compared item by item, for the same items are asked each time.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scipy.special import ndtri

from app.core.effect import Z95
from schemas.readings import Interval

RELEASES = 20  # over which a false warning has a chance of 5 %
BEFORE = 4  # releases that the newest are compared with
LOOKS = (1, 2)  # newest releases taken together
CLOSE = 1.645  # one-sided 5 %


@dataclass(frozen=True, slots=True)
class LiveScore:
    """Shadow score of one stratum under one release: mean and standard error."""

    value: float
    error: float

    @classmethod
    def of(cls, mean: Interval) -> "LiveScore":
        """From a 95 % interval, as `estimates` gives them."""
        return cls(mean.value, (mean.high - mean.low) / 2 / Z95)


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What one release scored: eval items by stratum (item id -> score), live traffic by stratum."""

    name: str
    items: Mapping[str, Mapping[str, float]]
    live: Mapping[str, LiveScore]
    shares: Mapping[str, float]  # of live traffic


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A stratum whose eval score stays or rises while live quality falls."""

    stratum: str
    live: Interval  # change, with the interval that decided
    evaluated: Interval  # change of the eval score over common items, 95 %
    share: float  # of live traffic
    since: str  # first of the newest releases that show it


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Whether the eval score puts releases in the order that live quality does, where that can be told."""

    decided: int  # pairs of releases whose live quality differs beyond chance
    agreeing: int  # of them, those that the eval score puts in the same order


def broken(releases: Sequence[Release], *, level: float = 0.05) -> list[Broken]:
    """Strata that the newest release shows to be broken, the most costly first; oldest release first.

    Nothing is said of a stratum without common items, or without live scores before and now.

    >>> def release(name, live):
    ...     items = {"code": {str(n): float(n % 5 > 0) for n in range(30)}}
    ...     return Release(name=name, items=items, live={"code": LiveScore(live, 0.02)}, shares={"code": 1.0})
    >>> [found.stratum for found in broken([release("r1", 0.8), release("r2", 0.81), release("r3", 0.6)])]
    ['code']
    >>> broken([release("r1", 0.8), release("r2", 0.81), release("r3", 0.79)])
    []
    """
    if len(releases) < 2:
        return []
    strata = sorted(releases[-1].live)
    z = -float(ndtri(level / RELEASES / len(LOOKS) / max(len(strata), 1)))
    found: dict[str, Broken] = {}
    for look in LOOKS:
        before, now = releases[:-look][-BEFORE:], releases[-look:]
        for stratum in strata:
            told = _compare(before, now, stratum, z)
            if told is not None and stratum not in found:
                found[stratum] = told
    return sorted(found.values(), key=lambda each: each.live.value * each.share)


def ranking(releases: Sequence[Release]) -> Ranking:
    """Agreement of eval and live order over all pairs of releases, live scores weighted by their shares."""
    decided = agreeing = 0
    live = [_overall(release) for release in releases]
    for i, one in enumerate(live):
        for j in range(i):
            other = live[j]
            if one is None or other is None:
                continue
            moved = one.value - other.value
            if abs(moved) <= Z95 * math.hypot(one.error, other.error):
                continue
            decided += 1
            change = _change_of_items([_all_items(releases[j])], [_all_items(releases[i])])
            agreeing += change is not None and change.value * moved > 0
    return Ranking(decided=decided, agreeing=agreeing)


def _compare(before: Sequence[Release], now: Sequence[Release], stratum: str, z: float) -> Broken | None:
    live = _change_of_live(before, now, stratum)
    items = _change_of_items(
        *([release.items.get(stratum, {}) for release in side] for side in (before, now))
    )
    if live is None or items is None:
        return None
    fell = live.value + z * live.error < 0
    shown = items.value + CLOSE * items.error < 0
    apart = items.value - live.value > CLOSE * math.hypot(items.error, live.error)
    if not fell or shown or not apart:
        return None
    return Broken(
        stratum=stratum,
        live=_interval(live, z),
        evaluated=_interval(items, Z95),
        share=now[-1].shares.get(stratum, 0.0),
        since=now[0].name,
    )


def _change_of_live(before: Sequence[Release], now: Sequence[Release], stratum: str) -> LiveScore | None:
    old, new = ([r.live[stratum] for r in side if stratum in r.live] for side in (before, now))
    if not old or not new:
        return None
    one, other = _mean(old), _mean(new)
    return LiveScore(other.value - one.value, math.hypot(one.error, other.error))


def _change_of_items(
    before: Sequence[Mapping[str, float]], now: Sequence[Mapping[str, float]]
) -> LiveScore | None:
    """Mean change of the items that both sides have, with its standard error over items."""
    old, new = _per_item(before), _per_item(now)
    moves = [new[item] - old[item] for item in sorted(old.keys() & new.keys())]
    if len(moves) < 2:
        return None
    mean = sum(moves) / len(moves)
    squares = sum((move - mean) ** 2 for move in moves) + 1.0  # one more item might have changed wholly
    return LiveScore(mean, math.sqrt(squares / (len(moves) - 1) / len(moves)))


def _per_item(releases: Sequence[Mapping[str, float]]) -> dict[str, float]:
    scores: dict[str, list[float]] = {}
    for items in releases:
        for item, score in items.items():
            scores.setdefault(item, []).append(score)
    return {item: sum(each) / len(each) for item, each in scores.items()}


def _all_items(release: Release) -> dict[str, float]:
    return {
        f"{stratum}/{item}": score for stratum, each in release.items.items() for item, score in each.items()
    }


def _overall(release: Release) -> LiveScore | None:
    shares = {name: release.shares.get(name, 0.0) for name in release.live}
    whole = sum(shares.values())
    if whole <= 0:
        return None
    value = sum(shares[name] * live.value for name, live in release.live.items()) / whole
    squares = sum((shares[name] * live.error) ** 2 for name, live in release.live.items())
    return LiveScore(value, math.sqrt(squares) / whole)


def _mean(scores: Sequence[LiveScore]) -> LiveScore:
    count = len(scores)
    return LiveScore(
        sum(each.value for each in scores) / count, math.sqrt(sum(each.error**2 for each in scores)) / count
    )


def _interval(change: LiveScore, z: float) -> Interval:
    half = z * change.error
    return Interval(value=change.value, low=change.value - half, high=change.value + half)
