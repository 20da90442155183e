"""Whether a judge still judges as it did: gold items, whose score people know, and a test at every answer.

A judge is a model behind a name; who serves it may swap it silently.  Gold items go to it among the others.
Its agreement with people on the first of them is what it promised; from then on, bets that agreement is lower
are added up: M = (M + 1)(1 + b (promised - agreement)), an e-detector of Shiryaev and Roberts' kind (Shin,
Ramdas and Rinaldo, 2024, NEJSDS 2(2)), the mean over bets of several sizes.  While mean agreement is at least
what was promised, M reaches L after L gold items or more, on average, whatever the scores look like.
"""

import math
from dataclasses import dataclass, field

from app.core.effect import Z95
from schemas.readings import Interval

LEARNED = 150  # gold items that make the promise
RUN_LENGTH = 2000  # gold items to a false flag
BETS = (0.1, 0.2, 0.35, 0.5)  # of what may be staked: small ones find small losses
GIVEN = 0.5  # standard errors that the promise is put lower: it was estimated


def agreement(judged: float, gold: float) -> float:
    """How far a judge agrees on one item, both scores in [0, 1]; 1 is wholly.

    >>> agreement(0.25, 1.0)
    0.25
    """
    if not (0 <= judged <= 1 and 0 <= gold <= 1):
        raise ValueError(f"scores must be in [0, 1], got {judged} and {gold}")
    return 1 - abs(judged - gold)


@dataclass(slots=True)
class GoldWatch:
    """Follows one judge, under one version of its prompt.  Another model or prompt: another watch.

    State is small and plain, so it can be snapshot.  Cost: O(1) an item.

    >>> watch = GoldWatch()
    >>> for n in range(300): watch.update(float(n % 10 > 0))
    >>> watch.flagged, round(watch.agreement.value, 2)
    (False, 0.9)
    >>> flagged_after = next(n for n in range(200) if watch.update(float(n % 10 > 3)) or watch.flagged)
    >>> flagged_after < 60
    True
    """

    learned: int = 0
    total: float = 0.0
    squares: float = 0.0
    since: int = 0  # gold items after the promise
    wealth: list[float] = field(default_factory=lambda: [0.0] * len(BETS))
    flagged: bool = False
    run_length: float = RUN_LENGTH  # items to a false flag
    given: float = GIVEN  # standard errors that the promise is put lower
    learning: int = LEARNED  # items that make the promise

    def update(self, agreed: float) -> None:
        """One gold item came back.  Raises ValueError unless agreement is in [0, 1]; nothing changes then."""
        if not 0 <= agreed <= 1:
            raise ValueError(f"agreement must be in [0, 1], got {agreed}")
        if self.learned < self.learning:
            self.learned += 1
            self.total += agreed
            self.squares += agreed * agreed
            return
        self.since += 1
        promise = self._promise()
        stakes = [bet / max(1 - promise, 1e-3) for bet in BETS]
        self.wealth = [
            (old + 1) * max(1 + stake * (promise - agreed), 0.0)
            for old, stake in zip(self.wealth, stakes, strict=True)
        ]
        self.flagged = self.flagged or sum(self.wealth) / len(BETS) >= self.run_length

    @property
    def agreement(self) -> Interval | None:
        """Agreement that was promised, with a 95 % interval; None before it is known."""
        if self.learned < self.learning:
            return None
        half = Z95 * self._error()
        value = self.total / self.learned
        return Interval(value=value, low=max(value - half, 0.0), high=min(value + half, 1.0))

    @property
    def progress(self) -> float:
        """Share of the items that make the promise."""
        return self.learned / self.learning

    @property
    def threshold(self) -> float:
        """The score from which on it is flagged."""
        return math.log10(self.run_length)

    @property
    def score(self) -> float:
        """log10 of the gold items in which such a run of disagreement is met once; flagged at `threshold`."""
        return math.log10(max(sum(self.wealth) / len(BETS), 1.0))

    def _promise(self) -> float:
        return max(self.total / self.learned - self.given * self._error(), 0.0)

    def _error(self) -> float:
        """Standard error of the mean; of scores that were all alike, that of one that is not among them."""
        mean = self.total / self.learned
        variance = max(self.squares / self.learned - mean**2, 1 / self.learned)
        return math.sqrt(variance / self.learned)
