"""The reference artefact: what normal looks like, built once, immutable.

Kinds: `evalset` (made from the eval set; answers the gap), `baseline` and `responses` (learned from the
prompts and the responses of clean production; answer the change).  The same structure serves all; only
what is learned is calibrated.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from app.core import novelty, spectrum
from app.core.aspects import PROMPTS, RESPONSES
from app.core.clusters import Clusters
from app.core.clusters import fit as fit_clusters
from app.core.clusters import partition as partition_clusters
from app.core.fixedpoint import SCORE_SCALE, WORDING_SCALE, Floats, quantise, restore
from app.core.spectrum import Spectrum
from schemas.readings import Aspect

MINIMUM_UNITS = 100
KNOTS = 512
UNCOVERED_LEVEL = 0.01  # beyond the reference's own 99 % novelty quantile
EYES = ("wording", "shape")
LEARNED_KINDS: dict[Aspect, str] = {PROMPTS: "baseline", RESPONSES: "responses"}


class TooFewUnits(ValueError):
    """The reference has fewer usable units than any honest calibration needs."""


@dataclass(frozen=True, slots=True)
class Eye:
    """What one eye knows of the reference: its spectrum and sorted out-of-fold norms (n,)."""

    spectrum: Spectrum
    norms: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """n units as the eyes saw them: wording int16 (n, 384), shape float32 (n, 11), texts redacted."""

    wording: NDArray[np.int16]
    shape: NDArray[np.float32]
    texts: tuple[str, ...]
    languages: tuple[str | None, ...] = ()
    code: tuple[bool, ...] = ()

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A named, content-addressed reference.  Vectors compare only under `fingerprint`."""

    application: str
    kind: str  # evalset | baseline | responses
    id: str
    fingerprint: str
    rows: Rows
    grids: Floats  # (11, knots) sorted raw shape values
    eyes: dict[str, Eye]
    clusters: Clusters
    tick_seconds: float = 1.0
    chunk_units: int = 4
    block_units: int = 1  # consecutive rows that depend on each other
    seed: int = 0
    window: tuple[float, float] | None = None  # event times, epoch seconds, of a baseline

    @property
    def units(self) -> int:
        """Number of reference units."""
        return len(self.rows)

    @property
    def aspect(self) -> Aspect:
        """What it is a reference of."""
        return RESPONSES if self.kind == LEARNED_KINDS[RESPONSES] else PROMPTS

    def scores(self, shape: NDArray[np.float32]) -> NDArray[np.int16]:
        """Normal scores by rank in the reference, fixed point; shape (m, 11)."""
        return quantise(normal_scores(shape, self.grids), SCORE_SCALE)

    def eye_rows(self, wording: NDArray[np.int16], shape: NDArray[np.float32]) -> dict[str, Floats]:
        """Both eyes' coordinates of m units as floats."""
        return {
            "wording": restore(wording, WORDING_SCALE),
            "shape": restore(self.scores(shape), SCORE_SCALE),
        }


def normal_scores(shape: NDArray[np.float32], grids: Floats) -> Floats:
    """Rank of each raw number among the reference's, as a normal quantile in [-3.3, 3.3].

    Ties take the middle rank, so a constant column scores 0 (van der Waerden scores).

    >>> normal_scores(np.array([[2.0]], dtype=np.float32), np.array([[1.0, 2.0, 3.0]])).tolist()
    [[0.0]]
    """
    out = np.empty(shape.shape)
    for j, grid in enumerate(grids):
        low = np.searchsorted(grid, shape[:, j], side="left")
        high = np.searchsorted(grid, shape[:, j], side="right")
        out[:, j] = ndtri(((low + high) / 2 + 0.5) / (len(grid) + 1.0))
    return np.clip(out, -3.3, 3.3)


