"""How much of a change is users adapting to a deployment, how much the outside, how much another audience.

A difference-in-differences between users (Card and Krueger, 1994, AER 84) on vectors: each returning user
is his own control, users whom the deployment did not reach carry what came from outside, and what is left
is who came and who went.

    adaptation = mean change of exposed users - mean change of unexposed users
    outside    = mean change of unexposed users
    audience   = change of all - mean change of exposed users

Shares are projections of the three parts on the whole.  Products of two noisy estimates that share users
are biased; each user's own contribution is taken out of every product, so nothing is compared with itself
(docs/method.md: the plug-in blames a deployment for 0.39 of a change that it had no part in).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from app.core.fixedpoint import Floats
from schemas.readings import Interval

FEWEST_USERS = 20  # of an arm
GROUPS = 40  # of the jackknife
PERMUTATIONS = 1999


@dataclass(frozen=True, slots=True)
class Arm:
    """Mean rows of n returning users before and after, shape (n, d) each, in joint coordinates."""

    before: Floats
    after: Floats

    def __len__(self) -> int:
        return len(self.before)

    @property
    def change(self) -> Floats:
        """Each user's own change, shape (n, d)."""
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Audience:
    """Exposed users seen only after (m, d), and users seen only before (l, d)."""

    newcomers: Floats
    departed: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Decomposition:
    """Sizes are squared distances in joint coordinates, unbiased; shares sum to 1.

    `shares` is None while the whole is not distinguishable from nothing; `adaptation` is None without a
    control arm, for then it cannot be told apart from the outside.
    """

    total: Interval
    adaptation: Interval | None
    shares: tuple[Interval, Interval, Interval] | None  # adaptation, outside, audience


def decompose(exposed: Arm, control: Arm | None, audience: Audience, *, level: float = 0.05) -> Decomposition:
    """Split what changed.  `level` is the error of every interval.  Cost O(GROUPS n d).

    Raises: ValueError for an arm of fewer than FEWEST_USERS users.

    >>> g = np.random.default_rng(0)
    >>> def arm(shift): x = g.normal(size=(100, 4)); return Arm(x, x + shift + 0.1 * g.normal(size=(100, 4)))
    >>> nobody = Audience(np.zeros((0, 4)), np.zeros((0, 4)))
    >>> one = decompose(arm(np.array([1.0, 0, 0, 0])), arm(np.zeros(4)), nobody)
    >>> [round(share.value, 1) + 0.0 for share in one.shares]
    [1.0, 0.0, 0.0]
    """
    for arm in (exposed, control):
        if arm is not None and len(arm) < FEWEST_USERS:
            raise ValueError(f"an arm of {len(arm)} users; at least {FEWEST_USERS} are needed")
    sample = _Sample.of(exposed, control, audience)
    z = -float(ndtri(level / 2))
    total = sample.size(sample.whole, z)
    if control is None:
        return Decomposition(total=total, adaptation=None, shares=None)
    shares = sample.shares(z) if total.low > 0 else None
    return Decomposition(total=total, adaptation=sample.size(sample.adapted, z), shares=shares)


def permutation_p(exposed: Arm, control: Arm, *, seed: int, permutations: int = PERMUTATIONS) -> float:
    """P-value of "the two arms changed alike": squared distance of mean changes, labels permuted over users.

    Exact whatever the distribution of changes, if exposure is as good as random among returning users
    (Ernst, 2004, Statistical Science 19).  Cost O(n^2 (d + permutations)); 0.2 s for 2 x 200 users.
    """
    changes = np.vstack([exposed.change, control.change])
    changes = changes - changes.mean(axis=0)
    gram = changes @ changes.T
    contrast = np.r_[np.full(len(exposed), 1 / len(exposed)), np.full(len(control), -1 / len(control))]
    rng = np.random.default_rng(seed)
    drawn = rng.permuted(np.tile(contrast, (permutations, 1)), axis=1)
    observed = float(contrast @ gram @ contrast)
    reached = np.einsum("ij,ij->i", drawn @ gram, drawn) >= observed * (1 - 1e-12)
    return (1 + int(reached.sum())) / (permutations + 1)


