from dataclasses import replace

import numpy as np
import pytest
from msgspec import structs

from app.core.claims import claim, doubts, keyless_doubt
from app.core.dependence import INDEPENDENT
from schemas.readings import Dependence
from tests.rig import made

TOLERABLE = structs.replace(INDEPENDENT, horizon_seconds=600.0, inflation=1.02, keyless=0.01)


def told(**changed: float) -> Dependence:
    return structs.replace(INDEPENDENT, **changed)


def test_calm_units_with_keys_raise_no_doubt() -> None:
    assert doubts(TOLERABLE, excess=0.0, repaired=True) == ()


@pytest.mark.parametrize(
    ("found", "excess", "repaired", "word"),
    [
        (told(keyless=0.1), 0.0, True, "10% of units"),
        (told(largest_key=0.5), 0.0, True, "one key"),
        (told(inflation=1.8), 0.6, True, "1.8 times"),
        (TOLERABLE, 0.0, False, "longer stretch"),
    ],
)
def test_each_doubt_says_its_measure(found: Dependence, excess: float, repaired: bool, word: str) -> None:
    (doubt,) = doubts(found, excess=excess, repaired=repaired)
    assert word in doubt


def test_keys_that_go_missing_later_are_a_doubt_too() -> None:
    assert keyless_doubt(0, 0) == ()
    assert keyless_doubt(2, 100) == ()
    assert "3%" in keyless_doubt(3, 100)[0]


def test_a_promise_says_its_interval() -> None:
    calibration = replace(made.baseline(400).calibration, error=np.diag([0.01, 0.0]))
    found = claim(1e6, calibration=calibration, reasons=(), cycles_seen=("day", "week"))
    assert found.run_length == 1e6
    assert found.low == pytest.approx(1e6 / 10**0.196, rel=1e-3)
    assert found.high == pytest.approx(1e6 * 10**0.196, rel=1e-3)
    assert "1 false alarm in 1,000,000 units" in found.words
    assert "span" not in found.words


def test_a_promise_says_which_cycles_it_knows_nothing_of() -> None:
    calibration = made.baseline(400).calibration
    found = claim(1e6, calibration=calibration, reasons=(), cycles_seen=("day",))
    assert "does not span a week twice" in found.words


def test_a_promise_with_a_reason_against_it_is_withheld() -> None:
    found = claim(
        1e6, calibration=made.baseline(400).calibration, reasons=("because", "and because"), cycles_seen=()
    )
    assert (found.run_length, found.low, found.high) == (None, None, None)
    assert found.words == "no run length is promised: because; and because"


def test_what_was_simulated_too_little_is_not_promised() -> None:
    calibration = replace(made.baseline(400).calibration, error=np.diag([0.01, 0.2]))
    assert claim(1e5, calibration=calibration, reasons=(), cycles_seen=("day", "week")).run_length == 1e5
    assert claim(1e9, calibration=calibration, reasons=(), cycles_seen=("day", "week")).run_length is None
