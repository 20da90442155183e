from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.baseline import WINDOW_UNITS
from app.core.calibration import DECAYS, Calibration, calibrate, component_bank, usable_decays
from tests.core.test_reference import built, repeated
from tests.rig import made


@cache
def solved(seed: int = 0) -> Calibration:
    with made.quick_calibration(streams=32, length=3000):
        return calibrate(made.reference(400, kind="baseline"), tick_units=8, seed=seed)


def same(one: Calibration, other: Calibration) -> bool:
    names = ("low", "high", "runs", "joint", "alarms")
    return all(getattr(one, n).tobytes() == getattr(other, n).tobytes() for n in names)


def test_it_is_deterministic_under_its_seed() -> None:
    one = solved()
    solved.cache_clear()
    assert same(one, solved())
    assert not same(one, solved(seed=1))


def test_longer_runs_demand_higher_thresholds() -> None:
    found = solved()
    assert (np.diff(found.runs) > 0).all()
    assert (np.diff(found.joint) > 0).all()
    assert (np.diff(found.alarms) <= 0).all()
    assert (found.high > found.low).all()


def test_the_threshold_of_a_run_length_has_that_run_length() -> None:
    found = solved()
    for run, level in zip(found.runs, found.joint, strict=True):
        assert found.log_run_length(float(level)) == pytest.approx(np.log10(run), abs=1e-3)


@given(st.floats(-100, 100), st.floats(0, 100))
def test_a_higher_level_is_never_a_shorter_run(level: float, more: float) -> None:
    found = solved()
    low, high = found.log_run_length(level), found.log_run_length(level + more)
    assert 0.0 <= low <= high < float("inf")


def test_every_component_has_thresholds_and_a_channel() -> None:
    found = solved()
    bank = found.components()
    assert len(bank) == len(found.low) == len(found.high) == len({c.label for c in bank})
    assert {c.channel for c in bank} == {"wording", "mix", "format", "unseen"}
    assert bank == component_bank(found.decays)


@given(st.integers(1, 100_000), st.integers(1, WINDOW_UNITS))
def test_there_is_always_a_scale_and_the_reference_can_carry_it(units: int, tick: int) -> None:
    usable = usable_decays(units, tick)
    assert set(usable) <= set(DECAYS)
    assert usable == (DECAYS[1],) or all(1.6 / a <= units and 1 / a >= tick for a in usable)


@pytest.mark.parametrize("distinct", [1, 2])
def test_a_reference_that_never_varies_gives_finite_thresholds(distinct: int) -> None:
    with made.quick_calibration(streams=8, length=800):
        found = calibrate(built(repeated(120, distinct)), tick_units=8, seed=0)
    assert np.isfinite(found.low).all()
    assert np.isfinite(found.joint).all()
    assert np.isfinite([found.log_run_length(x) for x in (-1.0, 0.0, 1e9)]).all()
