"""Null streams: what the detector's components do on traffic like the reference's own.

Streams are drawn with replacement from the reference's own *out-of-fold* points, each against its own
bootstrap resample of the reference mean, so the reference's sampling error is inside the null.  Where
consecutive units depend on each other, both are drawn in blocks.  Where the baseline knows day and week,
what is drawn is what they leave, and each stream lives with cycles learned from its own resample.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.core import novelty, spectrum
from app.core.autocorrelation import Resample
from app.core.cycles import WEEK, Cycles, Fitted
from app.core.fixedpoint import Floats
from app.core.reference import Reference, own_views
from app.core.watch import PREFIX


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much to simulate: `streams` of `length` units, in ticks."""

    decays: tuple[float, ...]
    tick_units: int
    streams: int
    length: int
    seed: int
    cycles: Fitted | None = None


def simulate(reference: Reference, plan: Plan) -> NDArray[np.float32]:
    """Paths of all components, (streams, steps, components): eye by eye, then the watches."""
    parts = [_eye(name, reference, plan) for name in reference.counting]
    if reference.watches is not None:
        bank = reference.watches.bank
        for name, scores in zip(bank.names, bank.scores(reference.rows).T, strict=True):
            parts.append(_watch(PREFIX + name, scores, reference, plan))
    return np.concatenate(parts, axis=2)


def _eye(name: str, reference: Reference, plan: Plan) -> NDArray[np.float32]:
    """Paths of one eye's components, (streams, steps, 2 * scales + bets)."""
    eye = reference.eyes[name]
    rows = own_views(reference.rows)[name]
    plain = (rows - eye.spectrum.mean) @ eye.spectrum.basis
    fair = spectrum.out_of_fold(rows, eye.spectrum, block_units=reference.block_units)
    drawn = Drawn(
        name,
        coordinates=np.concatenate([plain, fair], axis=1),
        payoffs=_payoffs(np.square(fair).sum(axis=1), reference.block_units, plan),
        deviations=np.sqrt(eye.spectrum.eigenvalues),
    )
    width = plain.shape[1]
    state: NDArray[np.float32] = np.zeros((plan.streams, len(plan.decays), 2 * width), np.float32)
    cusums: Floats = np.zeros((plan.streams, drawn.payoffs.shape[-1]))
    kept = np.array([(1 - a) ** plan.tick_units for a in plan.decays], np.float32)[None, :, None]
    out: list[NDArray[np.float32]] = []
    for sums, bets in drawn.ticks(reference, plan):
        state = np.asarray(kept * state + (1 - kept) / plan.tick_units * sums[:, None, :], np.float32)
        squares = np.square(state)
        p0 = np.cbrt(squares[:, :, :width].sum(axis=2))
        p1 = np.cbrt(squares[:, :, width:].sum(axis=2))
        cusums = novelty.cusum(cusums, bets.astype(np.float64), novelty.CUSUM_CAP)
        out.append(np.concatenate([p0, p1, cusums.astype(np.float32)], axis=1))
    return np.stack(out, axis=1)


def _watch(name: str, scores: Floats, reference: Reference, plan: Plan) -> NDArray[np.float32]:
    """Paths of one watch's bets, (streams, steps, bets), over the units that the eyes draw."""
    nothing = np.zeros((len(scores), 0))
    drawn = Drawn(name, nothing, _payoffs(scores, reference.block_units, plan), np.zeros(0))
    cusums: Floats = np.zeros((plan.streams, drawn.payoffs.shape[-1]))
    out: list[NDArray[np.float32]] = []
    for _, bets in drawn.ticks(reference, plan):
        cusums = novelty.cusum(cusums, bets.astype(np.float64), novelty.CUSUM_CAP)
        out.append(cusums.astype(np.float32))
    return np.stack(out, axis=1)


