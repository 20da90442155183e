"""The reference artefact: what normal looks like, built once, immutable.

Kinds: `evalset` (made from the eval set; answers the gap), `baseline` and `responses` (learned from the
prompts and the responses of clean production; answer the change).  The same structure serves all; only
what is learned is calibrated.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from app.core import novelty, spectrum, watch
from app.core.aspects import PROMPTS, RESPONSES
from app.core.clusters import Clusters
from app.core.clusters import fit as fit_clusters
from app.core.clusters import partition as partition_clusters
from app.core.encoding import Seen
from app.core.fixedpoint import SCALES, SCORE_SCALE, Floats, quantise, restore
from app.core.rows import Rows
from app.core.spectrum import Spectrum
from app.core.watch import Bank, Watches
from schemas.ticks import Aspect

MINIMUM_UNITS = 100
KNOTS = 512
EYES = ("wording", "shape")  # of every prompt; "meaning" where the transformer reads it too
UNCOVERED_LEVEL = 0.01  # beyond the reference's own 99 % novelty quantile
LEARNED_KINDS: dict[Aspect, str] = {PROMPTS: "baseline", RESPONSES: "responses"}


class TooFewUnits(ValueError):
    """The reference has fewer usable units than any honest calibration needs."""


@dataclass(frozen=True, slots=True)
class Eye:
    """What one eye knows of the reference: its spectrum and sorted out-of-fold norms (n,)."""

    spectrum: Spectrum
    norms: Floats

    def p_values(self, view: Floats) -> Floats:
        """Conformal p-value of the novelty of each row, shape (m,)."""
        return novelty.p_values(self.spectrum.mahalanobis(view), self.norms)


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
    watches: Watches | None = None
    muted: tuple[str, ...] = ()  # eyes that raise no alarm
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
    def counting(self) -> tuple[str, ...]:
        """The eyes that may raise an alarm."""
        return tuple(name for name in self.eyes if name not in self.muted)

    @property
    def aspect(self) -> Aspect:
        """What it is a reference of."""
        return RESPONSES if self.kind == LEARNED_KINDS[RESPONSES] else PROMPTS

    def scores(self, shape: NDArray[np.float32]) -> NDArray[np.int16]:
        """Normal scores by rank in the reference, fixed point; shape (m, 11)."""
        return quantise(normal_scores(shape, self.grids), SCORE_SCALE)

    def look(self, seen: Seen) -> dict[str, NDArray[np.int16]]:
        """Coordinates of m units in fixed point, for each eye of this reference.

        The shape eye's are normal scores by rank in the reference.
        """
        return look(seen, self.grids, self.eyes)


def normal_scores(shape: NDArray[np.float32], grids: Floats, *, own: float = 0.0) -> Floats:
    """Rank of each raw number among the reference's, as a normal quantile in [-3.3, 3.3].

    Ties take the middle rank, so a constant column scores 0 (van der Waerden scores).  `own`: knots that a
    number of the reference itself makes, and which it is not ranked among: else new numbers, which may lie
    beyond all, would vary more.

    >>> grids = np.array([[1.0, 2.0, 3.0]])
    >>> normal_scores(np.array([[2.0]], dtype=np.float32), grids).tolist()
    [[0.0]]
    >>> last, beyond = np.array([[3.0]], dtype=np.float32), np.array([[4.0]], dtype=np.float32)
    >>> normal_scores(last, grids, own=1.0) == normal_scores(beyond, np.array([[1.0, 2.0]]))
    array([[ True]])
    """
    places = np.empty(shape.shape, np.int64)
    for j, (grid, column) in enumerate(zip(grids, shape.T.astype(np.float64), strict=True)):
        places[:, j] = grid.searchsorted(column) + grid.searchsorted(column, side="right")
    return _quantiles(grids.shape[1], own)[places]


@lru_cache(maxsize=64)  # asked for every unit
def _quantiles(knots: int, own: float) -> Floats:
    """Normal score by twice the rank, shape (2 * knots + 1,)."""
    ranks = (np.arange(2 * knots + 1) - own) / 2 + 0.5
    scores = np.clip(ndtri(ranks / (knots + 1.0 - own)), -3.3, 3.3)
    scores.setflags(write=False)
    return np.asarray(scores)


def look(seen: Seen, grids: Floats, eyes: Iterable[str]) -> dict[str, NDArray[np.int16]]:
    """See `Reference.look`.

    Raises: ValueError where the reference has an eye that these units were not seen with.
    """
    found = {
        "wording": seen.wording,
        "shape": quantise(normal_scores(seen.shape, grids), SCORE_SCALE),
        "meaning": seen.meaning,
    }
    out: dict[str, NDArray[np.int16]] = {}
    for name in eyes:
        rows = found[name]
        if rows is None:
            raise ValueError(f"the reference has the eye {name!r}, and these units were not seen with it")
        out[name] = rows
    return out


def build(  # noqa: PLR0913  the parts of an artefact
    rows: Rows,
    *,
    application: str,
    kind: str,
    fingerprint: str,
    seed: int = 0,
    labels: NDArray[np.int64] | None = None,
    bank: Bank | None = None,
    mute: Sequence[str] = (),
) -> Reference:
    """Build a reference from n >= MINIMUM_UNITS units.  Cost: about 2 s at n = 2000.

    Args: labels, cluster labels found by another eye (the transformer), else k-means on wording; bank,
    the watches to set beside it; mute, eyes that raise no alarm.
    Raises: TooFewUnits.
    """
    demand_units(len(rows), kind, application)
    views = own_views(rows)
    muted = muted_of(views, mute)
    alarming = bank if kind == "baseline" else None  # no number of an eval set rests on its watches
    if labels is None:
        grouped = partition_clusters(views["wording"], cluster_count(len(rows)), seed=seed)
    else:
        grouped = labels
    return Reference(
        application=application,
        kind=kind,
        id=content_id(rows, kind, f"{fingerprint}{muted or ''}", seed, labels, alarming),
        fingerprint=fingerprint,
        rows=rows,
        grids=grids_of(rows),
        eyes={name: _eye(view) for name, view in views.items()},
        clusters=fit_clusters(views["wording"], rows.texts, labels=grouped),
        watches=None if bank is None else watch.place(bank, rows),
        muted=muted,
        seed=seed,
    )


def muted_of(eyes: Iterable[str], mute: Sequence[str]) -> tuple[str, ...]:
    """Which of the eyes are among the muted names, sorted."""
    return tuple(sorted(set(eyes) & set(mute)))


def grids_of(rows: Rows) -> Floats:
    """Sorted raw shape values at up to KNOTS even ranks, shape (11, knots)."""
    knots = np.linspace(0.0, 1.0, min(len(rows), KNOTS))
    grids = np.quantile(rows.shape.astype(np.float64), knots, axis=0, method="inverted_cdf")
    return np.ascontiguousarray(grids.T)  # each is searched for every unit


def own_views(rows: Rows) -> dict[str, Floats]:
    """Each eye's coordinates of units among themselves."""
    grids = grids_of(rows)
    scores = normal_scores(rows.shape, grids, own=grids.shape[1] / len(rows))
    seen = {"wording": rows.wording, "shape": quantise(scores, SCORE_SCALE), "meaning": rows.meaning}
    return {name: restore(view, SCALES[name]) for name, view in seen.items() if view is not None}


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
    eyes = {name: _eye(view, block_units) for name, view in own_views(reference.rows).items()}
    return replace(reference, eyes=eyes, block_units=block_units)


def cluster_count(units: int) -> int:
    """K of the standing clusters: about one per 40 units, 4 to 48.

    >>> [cluster_count(n) for n in (100, 800, 5000)]
    [4, 20, 48]
    """
    return int(np.clip(units // 40, 4, 48))


def content_id(
    rows: Rows,
    kind: str,
    fingerprint: str,
    seed: int,
    labels: NDArray[np.int64] | None = None,
    bank: Bank | None = None,
) -> str:
    """Identity of a reference: a hash of everything that its numbers are computed from."""
    digest = hashlib.blake2b(digest_size=8)
    digest.update(f"{kind}|{fingerprint}|{seed}|{len(rows)}|".encode())
    digest.update(rows.wording.tobytes())
    digest.update(rows.shape.tobytes())
    for part in (rows.meaning, labels):
        if part is not None:
            digest.update(part.tobytes())
    if bank is not None:
        digest.update(bank.fingerprint.encode())
    return f"{kind}-{digest.hexdigest()}"


def uncovered(reference: Reference, wording: Floats) -> NDArray[np.bool_]:
    """Whether each unit lies beyond the reference's 99 % novelty quantile, shape (m,)."""
    return reference.eyes["wording"].p_values(wording) <= UNCOVERED_LEVEL
