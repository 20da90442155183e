import numpy as np

from app.core.dose import Course, learning
from app.core.fixedpoint import Floats

D = 6
ALONG = np.eye(D)[0]


def users(count: int, strength: Floats, seed: int) -> list[Course]:
    """Courses of eight prompts whose first coordinate follows `strength` (8,)."""
    rng = np.random.default_rng(seed)
    doses = np.arange(8.0)
    return [Course(strength[:, None] * ALONG + 0.3 * rng.normal(size=(8, D)), doses) for _ in range(count)]


def test_users_who_learn_with_use_have_a_slope() -> None:
    found = learning(
        users(60, np.log2(1 + np.arange(8.0)) / 3, 1), users(60, np.zeros(8), 2), (ALONG, ALONG), level=0.05
    )

    assert found is not None
    assert found.low < 1 / 3 < found.high
    assert found.low > 0.2


def test_users_who_jumped_at_once_have_none() -> None:
    found = learning(users(60, np.ones(8), 3), users(60, np.zeros(8), 4), (ALONG, ALONG), level=0.05)

    assert found is not None
    assert found.low < 0 < found.high


def test_what_the_control_learns_as_well_is_taken_off() -> None:
    both = np.log2(1 + np.arange(8.0)) / 3
    found = learning(users(60, both, 5), users(60, both, 6), (ALONG, ALONG), level=0.05)

    assert found is not None
    assert found.low < 0 < found.high


def test_a_few_users_tell_nothing() -> None:
    assert learning(users(9, np.ones(8), 7), users(60, np.zeros(8), 8), (ALONG, ALONG), level=0.05) is None
