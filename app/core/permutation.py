"""Did two groups of users change alike?  A permutation test that may be looked at again and again."""

import numpy as np

from app.core.adaptation import Arm
from app.core.fixedpoint import Floats

SCREENED, PERMUTATIONS = 199, 3999
SCREEN_LEVEL = 0.05
BLOCK = 500  # permutations at a time


def permutation_p(exposed: Arm, control: Arm, *, seed: int, permutations: int = PERMUTATIONS) -> float:
    """P-value of "the two arms changed alike": distance of mean changes, labels permuted over users.

    The distance is the unbiased squared one, in units of its own error.  So the test is exact if exposure is
    as good as random among returning users (Ernst, 2004, Statistical Science 19), and holds in large samples
    also where one arm is small and its users vary more (Chung and Romano, 2013, Annals of Statistics 41).

    A few permutations come first; only where they say p <= SCREEN_LEVEL is the p-value that of many.  What
    is rejected at a lower level is thereby a part of what the many alone would reject.
    Cost O(n^2 (d + permutations)): 0.02 s for 2 x 150 users, 0.3 s beyond the screen.
    """
    changes = np.vstack([exposed.change, control.change])
    changes = changes - changes.mean(axis=0)
    gram = changes @ changes.T
    labels = np.r_[np.ones(len(exposed)), np.zeros(len(control))]
    p = _chance(gram, labels, min(SCREENED, permutations), seed)
    return p if p > SCREEN_LEVEL else _chance(gram, labels, permutations, seed)


def _chance(gram: Floats, labels: Floats, permutations: int, seed: int) -> float:
    rng = np.random.default_rng(seed)
    observed = float(_distances(gram, labels[None, :])[0])
    reached = 0
    for start in range(0, permutations, BLOCK):
        drawn = np.tile(labels, (min(BLOCK, permutations - start), 1))
        found = _distances(gram, rng.permuted(drawn, axis=1))
        reached += int((found >= observed - 1e-9 * abs(observed)).sum())
    return (1 + reached) / (permutations + 1)


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


def spent(level: float, since: float, until: float) -> float:
    """Error for a look at `until`, after one at `since`: 0 to 1 on the calendar; all looks spend `level`.

    The square root spends about as much on each of a few early looks, close together, as on a late day;
    a look that could not be taken leaves its part to the next one (Lan and DeMets, 1983, Biometrika 70).

    >>> dates = [0.0, 0.01, 0.04, 0.25, 1.0]
    >>> [round(spent(0.05, a, b), 4) for a, b in zip(dates, dates[1:])]
    [0.005, 0.005, 0.015, 0.025]
    """
    return level * float(np.sqrt(until) - np.sqrt(since))
