"""A short form of docs/benchmarks.md, "Deployments": what is said of simulated users; the truth is known."""

from functools import cache

import numpy as np
import pytest

from app.adapters.encoders import load_encoder
from benchmarks import rollouts, streams
from benchmarks.deployment_tables import Found
from benchmarks.deployments import measure, reference_of
from benchmarks.rollouts import WORLDS, Remembered

pytestmark = [
    pytest.mark.statistical,
    pytest.mark.model,
    pytest.mark.shared_data,
    pytest.mark.skipif(not streams.available(), reason="../shared/data is not here"),
]

BLAMELESS = (
    "outside and audience",
    "staggered, outside 15 %",
    "users in both arms, outside 15 %",
    "arms of 40 and 560, outside 15 %",
)
ADAPTED = ("adaptation 30 %", "adaptation 30 %, staggered")
BOTH = "all three"
RUNS = 5
DAYS = (2, 5, 9, 14)


@cache
def found() -> dict[str, Found]:
    pools = rollouts.real_pools(load_encoder(), terse=True)
    metric = Remembered.of_pools(reference_of(pools), pools)
    worlds = [world for world in WORLDS if world.name in (*BLAMELESS, *ADAPTED, BOTH)]
    return {
        world.name: measure(world, pools, metric, runs=RUNS, style="grow terse", days=DAYS)
        for world in worlds
    }


def at_most(share: float, count: int) -> float:
    return share + 2.6 * float(np.sqrt(share * (1 - share) / count))


def test_no_deployment_is_blamed_for_the_outside_or_another_audience() -> None:
    blamed = [flag for name in BLAMELESS for flag in found()[name].blamed]
    plain = [flag for name in BLAMELESS for flag in found()[name].before_after]

    assert np.mean(blamed) <= at_most(0.05, len(blamed))
    assert np.mean(plain) > 0.9


def test_placebo_dates_are_not_blamed() -> None:
    blamed = [flag for one in found().values() for flag in one.placebo]

    assert np.mean(blamed) <= at_most(0.05, len(blamed))


def test_adaptation_of_a_third_is_found_by_looking_again_and_again() -> None:
    assert np.mean([flag for name in ADAPTED for flag in found()[name].blamed]) >= 0.8


def test_shares_are_near_the_truth_and_their_intervals_hold_it() -> None:
    far = [error > 0.1 for one in found().values() for error in one.errors]
    missed = [not flag for one in found().values() for flag in one.covered]

    assert len(far) >= 0.8 * RUNS * len(found())
    assert np.mean(far) <= at_most(0.1, len(far))
    assert np.mean(missed) <= at_most(0.05, len(missed))
