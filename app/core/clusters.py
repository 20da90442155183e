"""Named clusters: where traffic lies, in words a reader recognises.

Clusters explain and never alarm: a histogram is a poor alarm and the best explanation
(docs/method.md).  Names are the words that a cluster uses and the rest does not
(class-based tf-idf; Grootendorst, 2022, arXiv:2203.05794).
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from app.core.fixedpoint import Floats

WORD = re.compile(r"[^\W\d_][\w'’-]+")
EXEMPLARS = 3
CONNECTIVES = frozenset({"i'm", "don't", "it's", "can't", "i've", "what's", "isn't", "doesn't", "how's"})


@dataclass(frozen=True, slots=True)
class Clusters:
    """K named centroids on the unit sphere, shape (k, d), with reference shares and exemplars."""

    centroids: Floats
    names: tuple[str, ...]
    shares: tuple[float, ...]
    exemplars: tuple[tuple[str, ...], ...]

    def assign(self, rows: Floats) -> NDArray[np.int64]:
        """Nearest centroid of each row (m, d) by inner product, shape (m,)."""
        return np.asarray(np.argmax(rows @ self.centroids.T, axis=1), dtype=np.int64)


def partition(rows: Floats, count: int, *, seed: int, weights: Floats | None = None) -> NDArray[np.int64]:
    """Labels (n,) of k-means on unit vectors, k clipped to the number of distinct rows."""
    distinct = len(np.unique(rows, axis=0))
    means = KMeans(n_clusters=max(1, min(count, distinct)), n_init=2, random_state=seed)
    return np.asarray(means.fit_predict(rows, sample_weight=weights), dtype=np.int64)


def centroids_of(rows: Floats, labels: NDArray[np.int64]) -> Floats:
    """Mean directions of the labelled rows, unit norm, shape (k, d)."""
    out = np.zeros((int(labels.max()) + 1, rows.shape[1]))
    np.add.at(out, labels, rows)
    return np.asarray(out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12))


def fit(rows: Floats, texts: Sequence[str], *, labels: NDArray[np.int64]) -> Clusters:
    """Name the clusters given by labels and re-assign by centroid, so live units are judged alike."""
    centroids = centroids_of(rows, labels)
    shell = Clusters(centroids, (), (), ())
    assigned = shell.assign(rows)
    names = name_clusters(texts, assigned, len(centroids))
    shares = np.bincount(assigned, minlength=len(centroids)) / len(rows)
    closeness = np.einsum("ij,ij->i", rows, centroids[assigned])
    exemplars = tuple(
        exemplars_of(texts, np.flatnonzero(assigned == k), closeness) for k in range(len(centroids))
    )
    return Clusters(centroids, names, tuple(float(s) for s in shares), exemplars)


def exemplars_of(
    texts: Sequence[str], members: NDArray[np.int64], closeness: Floats, limit: int = EXEMPLARS
) -> tuple[str, ...]:
    """The distinct member texts nearest to their centroid, at most `limit`."""
    ordered = members[np.argsort(-closeness[members], kind="stable")]
    return tuple(dict.fromkeys(texts[int(i)] for i in ordered[: 8 * limit]))[:limit]


def words(text: str) -> list[str]:
    """Lower-case content words; for scripts without spaces, pairs of characters.

    >>> words("Where is my parcel?")
    ['parcel']
    """
    found = [w.lower() for w in WORD.findall(text)]
    out: list[str] = []
    for word in found:
        if word.isascii() or len(word) < 12:
            out.append(word)
        else:
            out.extend(word[i : i + 2] for i in range(0, min(len(word), 60) - 1, 2))
    return [w for w in out if w not in ENGLISH_STOP_WORDS and w not in CONNECTIVES]


def name_clusters(
    texts: Sequence[str], labels: NDArray[np.int64], count: int, top: int = 3
) -> tuple[str, ...]:
    """Name each cluster by its `top` most telling words; equal names get a number.

    Weight of word w in cluster c: share of c's texts with w, times log(1 + 1 / overall share).
    """
    inside = [Counter[str]() for _ in range(count)]
    overall = Counter[str]()
    sizes = np.bincount(labels, minlength=count)
    for text, label in zip(texts, labels, strict=True):
        present = set(words(text))
        inside[int(label)].update(present)
        overall.update(present)
    names: list[str] = []
    for k in range(count):
        weighted = {
            w: n / max(int(sizes[k]), 1) * math.log1p(len(texts) / overall[w]) for w, n in inside[k].items()
        }
        best = sorted(weighted, key=lambda w: (-weighted[w], w))[:top]
        names.append(_distinct(" · ".join(best) or "no words", names))
    return tuple(names)


def _distinct(name: str, taken: Sequence[str]) -> str:
    number = 2
    fresh = name
    while fresh in taken:
        fresh, number = f"{name} ({number})", number + 1
    return fresh
