from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.aspects import Subject
from app.core.baseline import Baseline, BaselineSettings, learn
from app.core.calibration import LEAST_BET, WATCH_BACK, component_bank
from app.core.detection import Detector
from app.core.folding import Fold, judge
from app.core.history import Window, watch_rates
from app.core.novelty import bin_edges, tail_bins
from app.core.rows import Rows
from app.core.watch import Bank, place, train
from tests.rig import made
from tests.rig.made import through_msgpack

NAMES = ("gluten", "music")
ORDINARY = {t: share for t, share in made.USUAL.items() if t != "music"}


@cache
def bank() -> Bank:
    classes = {name: made.rows(40, seed=i + 50, topics={name: 1.0}) for i, name in enumerate(NAMES)}
    return train(classes, made.rows(120, seed=60, topics=ORDINARY))


@cache
def watching(mute: tuple[str, ...] = ()) -> Baseline:
    found = made.samples(made.interactions(600, topics=ORDINARY))
    with made.quick_calibration():
        return learn(
            found,
            subject=Subject(made.APP),
            fingerprint=made.FINGERPRINT,
            settings=BaselineSettings(events=600, bank=bank(), mute=mute),
            partitions=1,
            until=found[-1].time,
        )


def traffic(count: int, *, gluten: float = 0.0, seed: int = 3) -> Rows:
    return made.rows(
        count, seed=seed, topics={**{t: s * (1 - gluten) for t, s in ORDINARY.items()}, "gluten": gluten}
    )


