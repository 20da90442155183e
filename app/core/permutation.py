"""Did two groups of users change alike?  A permutation test that may be looked at again and again.

Each permutation is a roll-out that did not happen: whom it exposed depends on the user alone, so it is the
same at every look.  It is known which of them would have been blamed by now, at any look so far, and a bar
lies where that share is what may be spent by then (Lan and DeMets, 1983, Biometrika 70).  Looks resemble each
other, and so cost little: what was blamed before is mostly what would be blamed now.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.core.adaptation import Arm
from app.core.fixedpoint import Floats

PERMUTATIONS = 999
BLOCK = 500  # permutations at a time
STAYS = 0.05  # what was blamed stays blamed while a look by itself says so
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
NONE_BLAMED = np.zeros(PERMUTATIONS + 1, bool)


@dataclass(frozen=True, slots=True)
class Contrast:
    """What one look says.

    `p` is the share of permutations that were blamed at an earlier look or reach as far now, the truth among
    them; `level` is the error of this look by itself, for its intervals (Jennison and Turnbull, 1989).
    """

    p: float
    moved: bool
    level: float
    blamed: NDArray[np.bool_]  # (1 + permutations,), at this look or before; the truth comes first


def contrast(
    exposed: Arm, control: Arm, users: Sequence[int], *, error: float, blamed: NDArray[np.bool_], seed: int
) -> Contrast:
    """Test "the two arms changed alike": distance of mean changes, labels permuted over users.

    A user's change weighs as much as it is known well: six prompts say more than one.
    The distance is the unbiased squared one, in units of its own error.  So the test is exact if exposure is
    as good as random among returning users (Ernst, 2004, Statistical Science 19), and holds in large samples
    also where one arm is small and its users vary more (Chung and Romano, 2013, Annals of Statistics 41).
    Cost O(n^2 (d + permutations)).

    Args: users, who they are, the exposed first; error, what all looks until now may spend; blamed, what
        earlier looks blamed, the truth first.
    """
    changes, weights = np.vstack([exposed.change, control.change]), np.r_[exposed.weights, control.weights]
    weights = weights / weights.mean()
    changes = weights[:, None] * (changes - weights @ changes / len(weights))
    gram = changes @ changes.T
    truth = np.arange(len(gram)) < len(exposed)
    labels = np.vstack([truth, _relabelled(users, len(exposed), len(blamed) - 1, seed)])
    distances = np.concatenate([_distances(gram, block.astype(float)) for block in _blocks(labels)])
    reached = distances >= distances[0] - 1e-9 * abs(distances[0])
    may = int(error * len(blamed) + 1e-9) - int(blamed.sum())
    beyond = _farthest(distances, ~blamed, may)
    stays = bool(blamed[0]) and float(reached.mean()) <= STAYS
    return Contrast(
        p=float((blamed | reached).mean()),
        moved=stays or bool(beyond[0] and not blamed[0]),
        level=max(1, int(beyond.sum())) / len(blamed),
        blamed=blamed | beyond,
    )


def permutation_p(exposed: Arm, control: Arm, *, seed: int, permutations: int = PERMUTATIONS) -> float:
    """P-value of `contrast` looked at once."""
    users, none = range(len(exposed) + len(control)), np.zeros(permutations + 1, bool)
    return contrast(exposed, control, users, error=1.0, blamed=none, seed=seed).p


def _relabelled(users: Sequence[int], ones: int, permutations: int, seed: int) -> NDArray[np.bool_]:
    """Who is exposed in each permutation, (permutations, n): the `ones` users who draw the lowest numbers."""
    start = _mixed(np.array(users, np.uint64) + np.array([seed], np.uint64) * GOLDEN)
    numbers = _mixed(start + np.arange(permutations, dtype=np.uint64)[:, None] * GOLDEN)
    last = np.partition(numbers, ones - 1, axis=1)[:, ones - 1]
    return np.asarray(numbers <= last[:, None])


def _mixed(states: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Splitmix64 (Steele, Lea and Flood, 2014, OOPSLA): what follows each state of a random generator."""
    mixed = states + GOLDEN
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))


def _blocks(drawn: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    return [drawn[start : start + BLOCK] for start in range(0, len(drawn), BLOCK)]


def _farthest(distances: Floats, fresh: NDArray[np.bool_], may: int) -> NDArray[np.bool_]:
    """Those as far as the `may` farthest of the fresh ones, or farther where more are just as far."""
    if may <= 0:
        return np.zeros(len(distances), bool)
    ordered = np.sort(distances[fresh])[::-1]
    tied = may < len(ordered) and ordered[may] == ordered[may - 1]
    bar = ordered[min(may, len(ordered)) - 1]
    return np.asarray(distances > bar if tied else distances >= bar)


def _distances(gram: Floats, labels: Floats) -> Floats:
    """Of each labelling (k, n): squared distance of the two means without its bias, over its error.

    Changes are centred, so the mean of one arm is that of the other times -ones / others.
    """
    n = len(gram)
    ones = float(labels[0].sum())
    others = n - ones
    own = np.diag(gram)
    length = np.einsum("ij,ij->i", labels @ gram, labels) / ones**2  # of the exposed mean
    norms = labels @ own
    bias = (norms / ones - length) / (ones - 1)
    bias += ((own.sum() - norms) / others - length * (ones / others) ** 2) / (others - 1)
    squares = np.square(gram)
    np.fill_diagonal(squares, 0.0)
    rest, more = others**-2, ones**-2 - others**-2  # each user's weight in the error, squared
    spread = rest**2 * squares.sum() + 2 * rest * more * (labels @ squares.sum(axis=0))
    if more:
        spread = spread + more**2 * np.einsum("ij,ij->i", labels @ squares, labels)
    error = np.sqrt(2.0 * np.maximum(spread, np.finfo(float).tiny))
    return np.asarray((length * (n / others) ** 2 - bias) / error)


def spent(level: float, until: float) -> float:
    """Error that looks until then may spend, 0 to 1 on the calendar; all of them spend `level`.

    The square root leaves about as much to each of a few early looks, close together, as to a late day.

    >>> [round(spent(0.05, date), 4) for date in (0.01, 0.04, 0.25, 1.0)]
    [0.005, 0.01, 0.025, 0.05]
    """
    return level * float(np.sqrt(until))
