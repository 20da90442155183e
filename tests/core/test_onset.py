from dataclasses import replace

import numpy as np
import pytest

from app.core.calibration import Component, component_bank, usable_decays
from app.core.cycles import COORDINATES, DAILY, DAY, NO_CYCLES, Cycles, moved
from app.core.detection import Detector
from app.core.fixedpoint import WORDING_SCALE
from app.core.folding import Fold
from app.core.history import Window
from app.core.onset import Onset, estimate
from tests.core.test_detection import careful, clean, fed, shifted
from tests.rig.made import through_msgpack

BANK = {c.reading: c for c in component_bank(usable_decays(800, 8)) if c.eye == "wording" and c.index == 1}


def windows(folds: list[Fold], ticks: int = 4) -> list[Window]:
    """Windows of some ticks each, a second a tick."""
    out = []
    for first in range(0, len(folds), ticks):
        window = Window(float(first), float(first + ticks))
        for fold in folds[first : first + ticks]:
            window.add(fold, [], float(first + ticks))
        out.append(window)
    return out


def found(folds: list[Fold], leader: Component, detector: Detector | None = None) -> Onset | None:
    by = detector or fed(folds)
    return estimate(windows(folds), leader, reference=careful().reference, evidence=by.evidence(leader))


@pytest.mark.parametrize("leader", BANK.values(), ids=lambda c: c.label)
def test_the_interval_holds_a_clear_change_and_the_estimate_is_near_it(leader: Component) -> None:
    onset = found([*clean(), *shifted()[:20]], leader)
    assert onset is not None
    assert onset.low is not None
    assert onset.low <= len(clean()) <= onset.high
    assert abs(onset.at - len(clean())) <= 8


def test_a_change_before_anything_remembered_has_no_lower_end() -> None:
    onset = found(shifted(), BANK["p1"])
    assert onset is not None
    assert onset.at == 0.0
    assert onset.low is None


def test_the_reference_s_own_error_is_no_change() -> None:
    """Clean windows lie a little off the reference's mean, for ever: that moves no onset back."""
    onset = found([*clean(), *shifted()[:6]], BANK["p0"])
    assert onset is not None
    assert onset.at >= len(clean()) - 8


def test_without_windows_there_is_no_onset() -> None:
    detector = fed(clean()[:1])
    leader = BANK["p1"]
    reference = careful().reference
    assert estimate([], leader, reference=reference, evidence=detector.evidence(leader)) is None


def test_one_window_is_the_onset() -> None:
    onset = found(shifted()[:4], BANK["p1"])
    assert onset == Onset(0.0, None, 4.0)


def test_times_are_those_of_windows() -> None:
    onset = found([*clean(), *shifted()], BANK["novelty"])
    assert onset is not None
    assert onset.at in np.arange(0.0, 120.0, 4.0)
    assert onset.at < onset.high


@pytest.mark.parametrize("reading", ["p0", "p1"])
def test_a_swing_of_the_day_moves_no_onset(reading: str) -> None:
    """The same windows an hour each, with a swing that the cycles know: the onset is where it was."""
    folds, hour = [*clean(), *shifted()[:20]], DAY / 24
    still = [replace(w, start=w.start * hour, end=w.end * hour) for w in windows(folds, ticks=1)]
    eye = careful().reference.eyes["wording"].spectrum
    weights = np.zeros((4, COORDINATES + 3))
    weights[0] = 3.0  # standard deviations along every direction, with the cosine of the day
    cycles = replace(NO_CYCLES, found=True, harmonics=DAILY, centre=np.zeros(4), weights={"wording": weights})
    swung = []
    for window in still:
        step = moved(cycles.expected(window.middle)["wording"], eye.eigenvalues) @ eye.basis.T
        total = window.total.copy()
        total.sums["wording"] = total.sums["wording"] + total.units * WORDING_SCALE * step  # type: ignore[assignment]
        swung.append(replace(window, total=total))
    detector = fed(folds)

    def onset(seen: list[Window], known: Cycles) -> Onset:
        evidence = Detector(replace(careful(), cycles=known))
        evidence.restore(through_msgpack(detector.snapshot()))
        told = evidence.evidence(BANK[reading])
        found = estimate(seen, BANK[reading], reference=careful().reference, evidence=told, cycles=known)
        assert found is not None
        return found

    assert onset(swung, cycles) == onset(still, NO_CYCLES)
    assert onset(swung, NO_CYCLES) != onset(still, NO_CYCLES)
