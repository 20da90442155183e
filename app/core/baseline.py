"""The baseline: a reference learned from the first clean production units, and its calibration.

What measuring needs beyond the reference itself is chosen here, once, from the same units: the session
horizon (how far one person's prompts must be apart to be independent evidence), the tick, the sampling
rate, the run length that the page budget asks for.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import msgspec
import numpy as np

from app.core import budget, reference
from app.core.aspects import Subject
from app.core.autocorrelation import Blocks, blocks
from app.core.calibration import Calibration, calibrate
from app.core.claims import doubts
from app.core.cycles import NO_CYCLES, Cycles, Fitted, learn_cycles
from app.core.dependence import INDEPENDENT, Horizon, Keyed, choose_horizon, largest_key, returning, views
from app.core.encoding import fingerprints
from app.core.fixedpoint import Floats
from app.core.reference import Reference
from app.core.rows import Rows
from app.core.spectrum import fit
from app.core.watch import Bank
from schemas.readings import Dependence
from schemas.ticks import Sample

TICK_UNITS, MOST_TICK_UNITS, TICK_SECONDS = 8, 24, 0.1  # the fastest scale is 24 units
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
    bank: Bank | None = None  # what to watch for
    mute: tuple[str, ...] = ()  # eyes that raise no alarm


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """A calibrated reference with the constants of measuring against it."""

    reference: Reference
    calibration: Calibration
    horizon_seconds: float
    units_per_second: float
    sample_rate: float
    run_length: float
    window_units: int
    cycles: Cycles = NO_CYCLES
    dependence: Dependence = INDEPENDENT
    doubts: tuple[str, ...] = ()  # why no run length is promised

    @property
    def until(self) -> float:
        """Event time of the last event that was learned from."""
        return self.reference.window[1] if self.reference.window is not None else -math.inf

    def holds(self, time: float) -> bool:
        """Whether an event time belongs to what was learned from, and so to no tick."""
        return time <= self.until

    @property
    def threshold(self) -> float:
        """Drift score (log10 run length) at which a page is due."""
        return float(np.log10(self.run_length))


def learn(  # noqa: PLR0913  where and when it is learned
    samples: Sequence[Sample],
    *,
    subject: Subject,
    fingerprint: str,
    settings: BaselineSettings,
    partitions: int,
    until: float,
    share: float = 1.0,
) -> Baseline:
    """Learn a baseline from the candidates up to event time `until`, in order of time.

    `share` of them are given, in whole runs; the others count for the rate of units alone.

    Cost: about 5 s of one core at n = 2000.

    Raises: reference.TooFewUnits.
    """
    if "meaning" in fingerprints(fingerprint):
        samples = [s for s in samples if s.meaning]  # of before that eye was opened
    samples = [s for s in samples if len(s.wording) == len(samples[-1].wording)]  # of before another model
    reference.demand_units(len(samples), f"baseline of {subject.aspect}", subject.application)
    rows = rows_of(samples)
    keyed = Keyed(keys=[s.key for s in samples], gaps=[s.gap for s in samples])
    horizon = choose_horizon(
        keyed, seen_by(rows), fixed=settings.horizon_seconds, fewest=reference.MINIMUM_UNITS
    )
    built = reference.build(
        rows.take(horizon.kept),
        application=subject.application,
        kind=reference.LEARNED_KINDS[subject.aspect],
        fingerprint=fingerprint,
        seed=settings.seed,
        bank=settings.bank,
        mute=settings.mute,
    )
    times = [samples[i].time for i in horizon.kept]
    rate = unit_rate(times) / share
    chunk = int(np.clip(round(rate * 0.25 / partitions), 4, 512))
    built = replace(built, tick_seconds=tick_length(rate), chunk_units=chunk, window=(times[0], until))
    fitted, found = look_around(built, np.array(times))
    built = reference.in_blocks(built, found.units)
    dependence = dependence_of(horizon, keyed, found, fitted.cycles)
    return Baseline(
        reference=built,
        calibration=calibrate(built, tick_units=units_of_tick(rate), seed=settings.seed, cycles=fitted),
        cycles=fitted.cycles,
        horizon_seconds=horizon.seconds,
        dependence=dependence,
        doubts=doubts(dependence, excess=horizon.excess, repaired=found.repaired),
        units_per_second=rate,
        sample_rate=float(np.clip(settings.samples_per_second / rate, 0.1, 1.0)),
        run_length=budget.run_length(settings.pages_per_30_days, rate),
        window_units=max(WINDOW_UNITS, round(5.0 * rate)),
    )


def look_around(built: Reference, times: Floats) -> tuple[Fitted, Blocks]:
    """Day and week in the units, and what they leave of dependence from one unit to the next.

    Dependence makes swings of chance larger: where there is some, the cycles are learned again with it.
    """
    fitted = learn_cycles(built, times)
    found = blocks(seen_by(built.rows, fitted.swings(built)))
    if found.inflation > 1.0 and fitted.cycles.harmonics:
        fitted = learn_cycles(built, times, inflation=found.inflation)
        found = blocks(seen_by(built.rows, fitted.swings(built)))
    return fitted, found


def refit(baseline: Baseline, settings: BaselineSettings) -> Baseline:
    """The same units under the watches and muted eyes of these settings; itself where nothing differs.

    Cost: as `learn`, where something does.
    """
    known = baseline.reference
    offered = None if known.watches is None else known.watches.offered
    wanted = None if settings.bank is None else settings.bank.fingerprint
    if offered == wanted and known.muted == reference.muted_of(known.eyes, settings.mute):
        return baseline
    built = reference.build(
        known.rows,
        application=known.application,
        kind=known.kind,
        fingerprint=known.fingerprint,
        seed=known.seed,
        bank=settings.bank,
        mute=settings.mute,
    )
    fitted = None if known.rows.times is None else look_around(built, known.rows.times)[0]
    cycles = baseline.cycles if fitted is None else fitted.cycles  # of the eyes and watches that count now
    built = replace(
        reference.in_blocks(built, known.block_units),
        tick_seconds=known.tick_seconds,
        chunk_units=known.chunk_units,
        window=known.window,
    )
    units = baseline.calibration.tick_units
    return replace(
        baseline,
        reference=built,
        calibration=calibrate(built, tick_units=units, seed=known.seed, cycles=fitted),
        cycles=cycles,
        dependence=msgspec.structs.replace(baseline.dependence, cycles_found=cycles.found),
    )


def seen_by(rows: Rows, swings: Mapping[str, Floats] = MappingProxyType({})) -> dict[str, Floats]:
    """Plain and whitened vectors of each eye less its swings, by name: "wording p0", "wording p1", ..."""
    out: dict[str, Floats] = {}
    for name, whole in reference.own_views(rows).items():
        view = whole - swings.get(name, 0.0)
        for reading, seen in zip(("p0", "p1"), views(view, fit(view)), strict=True):
            out[f"{name} {reading}"] = seen
    return out


def dependence_of(horizon: Horizon, keyed: Keyed, found: Blocks, cycles: Cycles) -> Dependence:
    """What was measured, as readings tell it."""
    keys = [keyed.keys[i] for i in horizon.kept]
    return Dependence(
        horizon_seconds=horizon.seconds,
        inflation=round(horizon.inflation, 4),
        keyless=round(sum(key is None for key in keys) / len(keys), 4),
        returning=round(returning(keys), 4),
        largest_key=round(largest_key(keys), 4),
        block_units=found.units,
        autocorrelation=found.told,
        cycles_seen=list(cycles.seen),
        cycles_found=cycles.found,
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


def units_of_tick(rate: float) -> int:
    """Units of a tick: 8; of fast traffic as many as come in a tenth of a second, but at most 24.

    Every tick costs the same, and nobody can use an answer sooner.

    >>> [units_of_tick(rate) for rate in (0.5, 80.0, 160.0, 5000.0)]
    [8, 8, 16, 24]
    """
    return int(np.clip(round(rate * TICK_SECONDS), TICK_UNITS, MOST_TICK_UNITS))


def tick_length(rate: float) -> float:
    """Seconds of a tick, in whole 2**-20: borders of ticks are then exact floats.

    >>> tick_length(2.0), tick_length(1e9) > 0
    (4.0, True)
    """
    return max(round(units_of_tick(rate) / rate * 2**20), 1) / 2**20


def rows_of(samples: Sequence[Sample]) -> Rows:
    """Rows of samples, in their order; `meaning` only where every sample was seen with that eye."""
    count, meaning = len(samples), [s.meaning for s in samples]
    return Rows(
        wording=np.frombuffer(b"".join(s.wording for s in samples), "<i2").reshape(count, -1),
        shape=np.frombuffer(b"".join(s.shape for s in samples), "<f4").reshape(count, -1),
        meaning=np.frombuffer(b"".join(meaning), "<i2").reshape(count, -1) if all(meaning) else None,
        texts=tuple(s.text for s in samples),
        languages=tuple(s.language for s in samples),
        code=tuple(s.code for s in samples),
        labels=tuple(tuple(s.labels) for s in samples) if any(s.labels for s in samples) else (),
        segments=tuple(tuple(s.segments) for s in samples),
        times=np.array([s.time for s in samples], np.float64),
        programming=tuple(s.programming for s in samples),
        unknown=np.array([s.unknown for s in samples], np.float32),
    )
