"""The watch bank: named one-dimensional scores for what one wants to hear of at once.

A watch is a logistic direction, one class of example texts against all others, over the wording vector,
0.05 times the shape numbers and the share of unknown tokens.  A unit's score becomes a conformal p-value
among the reference's own scores, and the bets of `novelty` are placed on it: a known direction pays no
price for being searched, so one percent of a class is found where the eyes alone need five (docs/method.md).
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from app.core import novelty
from app.core.encoding import Seen
from app.core.fixedpoint import WORDING_SCALE, Floats

SHAPE_WEIGHT = 0.05
FURTHEST = 4.0  # standard deviations of a shape number: one absurd value must not outvote all words
WEIGHT_SCALE = 2.0**12
RIDGE = 3.0  # C of the logistic regression
FOLDS = 5
REACHED_BY = np.arange(2, 10) / 10  # shares of a class whose scores tell how much of it there is
HALF = 3  # of these, the one that is a half
FEWEST_EXAMPLES = 10
MOST_OF_A_REFERENCE = 0.01  # of one class; beyond it, the class is normal here
PREFIX = "watch: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Bank:
    """k directions with their names.

    `weights` (d + 12, k) and `offsets` (k,) are whole numbers, so that a score is exact: the same alone
    and in any batch.  `levels` (k, 8) holds the scores that 20 % ... 90 % of the class's own examples
    reach under a direction that was trained without them.  `centre`, `spread` (11,) scale the shape.
    """

    names: tuple[str, ...]
    weights: Floats
    offsets: Floats
    levels: Floats
    centre: Floats
    spread: Floats

    def scores(self, seen: Seen) -> Floats:
        """Log odds of each unit for each watch, shape (m, k).  Cost: 2 us a unit."""
        whole = _features(seen, self.centre, self.spread) @ self.weights + self.offsets
        return np.asarray(whole / (WORDING_SCALE * WEIGHT_SCALE))

    def without(self, names: Collection[str]) -> "Bank":
        """The bank less some of its watches."""
        kept = [i for i, name in enumerate(self.names) if name not in names]
        return replace(
            self,
            names=tuple(self.names[i] for i in kept),
            weights=self.weights[:, kept],
            offsets=self.offsets[kept],
            levels=self.levels[kept],
        )

    def shares(self, scores: Floats) -> Floats:
        """About how much of some units, by their scores (m, k), is of each class, (k,).

        The share beyond the score that half of the class's examples reach; but beyond no level may lie
        less than the class alone would bring there (Blanchard, Lee, Scott, 2010, JMLR 11), if its units
        score like its examples.
        """
        beyond = (scores[:, :, None] >= self.levels).mean(axis=0)
        bound = (beyond / REACHED_BY).min(axis=1)
        return np.asarray(np.minimum(beyond[:, HALF], bound))

    @property
    def fingerprint(self) -> str:
        """Identity of names and numbers, hex."""
        digest = hashlib.blake2b(repr(self.names).encode(), digest_size=8)
        for part in (self.weights, self.offsets, self.levels, self.centre, self.spread):
            digest.update(part.astype("<f8").tobytes())
        return digest.hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Watches:
    """A bank beside one reference: only the watches that it can use.

    `scores` holds the reference's own sorted scores (n,) of each; `shares` about how much of the
    reference is of a class, also for the watches that were left out.
    """

    bank: Bank
    scores: dict[str, Floats]
    shares: dict[str, float]
    offered: str  # fingerprint of the bank with the watches that were left out

    def bins(self, seen: Seen) -> dict[str, NDArray[np.int64]]:
        """Bins (m,) of the conformal p-values of each watch's scores, under the name that its channel has."""
        scores = self.bank.scores(seen).T
        return {
            PREFIX + name: novelty.bins_among(own, self.scores[name])
            for name, own in zip(self.bank.names, scores, strict=True)
        }

    @property
    def refused(self) -> dict[str, float]:
        """Watches left out because their class is normal here, with its share."""
        return {name: share for name, share in self.shares.items() if share > MOST_OF_A_REFERENCE}

    @property
    def note(self) -> str | None:
        """What was left out, in words; None where nothing was."""
        left = ", ".join(f"{name} (about {share:.1%} of it)" for name, share in self.refused.items())
        return f"not watched for, because the baseline holds it already: {left}" if left else None


def train(classes: Mapping[str, Seen], ordinary: Seen) -> Bank:
    """Learn one direction for each class, against ordinary texts and all other classes together.

    Ridge-penalised logistic regression with classes of equal weight (Cox, 1958, JRSS B 20(2)), solved
    by Newton steps to the last digits and rounded, so equal examples give an equal bank.

    Args: classes, at least FEWEST_EXAMPLES examples each.
    Cost: about a second for six classes and 1,000 texts.
    """
    from sklearn.linear_model import LogisticRegression  # a second: most processes read a bank, few learn one
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    parts = [ordinary, *classes.values()]
    shape = np.concatenate([part.shape for part in parts]).astype(np.float64)
    centre, spread = shape.mean(axis=0), np.maximum(shape.std(axis=0), 1e-6)
    rows = np.concatenate([_features(part, centre, spread) for part in parts]) / WORDING_SCALE
    label = np.repeat(np.arange(len(parts)), [len(part.shape) for part in parts])
    directions, offsets, levels = [], [], []
    for number in range(1, len(parts)):
        inside = label == number
        model = LogisticRegression(C=RIDGE, class_weight="balanced", tol=1e-6, max_iter=2000)
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
        apart = cross_val_predict(model, rows, inside, cv=folds, method="decision_function")
        levels.append(np.quantile(apart[inside], 1.0 - REACHED_BY))
        model.fit(rows, inside)
        directions.append(model.coef_[0])
        offsets.append(model.intercept_[0])
    return Bank(
        names=tuple(classes),
        weights=np.rint(np.array(directions).reshape(len(classes), -1).T * WEIGHT_SCALE),
        offsets=np.rint(np.array(offsets) * WEIGHT_SCALE * WORDING_SCALE),
        levels=np.round(levels, 6),
        centre=centre,
        spread=spread,
    )


def place(bank: Bank, rows: Seen) -> Watches:
    """Set a bank beside the rows of a reference, and leave out what is normal there."""
    scores = bank.scores(rows)
    shares = dict(zip(bank.names, np.round(bank.shares(scores), 4).tolist(), strict=True))
    found = Watches(bank=bank, scores={}, shares=shares, offered=bank.fingerprint)
    kept = bank.without(found.refused)
    return replace(
        found, bank=kept, scores={name: np.sort(scores[:, bank.names.index(name)]) for name in kept.names}
    )


def _features(seen: Seen, centre: Floats, spread: Floats) -> Floats:
    """Wording, weighted shape and unknown share, whole numbers in units of 2**-15, shape (m, d + 12)."""
    words = seen.wording.shape[1]
    out = np.empty((len(seen.wording), words + len(centre) + 1))
    out[:, :words] = seen.wording
    scaled = (seen.shape - centre) / spread
    scaled[np.isnan(scaled)] = 0.0
    out[:, words:-1] = SHAPE_WEIGHT * np.minimum(np.maximum(scaled, -FURTHEST), FURTHEST)
    out[:, -1] = seen.unknown
    np.rint(WORDING_SCALE * out[:, words:], out=out[:, words:])
    return out
