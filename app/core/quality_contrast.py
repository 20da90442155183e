"""Two versions on like questions: what the answers did (`scores`), what the questions did (`mix`).

Scores are compared cluster by cluster and put together with the mean share of both versions (Kitagawa, 1955;
direct standardisation), so that harder questions make no version worse.  What only one version was asked is
mix: nothing says how the other would have answered.  The difference holds at every look: the normal mixture
of `comparison`, with the design-weighted variances of `estimates`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.core.comparison import PRIOR, always_p, half_width
from app.core.effect import Z95
from app.core.estimates import FEWEST, FEWEST_ALWAYS, Estimate, Row, estimate
from app.core.quality_arms import Placed
from app.core.reweighting import Split, Stratum, split
from schemas.intervals import Interval

REST = "all others"  # clusters with few scores under both versions
GROWN = 2.0  # times its share, from which on a cluster holds other questions than before


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """New minus old.  `scores` and its p-value hold at every look; `split` is for one look."""

    scores: Interval
    p_value: float
    split: Split

    @property
    def decided(self) -> bool:
        """Whether zero is excluded."""
        return self.scores.low > 0 or self.scores.high < 0


def contrast(old: Sequence[Placed], new: Sequence[Placed], *, level: float = 0.05) -> Contrast | None:
    """Compare two versions now; None below 100 scores of either, or where they share no cluster.

    >>> def rows(right, hard):
    ...     made = [("hard" if n % 10 < hard else "easy", n) for n in range(1000)]
    ...     return [(name, Row(stratum=name, inclusion=1.0, score=float(n // 10 % 10 < right[name])))
    ...             for name, n in made]
    >>> found = contrast(rows({"easy": 9, "hard": 5}, 2), rows({"easy": 9, "hard": 5}, 6))
    >>> round(found.scores.value, 3), round(found.split.mix.value, 3), found.decided, found.split.cause
    (0.0, -0.16, False, 'mix')
    """
    if min(_scored(old), _scored(new)) < FEWEST_ALWAYS:
        return None
    cells = cells_of(old, new)
    sides = [_estimated(side, cells, name) for side, name in ((old, "old"), (new, "new"))]
    common = sides[0].keys() & sides[1].keys()
    if not common:
        return None
    found = split(
        *({name: each[0] for name, each in side.items()} for side in sides), units=(len(old), len(new))
    )
    variance = ((found.scores.high - found.scores.low) / 2 / Z95) ** 2
    weights = {name: (sides[0][name][0].share + sides[1][name][0].share) / 2 for name in common}
    spread = sum(
        weight * max(side[name][1].spread for side in sides) for name, weight in weights.items()
    ) / sum(weights.values())
    half = half_width(variance, prior=PRIOR**2 * spread, level=level)
    value = found.scores.value
    return Contrast(
        scores=Interval(value=value, low=value - half, high=value + half),
        p_value=always_p(value, variance, prior=PRIOR**2 * spread),
        split=found,
    )


def cells_of(old: Sequence[Placed], new: Sequence[Placed]) -> dict[str, str]:
    """The clusters that are compared -> the cell in which; the others are mix.

    A cluster with few scores on one side only is not compared; with few on both it joins the rest.  One that
    has more than doubled took in questions that were not there before: what it is like now is mix.
    """
    counts = [Counter(name for name, row in side if row.score is not None) for side in (old, new)]
    enough = [{name for name, count in each.items() if count >= FEWEST} for each in counts]
    cells = {name: name for name in enough[0] & enough[1]}
    small = (set(counts[0]) | set(counts[1])) - enough[0] - enough[1]
    if all(sum(each[name] for name in small) >= FEWEST for each in counts):
        cells |= {name: REST for name in small}
    shares = [_shares(side) for side in (old, new)]
    grown = [name for name in cells if shares[1].get(name, 0.0) > GROWN * shares[0].get(name, 0.0)]
    return {name: cell for name, cell in cells.items() if name not in grown}


def _estimated(
    rows: Sequence[Placed], cells: Mapping[str, str], side: str
) -> dict[str, tuple[Stratum, Estimate]]:
    """Share, score and error of each cell; what is not compared has a name that no other side has."""
    parts: dict[str, list[Row]] = {}
    for name, row in rows:
        parts.setdefault(cells.get(name, f"{name}, {side} alone"), []).append(row)
    whole = sum(1 / row.inclusion for _, row in rows)
    out = {}
    for name, part in parts.items():
        found = estimate(part, target="process")
        if found is not None:
            share = sum(1 / row.inclusion for row in part) / whole
            out[name] = Stratum(share, found.mean.value, found.error), found
    return out


def _shares(rows: Sequence[Placed]) -> dict[str, float]:
    weights: dict[str, float] = {}
    for name, row in rows:
        weights[name] = weights.get(name, 0.0) + 1 / row.inclusion
    whole = sum(weights.values())
    return {name: weight / whole for name, weight in weights.items()}


def _scored(rows: Sequence[Placed]) -> int:
    return sum(row.score is not None for _, row in rows)
