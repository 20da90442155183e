from dataclasses import replace
from datetime import timedelta

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.baseline import (
    Baseline,
    BaselineSettings,
    choose_horizon,
    design_effect,
    learn,
    rows_of,
    select,
    tick_length,
    unit_rate,
)
from app.core.reference import TooFewUnits
from schemas.events import Interaction
from schemas.readings import Sample
from tests.rig import made


def learned(samples: list[Sample], settings: BaselineSettings | None = None) -> Baseline:
    with made.quick_calibration(streams=8, length=800):
        return learn(
            samples,
            application=made.APP,
            fingerprint=made.FINGERPRINT,
            settings=settings or BaselineSettings(),
            partitions=1,
            until=samples[-1].time if samples else 0.0,
        )


def sessions(users: int, prompts: int, *, apart: float) -> list[Interaction]:
    """Each user writes `prompts` times, `apart` seconds from each other, in words of his own."""
    out = []
    for user in range(users):
        topic = list(made.USUAL)[user % 3]
        for i, event in enumerate(made.interactions(prompts, seed=user, topics={topic: 1.0})):
            time = made.START + timedelta(seconds=user * 7.0 + i * apart)
            said = f"{event.prompt} mine{user} own{user} my{user} again{user}"
            out.append(
                msgspec.structs.replace(
                    event, id=f"{user}-{i}", time=time, user_hash=f"user-{user}", prompt=said
                )
            )
    return sorted(out, key=lambda event: event.time)


def test_independent_users_need_no_horizon() -> None:
    found = made.baseline(400)
    assert found.horizon_seconds == 0.0
    assert found.inflation == pytest.approx(1.0, abs=0.1)


def test_sessions_demand_a_horizon_that_ends_their_dependence() -> None:
    samples = made.samples(sessions(120, 5, apart=20.0))
    rows = rows_of(samples)
    with made.quick_calibration():
        _, untreated = choose_horizon(samples, rows, fixed=0.0)
        horizon, inflation = choose_horizon(samples, rows, fixed=None)
    assert untreated > 1.5
    assert horizon >= 60.0
    assert inflation < 1.1


def test_with_one_user_the_dependence_that_is_left_is_told() -> None:
    samples = made.samples(made.interactions(150, users=1, topics={"parcel": 1.0, "invoice": 1.0}))
    with made.quick_calibration():
        horizon, inflation = choose_horizon(samples, rows_of(samples), fixed=None)
    assert horizon == 0.0  # any longer one leaves one unit
    assert inflation >= 1.0


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
        assert seconds == pytest.approx(8 / rate, rel=1e-4)


def test_a_pair_of_one_user_counts_and_keyless_units_do_not() -> None:
    white = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert design_effect(white, [1, 1, 2], [0, 1, 2]) == pytest.approx(1 + 2 / 3)
    assert design_effect(white, [None, None, None], [0, 1, 2]) == 1.0
    assert design_effect(white, [1, 2, 1], [0, 1, 2]) == 1.0


def test_selected_rows_belong_together() -> None:
    rows = made.rows(10)
    some = select(rows, [7, 2])
    assert some.texts == (rows.texts[7], rows.texts[2])
    assert some.wording.tolist() == rows.wording[[7, 2]].tolist()
    assert len(some.languages) == len(some.code) == 2