def _payoffs(oddness: Floats, block_units: int, plan: Plan) -> NDArray[np.float32]:
    """What a unit near each reference point pays each bet in each stream, (streams, n, PLACES, bets).

    Each stream ranks the points against its own resample of the reference, so that it is part of the
    null how well n points happen to know their own tail.
    """
    random = np.random.default_rng(plan.seed + 1000)
    count = len(oddness)
    pay = novelty.bets(count).T.astype(np.float32)
    out = np.empty((plan.streams, count, novelty.PLACES, pay.shape[1]), np.float32)
    chosen = Resample(count, plan.streams, block_units=block_units, random=random).take(count)
    for stream, rows in enumerate(chosen):
        out[stream] = pay[novelty.bin_of(novelty.resampled_p_values(oddness, rows, random), count)]
    return out


@dataclass(slots=True)
class Drawn:
    """What is drawn of an eye or watch: coordinates (n, d plain + d whitened), payoffs
    (streams, n, places, bets).

    `deviations` (d,): standard deviations of the plain coordinates.
    """

    name: str
    coordinates: Floats
    payoffs: NDArray[np.float32]
    deviations: Floats

    def ticks(
        self, reference: Reference, plan: Plan
    ) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Sums of one tick for every stream, less what the stream's own baseline would expect.

        The same seed gives every eye the same units, so their dependence is in the joint threshold.
        """
        count, random = len(self.coordinates), np.random.default_rng(plan.seed)
        resample = Resample(count, plan.streams, block_units=reference.block_units, random=random)
        learned = resample.take(count)
        season = None
        if plan.cycles is not None and plan.cycles.cycles.found:
            moved, paid = self._spread(plan.cycles.expected(self.name))
            self.coordinates, self.payoffs = self.coordinates - moved, self.payoffs - paid[:, None]
            season = Season.of(plan, self.name, learned, reference.tick_seconds)
        both = self.coordinates.astype(np.float32)
        means = np.stack([both[rows].mean(axis=0) for rows in learned])
        stream = np.arange(plan.streams)
        for step in range(plan.length // plan.tick_units):
            chosen = resample.take(plan.tick_units)
            sums = both[chosen[:, 0]]
            for j in range(1, plan.tick_units):
                sums += both[chosen[:, j]]
            sums -= plan.tick_units * means
            places = random.integers(0, novelty.PLACES, chosen.shape)
            bets = self.payoffs[stream[:, None], chosen, places].sum(axis=1)
            if season is not None:
                moved, paid = self._spread(plan.tick_units * season.at(step))
                sums, bets = sums - moved, bets - paid
            yield sums, bets

    def _spread(self, expected: Floats) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Expectations (m, r + bets) as parts of coordinates (m, 2 d) and of payoffs (m, bets)."""
        leading, width = expected.shape[1] - self.payoffs.shape[-1], len(self.deviations)
        moved = np.zeros((len(expected), 2 * width), np.float32)
        moved[:, :leading] = expected[:, :leading] * self.deviations[:leading]
        moved[:, width : width + leading] = expected[:, :leading]
        return moved, expected[:, leading:].astype(np.float32)


@dataclass(frozen=True, slots=True)
class Season:
    """How wrong each stream's own cycles are, as its time goes by.

    `starts` (streams,): event times; `mistakes` (streams, 2h, c): of the weights.
    """

    cycles: Cycles
    starts: Floats
    mistakes: Floats
    tick_seconds: float

    @classmethod
    def of(cls, plan: Plan, name: str, learned: NDArray[np.int64], tick_seconds: float) -> "Season":
        """The mistakes of baselines resampled as `learned` (streams, n), each stream beginning somewhere."""
        assert plan.cycles is not None
        starts = np.random.default_rng(plan.seed + 3000).uniform(0.0, WEEK, plan.streams)
        return cls(plan.cycles.cycles, starts, plan.cycles.mistakes(name, learned), tick_seconds)

    def at(self, step: int) -> Floats:
        """What each stream wrongly expects of a unit in its tick number `step`, (streams, c)."""
        features = self.cycles.at(self.starts + step * self.tick_seconds)
        return np.asarray(np.einsum("sh,shc->sc", features, self.mistakes))
