"""How much of a change is users adapting to a deployment, how much the outside, how much another audience.

A difference-in-differences between users (Card and Krueger, 1994, AER 84) on vectors: each returning user
is his own control, users whom the deployment did not reach carry what came from outside, and what is left
is who came and who went.

    adaptation = mean change of exposed users - mean change of unexposed users
    outside    = mean change of unexposed users
    audience   = change of all - mean change of exposed users

A share is a part's squared size over the sum of the three.  A squared size is biased upwards by each user's
product with himself; that is taken out, so nothing is compared with itself.  Projections of the parts on
their sum, the obvious alternative, lose a part that another one opposes (docs/decisions/0016).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, ndtri

from app.core.fixedpoint import Floats
from schemas.readings import Interval

FEWEST_USERS = 20  # of an arm
GROUPS = 40  # of the jackknife
BEYOND_DOUBT = 0.001  # p-value of a change that is split: shares of a doubtful one would be mere noise
Shares = tuple[Interval, Interval, Interval]


@dataclass(frozen=True, slots=True)
class Arm:
    """Mean rows of n returning users before and after, shape (n, d) each, in joint coordinates.

    `precision` (n,): how much a user's change weighs where arms are tested; None: all alike.
    """

    before: Floats
    after: Floats
    precision: Floats | None = None

    def __len__(self) -> int:
        return len(self.before)

    @property
    def change(self) -> Floats:
        """Each user's own change, shape (n, d)."""
        return self.after - self.before

    @property
    def weights(self) -> Floats:
        """Precision, or ones, shape (n,)."""
        return np.ones(len(self)) if self.precision is None else self.precision


@dataclass(frozen=True, slots=True)
class Audience:
    """Exposed users seen only after (m, d), and users seen only before (l, d)."""

    newcomers: Floats
    departed: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Decomposition:
    """Sizes are squared distances in joint coordinates, unbiased; shares lie in 0 to 1 and sum to 1.

    `shares` is None while it is not beyond doubt that anything changed; `adaptation` is None without a
    control arm, for then it cannot be told apart from the outside.
    """

    total: Interval
    adaptation: Interval | None
    shares: Shares | None  # adaptation, outside, audience


def decompose(exposed: Arm, control: Arm | None, audience: Audience, *, level: float = 0.05) -> Decomposition:
    """Split what changed.  `level` is the error of every interval.  Cost O(n^2 d).

    Raises: ValueError for an arm of fewer than FEWEST_USERS users.

    >>> g = np.random.default_rng(0)
    >>> def arm(shift): x = g.normal(size=(100, 4)); return Arm(x, x + shift + 0.1 * g.normal(size=(100, 4)))
    >>> nobody = Audience(np.zeros((0, 4)), np.zeros((0, 4)))
    >>> one = decompose(arm(np.array([1.0, 0, 0, 0])), arm(np.zeros(4)), nobody)
    >>> [round(share.value, 2) for share in one.shares]
    [1.0, 0.0, 0.0]
    """
    for arm in (exposed, control):
        if arm is not None and len(arm) < FEWEST_USERS:
            raise ValueError(f"an arm of {len(arm)} users; at least {FEWEST_USERS} are needed")
    z = -float(ndtri(level / 2))
    whole = _whole(exposed, 0 if control is None else len(control), audience)
    if control is None:
        return Decomposition(total=whole.size(z), adaptation=None, shares=None)
    moving, outside = _changes(exposed, control, len(whole.users))
    parts = (moving - outside, outside, whole - moving)
    known = _chance(parts) <= BEYOND_DOUBT
    return Decomposition(
        total=whole.size(z), adaptation=parts[0].size(z), shares=_shares(parts, z) if known else None
    )


