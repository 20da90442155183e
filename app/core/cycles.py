"""Day and week in the baseline: what was expected at this hour is no drift.

Per eye, the leading coordinates and what the novelty bets pay are regressed on harmonics of the week.  A
change of mix moves along few directions, so the coefficients are of low rank: what stands above the
noise's largest singular value is kept, optimally shrunk (Gavish and Donoho, 2017, IEEE Transactions on
Information Theory 63), and of that only what repeats from one period to the next.  The detector
subtracts what is expected of each tick's time; the calibration knows how badly it is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.core import novelty
from app.core.fixedpoint import Floats
from app.core.reference import Reference, own_views
from app.core.watch import PREFIX

DAY, WEEK = 86_400.0, 604_800.0
DAILY = (7, 14)  # harmonics of the week that are harmonics of the day
WEEKLY = (1, 2, 3)  # most of the weekend's step
PERIODS, ALMOST = 2, 0.98  # a baseline must span so many; a span of two weeks ends a little early
COORDINATES = 48  # leading ones per eye: a change of mix moves along the directions of most variance
ABOVE_EDGE = 1.05  # of the noise's largest singular value
REPEATED = 1 / 3  # of its overall size that a swing must have in even and in odd periods alone
RIDGE = 0.02
FEWEST_ALIKE, HOURS_ASKED = 256, 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycles:
    """What a baseline expects of the time of day and week.

    `seen`: the cycles that it spans at least twice; `harmonics` (h,) of the week, `centre` (2h,) their
    means over the baseline; `weights` by eye (2h, columns): coordinates, in standard deviations, then bets.
    """

    seen: tuple[str, ...] = ()
    found: bool = False  # whether anything repeats beyond chance
    harmonics: tuple[int, ...] = ()
    centre: Floats
    weights: dict[str, Floats]

    def expected(self, time: float) -> dict[str, Floats]:
        """Expected deviations of a unit at an event time, (c,) by eye and watch; empty without cycles."""
        if not self.found:
            return {}
        features = self.at(time)
        return {name: features @ weights for name, weights in self.weights.items()}

    def hours_alike(self, times: Floats, now: Floats) -> NDArray[np.int64]:
        """Of a baseline's units a quarter (or FEWEST_ALIKE), those at hours most like those of others.

        Returns indices, ascending.  What the hour explains is no change: a night is compared with nights.
        Args: event times (n,) and (m,).
        """
        from scipy.spatial.distance import cdist  # a quarter of a second, where there are cycles

        some = np.quantile(now, np.linspace(0.0, 1.0, HOURS_ASKED), method="nearest")
        apart = cdist(waves(times, self.harmonics), waves(some, self.harmonics)).min(axis=1)
        most = max(FEWEST_ALIKE, len(times) // 4)
        return np.sort(np.argsort(apart, kind="stable")[:most])

    def at(self, times: float | Floats) -> Floats:
        """Features of event times, shape (..., 2h): cosine and sine of each harmonic, less their centre."""
        return waves(times, self.harmonics) - self.centre


def moved(expected: Floats, eigenvalues: Floats) -> Floats:
    """Of what is expected of a unit, (c,), its coordinates in the eigenbasis, (d,)."""
    leading = expected[: -len(novelty.BET_SHARES)]
    out = np.zeros(len(eigenvalues))
    out[: len(leading)] = leading * np.sqrt(eigenvalues[: len(leading)])
    return out


def paid(expected: Floats) -> Floats:
    """Of what is expected of a unit, (c,), what it pays each bet, (bets,)."""
    return expected[-len(novelty.BET_SHARES) :]


NO_CYCLES = Cycles(centre=np.zeros(0), weights={})


def waves(times: float | Floats, harmonics: Sequence[int]) -> Floats:
    """Cosine and sine of each harmonic of the week at event times, shape (..., 2h).

    >>> waves(np.array([0.0, WEEK / 4]), (1,)).round(3).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    phase = np.asarray(times, float) % WEEK * (2 * np.pi / WEEK)
    angles = np.multiply.outer(phase, np.asarray(harmonics, float))
    return np.stack([np.cos(angles), np.sin(angles)], axis=-1).reshape(*phase.shape, 2 * len(harmonics))


