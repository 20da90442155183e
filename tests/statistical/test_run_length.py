"""The promise behind every page: how often clean traffic alarms, and how soon a shift is found.

Thresholds come from each reference alone; streams are drawn afresh from the population behind it, never
from the reference.  Run lengths are short on purpose, so that seconds show whether they are kept.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import chi2

from app.core.baseline import Baseline
from app.core.calibration import calibrate
from app.core.detection import Detector
from app.core.fixedpoint import WORDING_SCALE, quantise
from app.core.folding import Fold, judge
from app.core.reference import build
from app.core.rows import Rows

pytestmark = pytest.mark.statistical
DIMENSIONS, TOPICS, TICK = 384, 30, 8
REFERENCES, UNITS, STREAM = 4, 1000, 24_000  # units of a reference, and of the clean stream against it
SHARES = (1.0 / np.arange(1, TOPICS + 1)) / (1.0 / np.arange(1, TOPICS + 1)).sum()
CENTRES = np.random.default_rng(100).standard_normal((TOPICS + 1, DIMENSIONS)) / np.sqrt(DIMENSIONS)


@dataclass(frozen=True, slots=True)
class Units:
    """What the eyes saw of m units."""

    wording: NDArray[np.int16]
    shape: NDArray[np.float32]
    meaning: None = None

    @property
    def unknown(self) -> NDArray[np.float32]:
        return np.zeros(len(self.shape), np.float32)


def draw(random: np.random.Generator, count: int, *, planted: float = 0.0) -> Units:
    """Units of the population; a share of them is of a topic that the population does not hold."""
    topic = random.choice(TOPICS, size=count, p=SHARES)
    topic[random.random(count) < planted] = TOPICS
    return of_topics(random, topic)


def of_topics(random: np.random.Generator, topic: NDArray[np.int64]) -> Units:
    """One unit of each topic."""
    count = len(topic)
    noise = random.standard_normal((count, DIMENSIONS), np.float32) / np.sqrt(DIMENSIONS)
    rows = CENTRES[topic] + 1.2 * noise
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    latent = random.standard_normal((count, 11))
    latent[:, 1:] += 0.5 * latent[:, :1]
    return Units(quantise(rows, WORDING_SCALE), np.exp(0.4 * latent).astype(np.float32))


@cache
def baseline(seed: int) -> Baseline:
    """A reference of the population with its thresholds: nothing here is patched."""
    units = draw(np.random.default_rng(seed), UNITS)
    texts = tuple(f"word{i % TOPICS}" for i in range(UNITS))
    rows = Rows(wording=units.wording, shape=units.shape, texts=texts)
    reference = build(rows, application="made", kind="baseline", fingerprint="made", seed=seed)
    return Baseline(
        reference=reference,
        calibration=calibrate(reference, tick_units=TICK, seed=seed),
        horizon_seconds=0.0,
        units_per_second=1.0,
        sample_rate=1.0,
        run_length=1e6,
        window_units=32,
    )


def ticks(found: Baseline, units: Units) -> Iterator[Fold]:
    judged = judge(units, baseline=found)
    for start in range(0, len(units.wording), TICK):
        rows = slice(start, start + TICK)
        yield Fold(
            units=TICK,
            sums={eye: seen[rows].sum(axis=0, dtype=np.int64) for eye, seen in judged.seen.items()},
            novelty={eye: np.bincount(bins[rows], minlength=24) for eye, bins in judged.bins.items()},
        )


def alarms(found: Baseline, stream: list[Fold], level: float) -> int:
    """How often the score passes a level when the detector starts anew after each alarm."""
    detector, count = Detector(found), 0
    for fold in stream:
        detector.update(fold)
        if detector.get().value >= level:
            detector, count = Detector(found), count + 1
    return count


def poisson_interval(count: int, error: float = 0.01) -> tuple[float, float]:
    """Exact interval of the expected number behind a Poisson count (Garwood, 1936)."""
    low = 0.0 if count == 0 else float(chi2.ppf(error / 2, 2 * count)) / 2
    return low, float(chi2.ppf(1 - error / 2, 2 * count + 2)) / 2


@cache
def clean(seed: int) -> list[Fold]:
    return list(ticks(baseline(seed), draw(np.random.default_rng(1000 + seed), STREAM)))


@pytest.mark.parametrize("promised", [1_000, 5_000])
def test_clean_traffic_alarms_as_rarely_as_promised(promised: int) -> None:
    """Pooled over references; the 99 % interval of the rate must meet the promise within a factor 2."""
    counts = [alarms(baseline(seed), clean(seed), np.log10(promised)) for seed in range(REFERENCES)]
    expected = REFERENCES * STREAM / promised
    low, high = poisson_interval(sum(counts))
    ratio = [expected / max(number, 0.1) for number in (sum(counts), high, low)]
    print(
        f"promised {promised:,} units: {sum(counts)} alarms {counts} where {expected:.0f} are expected; "
        f"realised / promised {ratio[0]:.2f} [{ratio[1]:.2f}, {ratio[2]:.2f}]"
    )
    assert low <= 2 * expected
    assert high >= expected / 2


def test_a_new_topic_of_a_tenth_of_the_traffic_is_found_within_400_units() -> None:
    """At the threshold that is used, a run length of a million units."""
    delays = []
    for seed in range(REFERENCES):
        found = baseline(seed)
        detector = Detector(found)
        quiet = draw(np.random.default_rng(2000 + seed), 400)
        for fold in ticks(found, quiet):
            detector.update(fold)
        shifted = draw(np.random.default_rng(3000 + seed), 3000, planted=0.1)
        for number, fold in enumerate(ticks(found, shifted), start=1):
            detector.update(fold)
            if detector.get().value >= found.threshold:
                delays.append(number * TICK)
                break
    print(f"10 % of a new topic: found after {delays} units")
    assert len(delays) == REFERENCES
    assert max(delays) <= 400
    assert np.mean(delays) <= 250