def spent(level: float, look: int) -> float:
    """Error to spend on the look-th look so that all looks together spend at most `level`.

    >>> round(sum(spent(0.05, k) for k in range(1, 10_000)), 4)
    0.05
    """
    return level / (look * (look + 1))


@dataclass(frozen=True, slots=True)
class _Sample:
    """Every user's contribution (n, d) to each estimate, centred within his group."""

    adapted: tuple[Floats, Floats]  # estimate (d,), contributions (n, d)
    outside: tuple[Floats, Floats]
    whole: tuple[Floats, Floats]

    @classmethod
    def of(cls, exposed: Arm, control: Arm | None, audience: Audience) -> "_Sample":
        e, c = len(exposed), 0 if control is None else len(control)
        m, left = len(audience.newcomers), len(audience.departed)
        n, d = e + c + m + left, exposed.before.shape[1]
        kept = left * e / max(e + c, 1)  # of the departed, as many as would have been exposed
        after, before = np.zeros((n, d)), np.zeros((n, d))
        after[:e], after[e + c : e + c + m] = exposed.after, audience.newcomers
        before[:e], before[e + c + m :] = exposed.before, audience.departed
        weight_after = np.r_[np.ones(e), np.zeros(c), np.ones(m), np.zeros(left)] / (e + m)
        weight_before = np.r_[np.ones(e), np.zeros(c + m), np.full(left, kept / max(left, 1))] / (e + kept)
        mean_after, mean_before = weight_after @ after, weight_before @ before
        whole = weight_after[:, None] * (after - mean_after) - weight_before[:, None] * (before - mean_before)
        whole *= _bessel(e + m)
        outside, adapted = np.zeros((n, d)), np.zeros((n, d))
        drift, moved = np.zeros(d), exposed.change.mean(axis=0)
        if control is not None:
            drift = control.change.mean(axis=0)
            outside[e : e + c] = (control.change - drift) * (_bessel(c) / c)
        adapted[:e] = (exposed.change - moved) * (_bessel(e) / e)
        return cls((moved - drift, adapted - outside), (drift, outside), (mean_after - mean_before, whole))

    def size(self, part: tuple[Floats, Floats], z: float) -> Interval:
        """Unbiased squared norm; variance = 4 d'Cov d + 2 tr(Cov^2), both from users."""
        estimate, shares = part
        gram = shares @ shares.T
        own = float(np.trace(gram))
        value = float(estimate @ estimate) - own
        linear = 4.0 * float(np.square(shares @ estimate).sum())
        degenerate = 2.0 * (float(np.square(gram).sum()) - float(np.square(np.diag(gram)).sum()))
        half = z * float(np.sqrt(linear + degenerate))
        return Interval(value=value, low=value - half, high=value + half)

    def shares(self, z: float) -> tuple[Interval, Interval, Interval]:
        """Projections on the whole with a delete-group jackknife over users."""
        groups = np.arange(len(self.whole[1])) % GROUPS
        value = self._ratio(np.ones(len(groups), bool))
        without = np.array([self._ratio(groups != g) for g in range(GROUPS)])
        spread = (GROUPS - 1) / GROUPS * np.square(without - without.mean(axis=0)).sum(axis=0)
        half = z * np.sqrt(spread)
        adapted, outside, audience = (
            Interval(value=float(v), low=float(v - h), high=float(v + h))
            for v, h in zip(value, half, strict=True)
        )
        return adapted, outside, audience

    def _ratio(self, kept: NDArray[np.bool_]) -> Floats:
        adapted, outside, whole = (_without(p, kept) for p in (self.adapted, self.outside, self.whole))
        products = [float(p @ whole[0]) - float((s * whole[1]).sum()) for p, s in (adapted, outside)]
        size = float(whole[0] @ whole[0]) - float(np.square(whole[1]).sum())
        return np.array([*products, size - sum(products)]) / size


def _without(part: tuple[Floats, Floats], kept: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """An estimate without some users, to first order: each user's contribution is known."""
    estimate, shares = part
    scale = len(kept) / max(int(kept.sum()), 1)
    return estimate - scale * shares[~kept].sum(axis=0), shares[kept] * scale


def _bessel(count: int) -> float:
    """Makes centred contributions of a mean of `count` users have its unbiased covariance."""
    return float(np.sqrt(count / max(count - 1, 1)))