def ticks(rows: Rows, found: Baseline, units: int = 8) -> list[Fold]:
    judged = judge(rows, baseline=found)
    folds = [Fold() for _ in range(len(rows) // units)]
    for row in range(len(folds) * units):
        folds[row // units].add(judged, row, row)
    return folds


def test_a_watch_tells_its_class_from_everything_else() -> None:
    usual, gluten = traffic(300), traffic(100, gluten=1.0)
    scores = bank().scores(usual)[:, 0], bank().scores(gluten)[:, 0]
    assert np.quantile(scores[1], 0.05) > np.quantile(scores[0], 0.95)
    music = bank().scores(made.rows(50, seed=4, topics={"music": 1.0}))
    assert (music[:, 1] > music[:, 0]).mean() > 0.9


@given(st.lists(st.integers(0, 49), min_size=1, max_size=20))
def test_a_score_is_the_same_alone_and_in_any_batch(chosen: list[int]) -> None:
    rows = traffic(50, gluten=0.3)
    assert bank().scores(rows.take(chosen)).tobytes() == bank().scores(rows)[chosen].tobytes()


def test_equal_examples_give_an_equal_bank() -> None:
    one = bank()
    bank.cache_clear()
    assert bank().fingerprint == one.fingerprint
    assert one.without(["music"]).fingerprint != one.fingerprint


def test_a_bank_without_a_watch_scores_the_others_alike() -> None:
    rows, rest = traffic(20, gluten=0.5), bank().without(["gluten", "nothing"])
    assert rest.names == ("music",)
    assert rest.scores(rows)[:, 0].tobytes() == bank().scores(rows)[:, 1].tobytes()


def test_numbers_that_are_none_do_not_decide() -> None:
    rows = traffic(5)
    odd = replace(rows, shape=np.array([[np.nan, np.inf, -np.inf, 1e38, *[0.0] * 7]] * 5, np.float32))
    assert np.isfinite(bank().scores(odd)).all()


@pytest.mark.parametrize("share", [0.0, 0.03, 0.3])
def test_the_share_of_a_class_is_told_about_right(share: float) -> None:
    scores = bank().scores(traffic(2000, gluten=share))
    assert share * 0.4 <= bank().shares(scores)[0] <= share * 1.2 + 0.004


def test_what_is_normal_in_a_reference_is_left_out_and_named() -> None:
    found = place(bank(), traffic(500, gluten=0.1))
    assert found.bank.names == ("music",)
    assert list(found.refused) == ["gluten"]
    assert "gluten (about " in str(found.note)
    assert set(found.scores) == {"music"}
    assert place(bank(), traffic(500)).note is None


def test_p_values_of_fresh_units_are_small_as_rarely_as_they_say() -> None:
    p = watching().reference.watches
    assert p is not None
    for bins in p.bins(traffic(3000, seed=9)).values():
        tail = tail_bins(len(next(iter(p.scores.values()))), 0.05)
        border = bin_edges(len(next(iter(p.scores.values()))))[tail]
        assert (bins < tail).mean() == pytest.approx(border, abs=0.03)


def test_watches_are_components_of_the_one_threshold() -> None:
    calibration = watching().calibration
    assert calibration.watches == NAMES
    assert len(calibration.components()) == len(calibration.low) == 2 * 2 * len(calibration.decays) + 6 + 6
    assert {c.channel for c in calibration.components()} >= {"watch: gluten", "watch: music"}


def test_watches_leave_most_of_the_budget_to_the_eyes() -> None:
    """Each alarms at a tenth of the rate of another component with the same thresholds."""
    calibration = watching().calibration
    watches = np.array([c.reading == "watch" for c in calibration.components()])
    steps = calibration.high - calibration.low
    assert (calibration.low[watches] >= steps[watches] * WATCH_BACK).all()
    assert (steps[watches] > LEAST_BET - 1e-9).all()


def test_a_few_percent_of_a_watched_class_are_found_by_the_watch_alone() -> None:
    found = watching(("wording", "shape"))
    detector = Detector(found)
    for fold in ticks(traffic(240), found):
        detector.update(fold)
    assert detector.get().value < found.threshold
    waited = 0
    for fold in ticks(traffic(1200, gluten=0.05, seed=8), found):
        if detector.get().value < found.threshold:
            detector.update(fold)
            waited += fold.units
    assert waited < 1200
    assert detector.get().leader.channel == "watch: gluten"
    lens = detector.lens(detector.get().leader.label)
    assert lens.loudness is not None
    planted = traffic(40, gluten=1.0)
    loud, usual = (lens.loudness(lens.coordinates(r)) for r in (planted, found.reference.rows))
    assert np.median(loud) > np.quantile(usual, 0.95)
    evidence = detector.evidence(detector.get().leader)
    assert sum(evidence(tick, 0.0) for tick in ticks(traffic(400, gluten=0.3), found)) > 0
    assert sum(evidence(tick, 0.0) for tick in ticks(traffic(400, seed=31), found)) < 0


def test_a_restored_detector_goes_on_to_the_last_bit() -> None:
    folds = ticks(traffic(160, gluten=0.2), watching())
    one, other = Detector(watching()), Detector(watching())
    for fold in folds[:10]:
        one.update(fold)
    other.restore(through_msgpack(one.snapshot()))
    for fold in folds[10:]:
        one.update(fold)
        other.update(fold)
    assert one.snapshot() == other.snapshot()


def test_a_muted_eye_has_no_sums_and_no_threshold() -> None:
    found = watching(("shape",))
    (fold, *_) = ticks(traffic(8), found)
    assert set(fold.sums) == {"wording"}
    assert set(fold.novelty) == {"wording", "watch: gluten", "watch: music"}
    assert {c.eye for c in found.calibration.components()} == set(fold.novelty)
    assert found.reference.id != watching().reference.id
    Detector(found).update(fold)


def test_the_wording_is_still_counted_where_it_is_muted() -> None:
    (fold, *_) = ticks(traffic(8), watching(("wording",)))
    assert set(fold.sums) == {"wording", "shape"}  # sizes of effects are read from it
    assert "wording" not in fold.novelty


def test_rates_before_and_now_are_told_highest_first() -> None:
    found, window = watching(), Window(0.0, 1.0)
    for fold in ticks(traffic(400, gluten=0.2), found):
        window.add(fold, [], 1.0)
    first, second = watch_rates([window], found.reference)
    assert (first.name, second.name) == ("gluten", "music")
    assert first.rate_now == pytest.approx(0.2, abs=0.08)
    assert first.rate_before == pytest.approx(0.01, abs=0.005)
    assert second.rate_now < 0.05


def test_components_are_named_once() -> None:
    bank_of = component_bank((1 / 24,), ("wording", "meaning"), ("code",))
    assert len({c.label for c in bank_of}) == len(bank_of)
    assert {c.channel for c in bank_of} == {"wording", "mix", "meaning", "unseen", "watch: code"}
