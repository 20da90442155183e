"""A worker that cannot keep up may look at a part of the units: a uniform part, and it says which.

Off unless the user asks for it.  Which units are looked at depends on the clock of the worker, so a replay
of the same log does not give the same readings; every share stays an estimate of the same share.
"""

import math

from app.core.units import hash64

LEAST_SHARE = 1 / 64


def share_at(behind: float, limit: float | None) -> float:
    """Share of units to look at when `behind` seconds behind: halved at the limit and at each doubling of it.

    So the backlog settles where the work fits; nothing is remembered.  Without a limit, every unit.

    >>> [share_at(seconds, 60.0) for seconds in (59.0, 61.0, 150.0, 86_400.0)], share_at(86_400.0, None)
    ([1.0, 0.5, 0.25, 0.015625], 1.0)
    """
    if limit is None or behind <= limit:
        return 1.0
    return max(2.0 ** -math.ceil(math.log2(behind / limit)), LEAST_SHARE)


def looked_at(id: str, share: float) -> bool:
    """Whether an interaction is in the part: by its id alone, and a smaller part lies inside a larger one.

    >>> sum(looked_at(str(i), 0.25) for i in range(1000))
    268
    """
    return share >= 1.0 or hash64("look:" + id) < share * 2**64
