"""Changes of a metric over time, looked at after every 32 outcomes as the product does.  Seeds are fixed."""

import numpy as np
import pytest

from app.core.shifts import Course, Shift, delta_of

pytestmark = pytest.mark.statistical

EVERY, OUTCOMES, PAGES = 32, 6400, 0.05


def first(rates: tuple[float, float], seed: int) -> tuple[int, Shift] | None:
    """Outcomes until a change is told that begins half-way, and what is told."""
    rng, course = np.random.default_rng(seed), Course()
    delta = delta_of(PAGES, OUTCOMES, every=EVERY)
    for n in range(OUTCOMES):
        course.append(float(rng.random() < rates[n >= OUTCOMES // 2]), float(n))
        if n % EVERY == 0 and (found := course.locate(delta=delta)) is not None:
            return n, found
    return None


def test_equal_streams_keep_the_budget_however_often_one_looks() -> None:
    assert sum(first((0.8, 0.8), seed) is not None for seed in range(20)) <= 20 * PAGES


def test_a_fall_is_found_and_located() -> None:
    found = [first((0.85, 0.65), 100 + seed) for seed in range(8)]
    told = [each for each in found if each is not None]
    assert len(told) == 8
    assert all(n >= OUTCOMES // 2 for n, _ in told)
    assert np.median([abs(shift.at - OUTCOMES // 2) for _, shift in told]) < 100
