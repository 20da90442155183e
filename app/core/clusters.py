"""Named clusters: where traffic lies, in words a reader recognises.

Clusters explain and never alarm: a histogram is a poor alarm and the best explanation
(docs/method.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.core.fixedpoint import Floats
from app.core.naming import name_clusters

EXEMPLARS = 3


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


def partition(rows: Floats, count: int, *, seed: int) -> NDArray[np.int64]:
    """Labels (n,) of k-means on unit vectors, k clipped to the number of distinct rows."""
    from sklearn.cluster import KMeans  # a second: a worker that starts again learns nothing

    distinct = len(np.unique(rows, axis=0))
    means = KMeans(n_clusters=max(1, min(count, distinct)), n_init=2, random_state=seed)
    return np.asarray(means.fit_predict(rows), dtype=np.int64)


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