def spanned(span_seconds: float) -> tuple[str, ...]:
    """The cycles that a span holds at least twice.

    >>> spanned(3 * DAY), spanned(14 * DAY)
    (('day',), ('day', 'week'))
    """
    lengths = {"day": DAY, "week": WEEK}
    return tuple(name for name, length in lengths.items() if span_seconds >= ALMOST * PERIODS * length)


class Regression:
    """The regression of n units on the week, for any values of theirs."""

    def __init__(self, times: Floats, *, inflation: float = 1.0) -> None:
        """`times` (n,) ascending; `inflation` of a mean's variance by dependence among the units."""
        self.seen = spanned(float(times[-1] - times[0]))
        daily, weekly = "day" in self.seen, "week" in self.seen
        self.harmonics = tuple(sorted((DAILY if daily else ()) + (WEEKLY if weekly else ())))
        raw = waves(times, self.harmonics)
        self.centre = raw.mean(axis=0)
        self.features = raw - self.centre
        trend = times - times.mean()  # a steady change would pass for a swing that repeats
        slopes = trend @ self.features / max(float(trend @ trend), 1e-12)
        self._steady = self.features - np.outer(trend, slopes)
        self._noise = np.sqrt(inflation / len(times))
        self._odd = np.floor((times - times[0]) / (WEEK if weekly else DAY)) % 2 == 1
        gram = self._steady.T @ self._steady / len(times) + RIDGE * np.eye(len(self.centre))
        values, vectors = np.linalg.eigh(gram)
        self._root, self._unroot = ((vectors * values**power) @ vectors.T for power in (-0.5, 0.5))

    def learn(self, values: Floats) -> Floats:
        """Weights (2h, c) of what swings in centred values (n, c) of unit variance; 0 where none repeats."""
        if not self.harmonics:
            return np.zeros((0, values.shape[1]))
        left, sizes, right = np.linalg.svd(self._raw(values, slice(None)), full_matrices=False)
        kept = shrink(sizes, (len(self.centre), values.shape[1]), self._noise)
        for i in np.flatnonzero(kept):
            profile, score = self._steady @ (self._root @ left[:, i]), values @ right[i]
            halves = [_slope(profile[part], score[part]) for part in (self._odd, ~self._odd)]
            if min(halves) < REPEATED * sizes[i]:
                kept[i] = 0.0
        return np.asarray(self._root @ ((left * kept) @ right))

    def mistakes(self, values: Floats, weights: Floats, chosen: NDArray[np.int64]) -> Floats:
        """What learning from resampled units would get wrong, (streams, 2h, c).

        Args: chosen (streams, m), the rows of each stream's resample.
        """
        whole = self._root @ self._raw(values, slice(None))  # with its noise, which is not to be drawn twice
        rest, truth = values - self._steady @ whole, self._unroot @ weights
        return np.stack([self._shrunk(truth + self._raw(rest[rows], rows)) - weights for rows in chosen])

    def _raw(self, values: Floats, rows: NDArray[np.int64] | slice) -> Floats:
        """Coefficients (2h, c) of orthonormal features for values (m, c) of some rows."""
        return np.asarray(self._root @ (self._steady[rows].T @ values) / len(values))

    def _shrunk(self, raw: Floats) -> Floats:
        left, sizes, right = np.linalg.svd(raw, full_matrices=False)
        return np.asarray(self._root @ ((left * shrink(sizes, raw.shape, self._noise)) @ right))


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """Cycles with what they were learned from, for the calibration to know their error.

    By eye or watch: `values` (n, c) of unit variance, and their `scales` (c,), payoffs being in nats.
    """

    cycles: Cycles
    regression: Regression
    values: dict[str, Floats]
    scales: dict[str, Floats]

    def expected(self, name: str) -> Floats:
        """What the cycles expect of the baseline's own units, (n, c)."""
        return np.asarray(self.regression.features @ self.cycles.weights[name])

    def swings(self, reference: Reference) -> dict[str, Floats]:
        """By eye, what the cycles expect of the baseline's own units in its coordinates, (n, d)."""
        out: dict[str, Floats] = {}
        for name in reference.counting if self.cycles.found else ():
            spectrum = reference.eyes[name].spectrum
            leading = slice(0, min(COORDINATES, len(spectrum.mean)))
            along = self.expected(name)[:, leading] * np.sqrt(spectrum.eigenvalues[leading])
            out[name] = along @ spectrum.basis[:, leading].T
        return out

    def mistakes(self, name: str, chosen: NDArray[np.int64]) -> Floats:
        """Weights that resampled baselines would get wrong, (streams, 2h, c)."""
        unit = self.cycles.weights[name] / self.scales[name]
        return self.regression.mistakes(self.values[name], unit, chosen) * self.scales[name]