def build(
    rows: Rows,
    *,
    application: str,
    kind: str,
    fingerprint: str,
    seed: int = 0,
    labels: NDArray[np.int64] | None = None,
) -> Reference:
    """Build a reference from n >= MINIMUM_UNITS units.  Cost: about 2 s at n = 2000.

    Args: labels, cluster labels found by another eye (the transformer); else k-means on wording.
    Raises: TooFewUnits.
    """
    demand_units(len(rows), kind, application)
    views = own_views(rows)
    eyes = {name: _eye(view) for name, view in views.items()}
    identity = content_id(rows, kind, fingerprint, seed, labels)
    if labels is None:
        labels = partition_clusters(views["wording"], cluster_count(len(rows)), seed=seed)
    return Reference(
        application=application,
        kind=kind,
        id=identity,
        fingerprint=fingerprint,
        rows=rows,
        grids=grids_of(rows),
        eyes=eyes,
        clusters=fit_clusters(views["wording"], rows.texts, labels=labels),
        seed=seed,
    )


def grids_of(rows: Rows) -> Floats:
    """Sorted raw shape values at up to KNOTS even ranks, shape (11, knots)."""
    knots = np.linspace(0.0, 1.0, min(len(rows), KNOTS))
    return np.quantile(rows.shape.astype(np.float64), knots, axis=0, method="inverted_cdf").T


def own_views(rows: Rows) -> dict[str, Floats]:
    """Both eyes' coordinates of units among themselves."""
    scores = quantise(normal_scores(rows.shape, grids_of(rows)), SCORE_SCALE)
    return {"wording": restore(rows.wording, WORDING_SCALE), "shape": restore(scores, SCORE_SCALE)}


def demand_units(count: int, kind: str, application: str) -> None:
    """Raises: TooFewUnits below MINIMUM_UNITS."""
    if count < MINIMUM_UNITS:
        raise TooFewUnits(
            f"{kind} of {application!r} has {count} usable units; at least {MINIMUM_UNITS} are needed, "
            "2,000 are recommended"
        )


def _eye(view: Floats, block_units: int = 1) -> Eye:
    fitted = spectrum.fit(view)
    norms = np.square(spectrum.out_of_fold(view, fitted, block_units=block_units)).sum(axis=1)
    return Eye(fitted, np.sort(norms))


def in_blocks(reference: Reference, block_units: int) -> Reference:
    """The same reference, with norms out of folds that hold whole blocks of consecutive rows."""
    if block_units == reference.block_units:
        return reference
    views = reference.eye_rows(reference.rows.wording, reference.rows.shape)
    eyes = {name: _eye(view, block_units) for name, view in views.items()}
    return replace(reference, eyes=eyes, block_units=block_units)


def cluster_count(units: int) -> int:
    """K of the standing clusters: about one per 40 units, 4 to 48.

    >>> [cluster_count(n) for n in (100, 800, 5000)]
    [4, 20, 48]
    """
    return int(np.clip(units // 40, 4, 48))


def content_id(
    rows: Rows, kind: str, fingerprint: str, seed: int, labels: NDArray[np.int64] | None = None
) -> str:
    """Identity of a reference: a hash of everything that its numbers are computed from."""
    digest = hashlib.blake2b(digest_size=8)
    digest.update(f"{kind}|{fingerprint}|{seed}|{len(rows)}|".encode())
    digest.update(rows.wording.tobytes())
    digest.update(rows.shape.tobytes())
    if labels is not None:
        digest.update(labels.tobytes())
    return f"{kind}-{digest.hexdigest()}"


def uncovered(reference: Reference, wording: Floats) -> NDArray[np.bool_]:
    """Whether each unit lies beyond the reference's 99 % novelty quantile, shape (m,)."""
    eye = reference.eyes["wording"]
    p = novelty.p_values(eye.spectrum.mahalanobis(wording), eye.norms)
    return p <= UNCOVERED_LEVEL


def concatenate(parts: Sequence[Rows]) -> Rows:
    """Rows one after another."""
    return Rows(
        wording=np.concatenate([p.wording for p in parts]),
        shape=np.concatenate([p.shape for p in parts]),
        texts=tuple(t for p in parts for t in p.texts),
        languages=tuple(x for p in parts for x in p.languages),
        code=tuple(x for p in parts for x in p.code),
    )
