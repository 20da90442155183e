from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

from app.core import calibration
from app.core.baseline import Baseline
from app.core.calibration import component_bank
from app.core.detection import Detector
from app.core.folding import Fold, judge
from app.core.reference import build
from tests.core.test_reference import built, repeated
from tests.rig import made
from tests.rig.made import through_msgpack


@cache
def careful() -> Baseline:
    """A baseline calibrated with care enough that its thresholds mean something."""
    reference = build(made.rows(800), application=made.APP, kind="baseline", fingerprint=made.FINGERPRINT)
    with patch.multiple(calibration, STREAMS=48, LENGTH=6000):
        calibrated = calibration.calibrate(reference)
    return replace(made.baseline(400), reference=reference, calibration=calibrated)


def ticks(count: int, *, seed: int = 3, units: int = 8, gluten: float = 0.0) -> list[Fold]:
    topics = {**{t: share * (1 - gluten) for t, share in made.USUAL.items()}, "gluten": gluten}
    rows = made.rows(count * units, seed=seed, topics=topics)
    judged = judge(rows, baseline=careful())
    folds = [Fold() for _ in range(count)]
    for row in range(count * units):
        folds[row // units].add(judged, row, row)
    return folds


def fed(folds: Sequence[Fold]) -> Detector:
    detector = Detector(careful())
    for fold in folds:
        detector.update(fold)
    return detector


@cache
def clean() -> list[Fold]:
    return ticks(60)


@cache
def shifted() -> list[Fold]:
    return ticks(60, gluten=0.4)


def test_the_score_is_zero_before_anything_was_seen() -> None:
    score = Detector(careful()).get()
    assert score.value >= 0.0
    assert np.isfinite(score.levels).all()


def test_clean_traffic_stays_below_the_threshold_and_a_shift_passes_it() -> None:
    threshold = careful().threshold
    quiet, loud = Detector(careful()), Detector(careful())
    assert max(_score(quiet, fold) for fold in clean()) < threshold
    assert max(_score(loud, fold) for fold in shifted()) > threshold


def _score(detector: Detector, fold: Fold) -> float:
    detector.update(fold)
    return detector.get().value


def test_a_restored_detector_has_the_same_future_to_the_last_bit() -> None:
    one, other = fed(shifted()[:20]), Detector(careful())
    other.restore(through_msgpack(one.snapshot()))
    for fold in [*shifted()[20:], *clean()]:
        one.update(fold)
        other.update(fold)
        assert other.get().levels.tobytes() == one.get().levels.tobytes()
        assert other.get().value == one.get().value
    assert other.snapshot() == one.snapshot()


def test_sums_merged_from_many_workers_score_as_those_of_one() -> None:
    merged = []
    for a, b in zip(clean()[::2], clean()[1::2], strict=True):
        ab, ba = Fold(), Fold()
        for out, parts in ((ab, (a, b)), (ba, (b, a))):
            for part in parts:
                out.merge(part)
        merged.append((ab, ba))
    one, other = fed([ab for ab, _ in merged]), fed([ba for _, ba in merged])
    assert one.get().levels.tobytes() == other.get().levels.tobytes()


def test_the_leader_is_the_component_with_the_highest_level() -> None:
    score = fed(shifted()).get()
    bank = component_bank(careful().calibration.decays)
    assert score.leader == bank[int(np.argmax(score.levels))]
    assert len(score.levels) == len(bank)


@pytest.mark.parametrize("reading", ["p0", "p1", "novelty"])
def test_a_window_after_the_change_supports_it_and_one_before_speaks_against_it(reading: str) -> None:
    detector = fed([*clean(), *shifted()])
    bank = component_bank(careful().calibration.decays)
    component = [c for c in bank if c.reading == reading][2]
    evidence = detector.evidence(component)
    before = np.mean([evidence(fold, 0.0) for fold in clean()])
    after = np.mean([evidence(fold, 0.0) for fold in shifted()])
    assert before < 0 < after


@pytest.mark.parametrize("reading", ["p0", "p1", "novelty"])
def test_units_of_the_new_topic_speak_louder_for_the_alarm_than_those_of_the_baseline(reading: str) -> None:
    detector = fed([*clean(), *shifted()])
    bank = component_bank(careful().calibration.decays)
    labels = [c.label for c in bank if c.eye == "wording" and c.reading == reading]
    for label in labels:
        lens = detector.lens(label)
        new, old = made.rows(80, seed=21, topics={"gluten": 1.0}), careful().reference.rows
        assert lens.loudness is not None
        louder, usual = lens.loudness(lens.coordinates(new)), lens.loudness(lens.coordinates(old))
        assert np.median(louder) > np.quantile(usual, 0.9)


def test_one_odd_unit_among_identical_ones_fades_and_many_do_not() -> None:
    """The reference of a health check: it never varies, so nothing has a scale but the bets."""
    same, odd = repeated(400, 1), made.rows(8, seed=9)
    reference = built(same)
    with made.quick_calibration(streams=8, length=1600):
        calibrated = calibration.calibrate(reference)
    found = replace(careful(), reference=reference, calibration=calibrated)
    usual, strange = Fold(), Fold()
    for row in range(8):
        usual.add(judge(same, baseline=found), row, row)
        strange.add(judge(odd, baseline=found), row, row)
    mixed = Fold()
    for row in range(7):
        mixed.add(judge(same, baseline=found), row, row)
    mixed.add(judge(odd, baseline=found), 0, 7)
    detector = Detector(found)
    for fold in [mixed, *[usual] * 31]:  # 256 units: the patience of an episode
        detector.update(fold)
    assert detector.get().value < found.threshold - 1.5
    for _ in range(4):
        detector.update(strange)
    assert found.threshold < detector.get().value < 1000


def test_a_tick_of_many_units_keeps_every_level_finite() -> None:
    big = Fold()
    for fold in shifted() * 20:
        big.merge(fold)
    score = fed([big]).get()
    assert np.isfinite(score.levels).all()
    assert np.isfinite(score.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"units": 0}, "at least one unit"),
        ({"sums": {"wording": np.zeros(384, np.int64)}}, "0 coordinates of shape; the baseline has 11"),
        ({"sums": {"wording": np.zeros(5), "shape": np.zeros(11)}}, "5 coordinates of wording"),
        ({"novelty": {"wording": np.zeros(24, np.int64)}}, "without the 24 counts of shape"),
    ],
)
def test_a_refused_tick_changes_nothing(change: dict[str, Any], message: str) -> None:
    detector = fed(clean()[:5])
    was = detector.snapshot()
    with pytest.raises(ValueError, match=message):
        detector.update(replace(clean()[5], **change))
    assert detector.snapshot() == was
