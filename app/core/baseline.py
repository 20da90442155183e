"""The baseline: a reference learned from the first clean production units, and its calibration.

What measuring needs beyond the reference itself is chosen here, once, from the same units: the session
horizon (how far one person's prompts must be apart to be independent evidence), the tick, the sampling
rate, the run length that the page budget asks for.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from app.core import budget, reference
from app.core.calibration import Calibration, calibrate
from app.core.fixedpoint import WORDING_SCALE, Floats, restore
from app.core.reference import Reference, Rows
from app.core.spectrum import fit, out_of_fold
from app.core.units import is_unit
from schemas.readings import Sample

HORIZONS = (0.0, 60.0, 600.0, 1800.0, 7200.0, 86_400.0)
TOLERATED_INFLATION = 1.1
TICK_UNITS = 8
WINDOW_UNITS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineSettings:
    """How much to learn from, and what the user promised his colleagues."""

    events: int = 2000
    seconds: float | None = None  # learn from a time span instead
    pages_per_30_days: float = 1.0
    horizon_seconds: float | None = None  # None: as the within-key correlation demands
    samples_per_second: float = 50.0
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """A calibrated reference with the constants of measuring against it."""

    reference: Reference
    calibration: Calibration
    horizon_seconds: float
    inflation: float  # variance inflation left by dependence within keys, 1 = independent
    units_per_second: float
    sample_rate: float
    run_length: float
    window_units: int

    def holds(self, time: float) -> bool:
        """Whether an event time belongs to what was learned from, and so to no tick."""
        window = self.reference.window
        return window is not None and time <= window[1]

    @property
    def threshold(self) -> float:
        """Drift score (log10 run length) at which a page is due."""
        return float(np.log10(self.run_length))


def learn(
    samples: Sequence[Sample],
    *,
    application: str,
    fingerprint: str,
    settings: BaselineSettings,
    partitions: int,
    until: float,
) -> Baseline:
    """Learn a baseline from the candidates up to event time `until`, in order of time.

    Cost: about 20 s on 2 cores at n = 2000.

    Raises: reference.TooFewUnits.
    """
    reference.demand_units(len(samples), "baseline", application)
    candidate_rows = rows_of(samples)
    horizon, inflation = choose_horizon(samples, candidate_rows, settings.horizon_seconds)
    kept = [i for i, s in enumerate(samples) if is_unit(s.gap, horizon)]
    rows = select(candidate_rows, kept)
    built = reference.build(
        rows, application=application, kind="baseline", fingerprint=fingerprint, seed=settings.seed
    )
    times = [samples[i].time for i in kept]
    rate = unit_rate(times)
    chunk = int(np.clip(round(rate * 0.25 / partitions), 4, 512))
    built = replace(built, tick_seconds=tick_length(rate), chunk_units=chunk, window=(times[0], until))
    return Baseline(
        reference=built,
        calibration=calibrate(built, tick_units=TICK_UNITS, seed=settings.seed),
        horizon_seconds=horizon,
        inflation=inflation,
        units_per_second=rate,
        sample_rate=float(np.clip(settings.samples_per_second / rate, 0.1, 1.0)),
        run_length=budget.run_length(settings.pages_per_30_days, rate),
        window_units=max(WINDOW_UNITS, round(5.0 * rate)),
    )


def unit_rate(times: Sequence[float]) -> float:
    """Units per second, from ascending event times; a span of zero counts as one millisecond a unit.

    The first and last percent are left out: one event from a clock years behind must not stretch a
    tick to months.

    >>> round(unit_rate([0.0, *(1e9 + i / 2 for i in range(1000))]), 2)
    2.0
    """
    edge = len(times) // 100
    inner = times[edge : len(times) - edge]
    span = max(inner[-1] - inner[0], 1e-3 * len(inner))
    return len(inner) / span


def tick_length(rate: float) -> float:
    """Seconds of a tick of about TICK_UNITS units, in whole 2**-20: borders of ticks are then exact floats.

    >>> tick_length(2.0), tick_length(1e9) > 0
    (4.0, True)
    """
    return max(round(TICK_UNITS / rate * 2**20), 1) / 2**20


def rows_of(samples: Sequence[Sample]) -> Rows:
    """Rows of samples, in their order."""
    return Rows(
        wording=np.frombuffer(b"".join(s.wording for s in samples), "<i2").reshape(len(samples), -1),
        shape=np.frombuffer(b"".join(s.shape for s in samples), "<f4").reshape(len(samples), -1),
        texts=tuple(s.text for s in samples),
        languages=tuple(s.language for s in samples),
        code=tuple(s.code for s in samples),
    )


def select(rows: Rows, kept: Sequence[int]) -> Rows:
    """Some of the rows."""
    index = np.asarray(kept, dtype=np.int64)
    return Rows(
        wording=rows.wording[index],
        shape=rows.shape[index],
        texts=tuple(rows.texts[i] for i in kept),
        languages=tuple(rows.languages[i] for i in kept),
        code=tuple(rows.code[i] for i in kept),
    )


def choose_horizon(samples: Sequence[Sample], rows: Rows, fixed: float | None) -> tuple[float, float]:
    """The shortest horizon that leaves units of one key (nearly) independent, and what is left.

    The variance of a mean of n units with within-key correlation rho is inflated by
    1 + rho * sum m(m-1) / n over keys with m units (Kish, 1965, "Survey Sampling", design effect).
    rho is measured on whitened vectors, where independence means an inner product of 0.
    """
    view = restore(rows.wording, WORDING_SCALE)
    white = out_of_fold(view, fit(view))
    white /= np.sqrt(max(float(np.square(white).sum(axis=1).mean()), 1e-12))
    chosen = (0.0 if fixed is None else fixed, 1.0)
    for horizon in HORIZONS if fixed is None else (fixed,):
        kept = [i for i, s in enumerate(samples) if is_unit(s.gap, horizon)]
        if len(kept) < reference.MINIMUM_UNITS:
            break
        chosen = horizon, design_effect(white, [samples[i].key for i in kept], kept)
        if chosen[1] <= TOLERATED_INFLATION:
            break
    return chosen


def design_effect(white: Floats, keys: Sequence[int | None], kept: Sequence[int]) -> float:
    """Variance inflation from pairs of units with one key, at least 1."""
    groups: dict[int, list[int]] = defaultdict(list)
    for key, row in zip(keys, kept, strict=True):
        if key is not None:
            groups[key].append(row)
    excess = 0.0
    for members in groups.values():
        if len(members) > 1:
            vectors = white[members]
            total = vectors.sum(axis=0)
            excess += float(total @ total) - float(np.square(vectors).sum())
    return max(1.0, 1.0 + excess / max(len(kept), 1))
