"""Null streams: what the detector's components do on traffic like the reference's own.

Streams are drawn with replacement from the reference's own *out-of-fold* points, each against its own
bootstrap resample of the reference mean, so the reference's sampling error is inside the null.  Where
consecutive units depend on each other, both are drawn in blocks.  Where the baseline knows day and week,
what is drawn is what they leave, and each stream lives with cycles learned from its own resample.
"""

from collections.abc import Callable, Iterator, Sequence
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
    if reference.watches is not None and reference.watches.bank.names:
        parts.append(_watches(reference, plan))
    return np.concatenate(parts, axis=2)


def _eye(name: str, reference: Reference, plan: Plan) -> NDArray[np.float32]:
    """Paths of one eye's components, (streams, steps, 2 * scales + bets)."""
    eye = reference.eyes[name]
    rows = own_views(reference.rows)[name]
    plain = (rows - eye.spectrum.mean) @ eye.spectrum.basis
    fair = spectrum.out_of_fold(rows, eye.spectrum, block_units=reference.block_units)
    drawn = Drawn(
        (name,),
        coordinates=np.concatenate([plain, fair], axis=1),
        bins=_bins([np.square(fair).sum(axis=1)], reference.block_units, plan),
        deviations=np.sqrt(eye.spectrum.eigenvalues),
    )
    width = plain.shape[1]
    state: NDArray[np.float32] = np.zeros((len(plan.decays), plan.streams, 2 * width), np.float32)
    cusums: Floats = np.zeros((plan.streams, len(novelty.BET_SHARES)))
    kept = np.array([(1 - a) ** plan.tick_units for a in plan.decays], np.float32)
    gain = ((1 - kept) / plan.tick_units) ** (2 / 3)  # of a decayed mean over the decayed sum that is held
    steps = plan.length // plan.tick_units
    out = np.empty((plan.streams, steps, 2 * len(gain) + cusums.shape[1]), np.float32)
    for step, (sums, bets) in enumerate(drawn.ticks(reference, plan)):
        state *= kept[:, None, None]
        state += sums
        squares = [np.vecdot(half, half).T for half in (state[:, :, :width], state[:, :, width:])]
        cusums = novelty.cusum(cusums, bets.astype(np.float64), novelty.CUSUM_CAP)
        out[:, step] = np.concatenate([*(np.cbrt(square) * gain for square in squares), cusums], axis=1)
    return out


def _watches(reference: Reference, plan: Plan) -> NDArray[np.float32]:
    """Paths of all watches' bets, (streams, steps, watches * bets), over the units that the eyes draw."""
    assert reference.watches is not None
    bank = reference.watches.bank
    scores = bank.scores(reference.rows)
    drawn = Drawn(
        tuple(PREFIX + name for name in bank.names),
        coordinates=np.zeros((len(scores), 0)),
        bins=_bins(scores.T, reference.block_units, plan),
        deviations=np.zeros(0),
    )
    cusums: Floats = np.zeros((plan.streams, len(bank.names) * len(novelty.BET_SHARES)))
    out = np.empty((plan.streams, plan.length // plan.tick_units, cusums.shape[1]), np.float32)
    for step, (_, bets) in enumerate(drawn.ticks(reference, plan)):
        out[:, step] = cusums = novelty.cusum(cusums, bets.astype(np.float64), novelty.CUSUM_CAP)
    return out


def _bins(oddness: Sequence[Floats] | Floats, block_units: int, plan: Plan) -> NDArray[np.uint8]:
    """Which bin of p a unit near each reference point falls into, (streams, n, PLACES, k).

    Args: oddness, k rows (n,).  Each stream ranks the points against its own resample of the reference, so
    that it is part of the null how well n points happen to know their own tail.
    """
    count = len(oddness[0])
    out = np.empty((plan.streams, count, novelty.PLACES, len(oddness)), np.uint8)
    for number, odd in enumerate(oddness):
        random = np.random.default_rng(plan.seed + 1000)
        chosen = Resample(count, plan.streams, block_units=block_units, random=random).take(count)
        for stream, rows in enumerate(chosen):
            out[stream, :, :, number] = novelty.bin_of(novelty.resampled_p_values(odd, rows, random), count)
    return out


@dataclass(slots=True)
class Drawn:
    """What is drawn of an eye, or of all watches: coordinates (n, d plain + d whitened), bins of p
    (streams, n, places, names).

    `deviations` (d,): standard deviations of the plain coordinates.
    """

    names: tuple[str, ...]
    coordinates: Floats
    bins: NDArray[np.uint8]
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
        pay = novelty.bets(count).T.astype(np.float32)
        rows, paid, season = self.coordinates, None, None
        if plan.cycles is not None and plan.cycles.cycles.found:
            moved, paid = self._spread(self._of_all(plan.cycles.expected))
            rows = rows - moved
            season = Season.of(plan, self.names, learned, reference.tick_seconds)
        both = rows.astype(np.float32)
        means = np.stack([both[own].mean(axis=0) for own in learned])
        cells = self.bins.reshape(-1, self.bins.shape[-1])
        own = np.arange(plan.streams)[:, None] * count
        for step in range(plan.length // plan.tick_units):
            chosen = resample.take(plan.tick_units)
            sums = both[chosen[:, 0]]
            for j in range(1, plan.tick_units):
                sums += both[chosen[:, j]]
            sums -= plan.tick_units * means
            places = random.integers(0, novelty.PLACES, chosen.shape)
            met = cells.take((own + chosen) * novelty.PLACES + places, axis=0)
            bets = pay.take(met, axis=0).sum(axis=1).reshape(plan.streams, -1)
            if paid is not None and season is not None:
                moved, owed = self._spread(plan.tick_units * season.at(step))
                sums, bets = sums - moved, bets - owed - paid[chosen].sum(axis=1)
            yield sums, bets

    def _of_all(self, part: Callable[[str], Floats]) -> Floats:
        return np.concatenate([part(name) for name in self.names], axis=-1)

    def _spread(self, expected: Floats) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Expectations (m, r + bets) as parts of coordinates (m, 2 d) and of payoffs (m, bets)."""
        width = len(self.deviations)
        leading = expected.shape[1] - len(novelty.BET_SHARES) if width else 0
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
    def of(
        cls, plan: Plan, names: tuple[str, ...], learned: NDArray[np.int64], tick_seconds: float
    ) -> "Season":
        """The mistakes of baselines resampled as `learned` (streams, n), each stream beginning somewhere."""
        assert plan.cycles is not None
        starts = np.random.default_rng(plan.seed + 3000).uniform(0.0, WEEK, plan.streams)
        mistakes = np.concatenate([plan.cycles.mistakes(name, learned) for name in names], axis=-1)
        return cls(plan.cycles.cycles, starts, mistakes, tick_seconds)

    def at(self, step: int) -> Floats:
        """What each stream wrongly expects of a unit in its tick number `step`, (streams, c)."""
        features = self.cycles.at(self.starts + step * self.tick_seconds)
        return np.asarray(np.einsum("sh,shc->sc", features, self.mistakes))