def learn_cycles(reference: Reference, times: Floats, *, inflation: float = 1.0) -> Fitted:
    """Day and week in a baseline's units, whose event times (n,) ascend.  Cost: well below a second."""
    regression = Regression(times, inflation=inflation)
    values: dict[str, Floats] = {}
    scales: dict[str, Floats] = {}
    for name, (coordinates, oddness) in _observed(reference).items():
        pay = novelty.bets(reference.units).T[
            novelty.bin_of(novelty.p_values(oddness, np.sort(oddness)), reference.units)
        ]
        pay = pay - pay.mean(axis=0)
        spread = float(np.sqrt(np.linalg.eigvalsh(np.cov(pay.T))[-1])) or 1.0
        values[name] = np.concatenate([coordinates, pay / spread], axis=1)
        scales[name] = np.concatenate([np.ones(coordinates.shape[1]), np.full(pay.shape[1], spread)])
    weights = {name: regression.learn(seen) * scales[name] for name, seen in values.items()}
    cycles = Cycles(
        seen=regression.seen,
        found=any(bool(np.any(part)) for part in weights.values()),
        harmonics=regression.harmonics,
        centre=regression.centre,
        weights=weights,
    )
    return Fitted(cycles=cycles, regression=regression, values=values, scales=scales)


def _observed(reference: Reference) -> dict[str, tuple[Floats, Floats]]:
    """Per eye and watch: leading whitened coordinates (n, r), and how odd each unit is (n,)."""
    out: dict[str, tuple[Floats, Floats]] = {}
    seen = own_views(reference.rows)
    for name in reference.counting:
        spectrum, view = reference.eyes[name].spectrum, seen[name]
        leading = slice(0, COORDINATES)
        along = (view - spectrum.mean) @ spectrum.basis[:, leading]
        out[name] = along / np.sqrt(spectrum.eigenvalues[leading]), spectrum.mahalanobis(view)
    if reference.watches is not None:
        bank = reference.watches.bank
        for name, scores in zip(bank.names, bank.scores(reference.rows).T, strict=True):
            out[PREFIX + name] = np.zeros((reference.units, 0)), scores
    return out


def shrink(sizes: Floats, shape: tuple[int, ...], noise: float) -> Floats:
    """Optimal singular values, in the mean square, of a low-rank matrix seen in noise of a known spread.

    >>> shrink(np.array([10.0, 1.0]), (4, 4), 1.0).round(2).tolist()
    [9.17, 0.0]
    """
    small, large = sorted(shape)
    ratio, unit = small / large, noise * np.sqrt(large)
    scaled = sizes / unit
    squares = np.square(np.square(scaled) - ratio - 1.0) - 4.0 * ratio
    above = scaled > ABOVE_EDGE * (1.0 + np.sqrt(ratio))
    return np.where(above, unit * np.sqrt(np.maximum(squares, 0.0)) / np.maximum(scaled, 1e-12), 0.0)


def _slope(profile: Floats, score: Floats) -> float:
    """Least-squares slope with an intercept; 0 where the profile does not vary."""
    centred = profile - profile.mean() if len(profile) else profile
    return float(centred @ score) / max(float(centred @ centred), 1e-12)
