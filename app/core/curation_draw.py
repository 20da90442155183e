"""Drawing the core: each question with the probability of the traffic that it stands for, spread over strata.

Systematic sampling with unequal probabilities along the strata (Madow, 1949, Ann. Math. Stat. 20), whoever
stands for more than a slot taken for certain (Särndal et al., 1992, 3.6.2).  So every stratum gets its share
of slots, rounded up or down, however small it is and however many there are, and a weighted mean of the core
is an unbiased estimate for all traffic.
"""

from collections.abc import Sequence

import numpy as np

from app.core.curation_pool import Question, rank
from app.core.fixedpoint import Floats
from app.core.units import hash64

Cell = tuple[str, str | None, str]  # cluster, language, task


def order_of(cells: Sequence[Cell], questions: Sequence[Question], seed: int) -> list[int]:
    """Questions stratum by stratum, at random within."""
    return sorted(
        range(len(cells)),
        key=lambda i: (cells[i][0], cells[i][1] or "", cells[i][2], rank(questions[i].id, seed)),
    )


def draw(weights: Floats, order: Sequence[int], *, slots: int, seed: int) -> dict[int, float]:
    """The chosen among n questions, each with the share of all weight that it stands for; shares sum to 1.

    Args: weights (n,) > 0; order, in which questions that lie near each other are alike.

    >>> draw(np.array([1.0, 1.0, 8.0]), [0, 1, 2], slots=2, seed=0)
    {2: 0.8, 0: 0.2}
    """
    certain = certainties(weights, slots)
    out = {i: float(weights[i] / weights.sum()) for i in certain}
    rest = np.array([i for i in order if i not in out], np.int64)
    left = slots - len(certain)
    if not len(rest) or left <= 0:
        return out
    reach = np.cumsum(weights[rest])
    share = float(reach[-1] / weights.sum()) / left
    start = hash64(f"draw:{seed}") / 2**64
    points = (start + np.arange(left)) * reach[-1] / left
    chosen = rest[np.minimum(np.searchsorted(reach, points, side="right"), len(rest) - 1)]
    return out | {int(i): share for i in chosen}


def certainties(weights: Floats, slots: int) -> list[int]:
    """Those that stand for at least a slot, once others that do have taken theirs."""
    out: list[int] = []
    left, remaining = slots, float(weights.sum())
    for i in np.argsort(-weights, kind="stable").tolist():
        if left <= 0 or weights[i] * left < remaining * (1 - 1e-9):
            break
        out.append(i)
        left, remaining = left - 1, remaining - float(weights[i])
    return out


def spread(candidates: Sequence[int], count: int, seed: int) -> list[int]:
    """Of ordered candidates so many, evenly along the order."""
    if count >= len(candidates):
        return list(candidates)
    start = hash64(f"spread:{seed}") / 2**64
    return [candidates[int((start + k) * len(candidates) / count)] for k in range(count)]
