"""Do users learn with use, or did they jump at once?  Adaptation against the number of exposures.

For each user the score of a prompt is its projection on the direction of adaptation; its slope on
log2(1 + prompts since the exposure) is what one doubling of experience adds.  The direction comes from the
other half of the users, so that no user is measured along his own noise; the control's slope is taken off.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from app.core.fixedpoint import Floats
from schemas.readings import Interval

FEWEST_PROMPTS = 3
FEWEST_USERS = 10


@dataclass(frozen=True, slots=True)
class Course:
    """One user's prompts since his exposure: rows (m, d), and how many he had sent before each, (m,)."""

    rows: Floats
    doses: Floats


def learning(
    exposed: Sequence[Course], control: Sequence[Course], directions: tuple[Floats, Floats], *, level: float
) -> Interval | None:
    """Slope of adaptation per doubling of exposures, as a share of its size; None where too few can tell.

    Args: user i is scored along directions[i % 2], found without him, whose length is the size of the
        adaptation; level, the error of the interval.
    """
    slopes = [_slopes(users, directions) for users in (exposed, control)]
    if len(slopes[0][0]) < FEWEST_USERS:
        return None
    means, variances = zip(*(_weighted(*s) for s in slopes), strict=True)
    value = means[0] - means[1]
    half = -float(ndtri(level / 2)) * float(np.sqrt(sum(variances)))
    return Interval(value=value, low=value - half, high=value + half)


def _slopes(users: Sequence[Course], directions: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """Least-squares slope of each user who has FEWEST_PROMPTS, and its weight (spread of experience)."""
    slopes, weights = [], []
    for i, user in enumerate(users):
        along = directions[i % 2]
        size = float(along @ along)
        dose = np.log2(1.0 + user.doses)
        spread = float(np.square(dose - dose.mean()).sum())
        if len(dose) < FEWEST_PROMPTS or size <= 0 or spread <= 0:
            continue
        slopes.append(float((dose - dose.mean()) @ (user.rows @ along)) / spread / size)
        weights.append(spread)
    return np.array(slopes), np.array(weights)


def _weighted(slopes: Floats, weights: Floats) -> tuple[float, float]:
    """Weighted mean and its robust variance; nothing known of nobody."""
    if len(slopes) < 2:
        return 0.0, 0.0
    share = weights / weights.sum()
    mean = float(share @ slopes)
    return mean, float(np.square(share * (slopes - mean)).sum()) * len(slopes) / (len(slopes) - 1)
