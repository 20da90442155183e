from dataclasses import replace
from random import Random

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.aspects import Subject
from app.core.baseline import (
    Baseline,
    BaselineSettings,
    learn,
    tick_length,
    unit_rate,
    units_of_tick,
)
from app.core.reference import TooFewUnits
from schemas.ticks import Sample
from tests.core.test_dependence import sessions
from tests.rig import made


def learned(samples: list[Sample], settings: BaselineSettings | None = None) -> Baseline:
    with made.quick_calibration(streams=8, length=800):
        return learn(
            samples,
            subject=Subject(made.APP),
            fingerprint=made.FINGERPRINT,
            settings=settings or BaselineSettings(),
            partitions=1,
            until=samples[-1].time if samples else 0.0,
        )


def test_independent_users_need_no_horizon() -> None:
    found = made.baseline(400)
    assert found.horizon_seconds == 0.0
    assert found.dependence.inflation == pytest.approx(1.0, abs=0.1)
    assert found.dependence.block_units == 1
    assert found.doubts == ()


def test_without_keys_nothing_is_promised() -> None:
    bare = [msgspec.structs.replace(s, key=None, gap=None) for s in made.samples(made.interactions(150))]
    found = learned(bare)
    assert found.dependence.keyless == 1.0
    assert "user_hash" in found.doubts[0]


def test_a_key_that_all_share_is_no_key() -> None:
    shared = [msgspec.structs.replace(s, key=1) for s in made.samples(made.interactions(150))]
    found = learned(shared, BaselineSettings(horizon_seconds=0.0))
    assert found.dependence.largest_key == 1.0
    assert any("one key" in doubt for doubt in found.doubts)


def test_neighbours_that_resemble_each_other_are_drawn_together() -> None:
    stretches = [
        event
        for number, topic in enumerate(Random(1).choices(list(made.USUAL), k=60))
        for event in made.interactions(6, first=6 * number, topics={topic: 1.0})
    ]
    found = learned(made.samples(stretches))
    assert found.dependence.block_units >= 4
    assert found.reference.block_units == found.dependence.block_units


def test_a_horizon_that_the_user_fixed_is_not_given_up_for_want_of_units() -> None:
    samples = made.samples(sessions(60, 3, apart=20.0))
    with pytest.raises(TooFewUnits):
        learned(samples, BaselineSettings(horizon_seconds=600.0))


@pytest.mark.parametrize("count", [0, 1, 99])
def test_few_or_no_candidates_are_too_few_units(count: int) -> None:
    with pytest.raises(TooFewUnits, match=f"{count} usable units"):
        learned(made.samples(made.interactions(count)))


def test_the_same_candidates_give_the_same_baseline() -> None:
    samples = made.samples(made.interactions(150))
    one, other = learned(samples), learned(samples)
    assert one.reference.id == other.reference.id
    assert one.calibration.joint.tobytes() == other.calibration.joint.tobytes()
    assert one.reference.clusters.names == other.reference.clusters.names


def test_it_holds_what_it_was_learned_from_and_nothing_later() -> None:
    found = made.baseline(400)
    window = found.reference.window
    assert window is not None
    assert found.holds(window[0])
    assert found.holds(window[1])
    assert not found.holds(window[1] + 0.001)
    assert not replace(found, reference=replace(found.reference, window=None)).holds(0.0)


def test_the_rate_of_units_survives_clocks_that_are_years_wrong() -> None:
    times = sorted([0.0, 4e9, *(1.7e9 + i / 2 for i in range(400))])
    assert unit_rate(times) == pytest.approx(2.0, rel=0.02)


def test_units_of_one_instant_have_a_finite_rate() -> None:
    assert unit_rate([5.0] * 300) == pytest.approx(1000.0)


@given(st.floats(1e-6, 1e3), st.integers(0, 10**9))
def test_borders_of_ticks_are_exact(rate: float, number: int) -> None:
    seconds = tick_length(rate)
    border = number * seconds
    if border < 2**32:  # event times of this century and the next
        assert border // seconds == number
        assert np.floor(border / seconds) == number
        assert seconds == pytest.approx(units_of_tick(rate) / rate, rel=1e-4)


def test_selected_rows_belong_together() -> None:
    rows = made.rows(10)
    some = rows.take([7, 2])
    assert some.texts == (rows.texts[7], rows.texts[2])
    assert some.wording.tolist() == rows.wording[[7, 2]].tolist()
    assert len(some.languages) == len(some.code) == 2
