"""Which samples a judge sees: the budget's worth, by hash of their ids, where scores are least known first.

Priority sampling (Duffield, Lund and Thorup, 2007, J. ACM 54(6); sequential Poisson sampling, Ohlsson, 1998,
J. Official Statistics 14).  Sample i has a weight w_i and a rank hash(id)/w_i.  The lowest ranks are taken
until one does not fit the budget; with its rank tau, each was taken with probability min(1, tau w_i).  Such
inclusions are uncorrelated, however the budget falls (Ting, 2017, adaptive threshold sampling), so estimates
weighted by 1/probability are unbiased.  Weights follow Neyman (1934, JRSS 97): spread of the stratum's
scores, over the root of the price.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.core.sampling import NOVEL_LEVEL
from app.core.units import hash64
from schemas.ticks import Sample

HIGH_STAKES, DRIFTED, NOVEL, UNCOVERED, ORDINARY = "high-stakes", "drifted", "novel", "uncovered", "ordinary"
STEERED = (HIGH_STAKES, DRIFTED, NOVEL, UNCOVERED)
WIDEST = 0.5  # standard deviation that a score in [0, 1] can have
CALM = WIDEST / 3  # of ordinary traffic, before it was scored: nine in ten right is 0.3
PRIOR_SCORES = 100.0  # what the two above count for, beside scores
LEAST = 0.1  # of the widest spread: no stratum is given up
FLOOR = 30  # scores that each steered stratum gets, if it holds so many and half of the budget allows it


@dataclass(frozen=True, slots=True, kw_only=True)
class Eligible:
    """A sample that may be scored."""

    id: str
    stratum: str
    inclusion: float  # probability with which the sample was kept, in (0, 1]
    cost: float = 0.0  # money, of one score


@dataclass(frozen=True, slots=True)
class Budget:
    """What scoring may use: scores, and money where calls have a price."""

    count: int
    money: float = math.inf

    def slice(self, *, count: int, money: float, windows_left: int, fraction: float = 0.0) -> "Budget":
        """An even part of what is left of the day, for its next window: what one saves the others get.

        Args: count and money already used, windows_left >= 1 with the next; fraction, in [0, 1), is what the
        part is rounded up by: drawn evenly, it gives small budgets their due, where a part is below one.

        >>> Budget(100, 5.0).slice(count=40, money=4.0, windows_left=3)
        Budget(count=20, money=0.3333333333333333)
        >>> [Budget(5).slice(count=0, money=0, windows_left=10, fraction=f).count for f in (0.2, 0.7)]
        [0, 1]
        """
        left, rest = max(self.count - count, 0), max(self.money - money, 0.0)
        return Budget(int(left / windows_left + fraction), rest / windows_left)


@dataclass(frozen=True, slots=True)
class Spread:
    """Standard deviation of the scores of a stratum so far, and their number."""

    value: float
    scores: int


@dataclass(frozen=True, slots=True)
class Chosen:
    """A sample to score, and the probability with which it was chosen once it was kept."""

    eligible: Eligible
    selection: float

    @property
    def inclusion(self) -> float:
        """Probability with which this unit of traffic is scored."""
        return self.eligible.inclusion * self.selection


def stratum_of(
    sample: Sample, *, drifted: bool = False, high_stakes: bool = False, uncovered: bool = False
) -> str:
    """Why a sample is worth a score, the strongest reason first.

    Args: drifted, where something grew; high_stakes, by a rule of the owner; uncovered, by the eval set.
    """
    if high_stakes:
        return HIGH_STAKES
    if drifted:
        return DRIFTED
    if sample.novelty is not None and sample.novelty <= NOVEL_LEVEL:
        return NOVEL
    return UNCOVERED if uncovered else ORDINARY


def choose(
    samples: Sequence[Eligible],
    *,
    budget: Budget,
    spreads: Mapping[str, Spread] | None = None,
    salt: str = "",
) -> list[Chosen]:
    """The samples of one window that are scored, in the order of their ranks.

    A function of its arguments, in whatever order the samples come; ids must be distinct.  Never more than
    the budget.  `salt` makes draws for different purposes independent.  Cost: O(n log n).
    Raises: ValueError naming the sample whose inclusion or cost is none.

    >>> kept = [Eligible(id=str(n), stratum="drifted" if n % 10 == 0 else "ordinary", inclusion=1.0)
    ...         for n in range(1000)]
    >>> taken = choose(kept, budget=Budget(100))
    >>> len(taken), sum(one.eligible.stratum == "drifted" for one in taken)
    (100, 29)
    """
    for one in samples:
        if not (0 < one.inclusion <= 1 and 0 <= one.cost < math.inf):
            raise ValueError(
                f"{one.id}: wants inclusion in (0, 1] and a cost, has {one.inclusion}, {one.cost}"
            )
    if not samples or budget.count < 1:
        return []
    weights = _weights(samples, budget, spreads or {})
    ranked = sorted((_uniform(one.id, salt) / weight, one.id, weight, one) for one, weight in weights)
    taken, money = 0, 0.0
    while taken < min(len(ranked), budget.count) and money + ranked[taken][3].cost <= budget.money:
        money += ranked[taken][3].cost
        taken += 1
    threshold = ranked[taken][0] if taken < len(ranked) else math.inf
    return [Chosen(one, min(1.0, threshold * weight)) for _, _, weight, one in ranked[:taken]]


def _uniform(id: str, salt: str) -> float:
    return (hash64(f"score:{salt}:{id}") + 1) / 2**64


def _weights(
    samples: Sequence[Eligible], budget: Budget, spreads: Mapping[str, Spread]
) -> list[tuple[Eligible, float]]:
    traffic: defaultdict[str, float] = defaultdict(float)  # units that the samples stand for
    for one in samples:
        traffic[one.stratum] += 1 / one.inclusion
    steered = [stratum for stratum in traffic if stratum in STEERED]
    wanted = {name: _spread(name, spreads.get(name)) for name in traffic}
    least = LEAST * max(wanted.values())
    per_unit = {name: max(value, least) for name, value in wanted.items()}
    whole = sum(traffic[name] * value for name, value in per_unit.items())
    if steered:
        floor = min(FLOOR, budget.count / 2 / len(steered))
        for name in steered:
            per_unit[name] = max(per_unit[name], floor / budget.count * whole / traffic[name])
    dearest = max(one.cost for one in samples)
    prices = {one.id: math.sqrt(max(one.cost, LEAST * dearest)) if dearest > 0 else 1.0 for one in samples}
    return [(one, per_unit[one.stratum] / one.inclusion / prices[one.id]) for one in samples]


def _spread(stratum: str, known: Spread | None) -> float:
    """What is known of a stratum's spread, beside what is thought before it was scored."""
    prior = WIDEST if stratum in STEERED else CALM
    if known is None or known.scores < 2:
        return prior
    squares = PRIOR_SCORES * prior**2 + known.scores * known.value**2
    return math.sqrt(squares / (PRIOR_SCORES + known.scores))