@dataclass(frozen=True)
class _Part:
    """An estimate (d,), and what each user adds to it, (n, d), centred within his group."""

    estimate: Floats
    users: Floats

    def __sub__(self, other: "_Part") -> "_Part":
        return _Part(self.estimate - other.estimate, self.users - other.users)

    @property
    def squared(self) -> float:
        """Unbiased squared norm."""
        return float(self.estimate @ self.estimate) - float(np.square(self.users).sum())

    def size(self, z: float) -> Interval:
        """Unbiased squared norm; variance = 4 d'Cov d + 2 tr(Cov^2), both from users."""
        linear = 4.0 * float(np.square(self.users @ self.estimate).sum())
        half = z * float(np.sqrt(linear + 2.0 * _spread(self.gram)))
        return Interval(value=self.squared, low=self.squared - half, high=self.squared + half)

    @cached_property
    def gram(self) -> Floats:
        """Products of users, (n, n)."""
        return np.asarray(self.users @ self.users.T)

    def squared_without(self, groups: NDArray[np.int64]) -> Floats:
        """`squared` without each group of users in turn, to first order, shape (GROUPS,)."""
        inside = (groups == np.arange(GROUPS)[:, None]).astype(float)
        scale = len(groups) / (len(groups) - inside.sum(axis=1))
        own = np.square(self.users).sum(axis=1)
        estimates = self.estimate - scale[:, None] * (inside @ self.users)
        return np.asarray(np.square(estimates).sum(axis=1) - scale**2 * (own.sum() - inside @ own))


def _whole(exposed: Arm, controls: int, audience: Audience) -> _Part:
    """Change of all whom the deployment reached, those who came and those who left included."""
    e, m, left = len(exposed), len(audience.newcomers), len(audience.departed)
    came, went = slice(e + controls, e + controls + m), slice(e + controls + m, None)
    n, d = e + controls + m + left, exposed.before.shape[1]
    kept = left * e / max(e + controls, 1)  # of the departed, as many as would have been exposed
    after, before = np.zeros((n, d)), np.zeros((n, d))
    after[:e], after[came] = exposed.after, audience.newcomers
    before[:e], before[went] = exposed.before, audience.departed
    weight_after, weight_before = np.zeros(n), np.zeros(n)
    weight_after[:e] = weight_after[came] = 1 / (e + m)
    weight_before[:e], weight_before[went] = 1 / (e + kept), kept / max(left, 1) / (e + kept)
    mean_after, mean_before = weight_after @ after, weight_before @ before
    users = weight_after[:, None] * (after - mean_after) - weight_before[:, None] * (before - mean_before)
    return _Part(mean_after - mean_before, users * _bessel(e + m))


def _changes(exposed: Arm, control: Arm, n: int) -> tuple[_Part, _Part]:
    """Mean change of either arm, among n users of whom the first are the exposed and then the control."""
    out, start = [], 0
    for arm in (exposed, control):
        mean, users = arm.change.mean(axis=0), np.zeros((n, arm.before.shape[1]))
        users[start : start + len(arm)] = (arm.change - mean) * (_bessel(len(arm)) / len(arm))
        out.append(_Part(mean, users))
        start += len(arm)
    return out[0], out[1]


def _spread(gram: Floats) -> float:
    """tr(Cov^2), from products of different users."""
    squares = np.square(gram)
    return max(float(squares.sum() - np.trace(squares)), 0.0)


def _chance(parts: tuple[_Part, _Part, _Part]) -> float:
    """P-value of "mere noise": the squared norms as a chi-squared of the same two moments (Box, 1954)."""
    gram = np.sum([part.gram for part in parts], axis=0)
    trace, spread = float(np.trace(gram)), _spread(gram)
    if spread <= 0:
        return 1.0
    length = sum(float(part.estimate @ part.estimate) for part in parts)
    return float(chdtrc(trace**2 / spread, length * trace / spread))


def _shares(parts: tuple[_Part, _Part, _Part], z: float) -> Shares:
    """Squared sizes over their sum with a delete-group jackknife over users, cut to what a share can be."""
    groups = np.arange(len(parts[0].users)) % GROUPS
    sizes = np.array([p.squared for p in parts])
    value = sizes / sizes.sum()
    without = np.array([p.squared_without(groups) for p in parts]).T
    without /= without.sum(axis=1, keepdims=True)
    spread = (GROUPS - 1) / GROUPS * np.square(without - without.mean(axis=0)).sum(axis=0)
    low, high = (np.clip(value + sign * z * np.sqrt(spread), 0.0, 1.0) for sign in (-1.0, 1.0))
    shown = np.clip(value, 0.0, None) / np.clip(value, 0.0, None).sum()
    one, two, three = (
        Interval(value=float(v), low=float(min(v, lo)), high=float(max(v, hi)))
        for v, lo, hi in zip(shown, low, high, strict=True)
    )
    return one, two, three


def _bessel(count: int) -> float:
    """Makes centred contributions of a mean of `count` users have its unbiased covariance."""
    return float(np.sqrt(count / max(count - 1, 1)))
