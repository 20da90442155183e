"""The set of eyes is data: a third one, muted ones, and baselines that are made anew for other settings."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import msgspec
import numpy as np
import pytest

from app.adapters.pipeline import Output, Pipeline
from app.adapters.references import dump, load
from app.core.aspects import Subject
from app.core.baseline import Baseline, BaselineSettings, learn, refit
from app.core.cycles import DAY
from app.core.encoding import Encoded
from app.core.folding import judge
from app.core.measurement import MeasureSettings
from app.core.monitor_settings import MonitorSettings
from app.core.monitors import Monitors
from app.core.reference import build
from app.core.sampling import References
from app.errors import ReferenceMismatch
from schemas.ticks import Sample
from tests.core.test_watch import bank
from tests.rig import made
from tests.rig.made import APP, FINGERPRINT, WordEncoder, interactions, through_msgpack

THIRD = f"{FINGERPRINT}+third"
LEARNED = 400
CHANGED = {**made.USUAL, "gluten": 0.6}
LOG = (*interactions(700), *interactions(300, first=700, topics=CHANGED))


class ThreeEyes(WordEncoder):
    """A third eye that sees every text backwards: other directions, as many numbers."""

    fingerprint = THIRD

    def encode(self, texts: Sequence[str]) -> Encoded:
        return replace(super().encode(texts), meaning=super().encode([t[::-1] for t in texts]).wording)


def replayed(settings: BaselineSettings, *, partitions: int = 2) -> tuple[list[Output], list[Baseline]]:
    pipeline = Pipeline(
        encoder=ThreeEyes(),
        describe=made.describe,
        references={},
        measure=MeasureSettings(),
        monitor=MonitorSettings(baseline=settings),
        partitions=partitions,
    )
    with made.quick_calibration():
        said = list(pipeline.run(LOG))
    return said, [b for output in said for b in output.baselines]


@cache
def third() -> Baseline:
    (found,) = replayed(BaselineSettings(events=LEARNED))[1]
    return found


def test_a_third_eye_is_calibrated_with_the_others_and_finds_a_change() -> None:
    said, (found,) = replayed(BaselineSettings(events=LEARNED))
    assert found.calibration.eyes == ("wording", "shape", "meaning")
    assert {c.channel for c in found.calibration.components()} >= {"meaning", "wording", "format", "mix"}
    readings = [r for output in said for r in output.readings if r.state in ("pending", "alarm")]
    assert readings


def test_with_the_other_eyes_muted_the_third_one_finds_it() -> None:
    said, (found,) = replayed(BaselineSettings(events=LEARNED, mute=("wording", "shape")))
    assert found.calibration.eyes == ("meaning",)
    alarms = [r for output in said for r in output.readings if r.state == "alarm"]
    assert alarms[0].channel in ("meaning", "unseen")
    assert alarms[0].effect is not None  # sizes rest on wording, muted or not


def test_a_baseline_with_three_eyes_comes_back_and_fits_no_encoder_of_two() -> None:
    blob = dump(third())
    back = load(blob, fingerprint=THIRD)
    assert isinstance(back, Baseline)
    assert back.reference.rows.meaning is not None
    assert back.calibration.eyes == third().calibration.eyes
    with pytest.raises(ReferenceMismatch, match="other eyes: meaning"):
        load(blob, fingerprint=FINGERPRINT)


def test_a_baseline_of_two_eyes_does_not_do_for_three_but_an_eval_set_does() -> None:
    with pytest.raises(ReferenceMismatch, match="other eyes: meaning"):
        load(dump(made.baseline(300)), fingerprint=THIRD)
    assert load(dump(made.reference(300)), fingerprint=THIRD) is not None
    with pytest.raises(ReferenceMismatch, match="other eyes: shape, wording"):
        load(dump(made.reference(300)), fingerprint="other+third")


def test_units_without_an_eye_that_the_baseline_has_are_refused() -> None:
    with pytest.raises(ValueError, match="the reference has the eye 'meaning'"):
        judge(made.rows(4), baseline=third())


def test_units_of_before_the_third_eye_was_opened_are_not_learned_from() -> None:
    seen = ThreeEyes().encode([e.prompt for e in interactions(300)])
    assert seen.meaning is not None
    old = made.samples(interactions(400))
    mixed = [
        s if i < 100 else msgspec.structs.replace(s, meaning=seen.meaning[i - 100].astype("<i2").tobytes())
        for i, s in enumerate(old)
    ]
    found = learned(mixed, THIRD)
    assert found.reference.units == 300
    assert set(found.reference.eyes) == {"wording", "shape", "meaning"}
    assert set(learned(mixed, FINGERPRINT).reference.eyes) == {"wording", "shape"}


def learned(samples: list[Sample], fingerprint: str, settings: BaselineSettings | None = None) -> Baseline:
    with made.quick_calibration(streams=8, length=800):
        return learn(
            samples,
            subject=Subject(APP),
            fingerprint=fingerprint,
            settings=settings or BaselineSettings(events=400),
            partitions=1,
            until=samples[-1].time,
        )


def test_a_baseline_is_made_anew_only_where_the_settings_differ() -> None:
    known = made.baseline(LEARNED)
    assert refit(known, BaselineSettings()) is known
    with made.quick_calibration(streams=8, length=800):
        muted = refit(known, BaselineSettings(mute=("shape", "code")))
        watching = refit(known, BaselineSettings(bank=bank()))
    assert muted.reference.muted == ("shape",)
    assert muted.calibration.eyes == ("wording",)
    assert watching.reference.watches is not None
    assert len({known.reference.id, muted.reference.id, watching.reference.id}) == 3
    for other in (muted, watching):
        assert other.reference.window == known.reference.window
        assert other.reference.tick_seconds == known.reference.tick_seconds
    assert refit(watching, BaselineSettings(bank=bank())) is watching
    assert refit(muted, BaselineSettings(mute=("shape",))) is muted


DAYLIGHT, NIGHT = ({"doctor": 1.0, topic: 1.0} for topic in ("garden", "music"))


@cache
def two_weeks() -> list[Sample]:
    """Another topic by day than by night."""
    spacing = 14 * DAY / 600
    mixes = [DAYLIGHT if i * spacing % DAY < DAY / 2 else NIGHT for i in range(600)]
    events = [interactions(1, first=i, seconds=spacing, topics=mix)[0] for i, mix in enumerate(mixes)]
    return made.samples(events)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (BaselineSettings(mute=("wording",)), BaselineSettings()),
        (BaselineSettings(), BaselineSettings(bank=bank())),
    ],
)
def test_a_baseline_made_anew_knows_day_and_night_of_what_counts_now(
    before: BaselineSettings, after: BaselineSettings
) -> None:
    known, wanted = (learned(two_weeks(), FINGERPRINT, settings) for settings in (before, after))
    with made.quick_calibration(streams=8, length=800):
        found = refit(known, after)
    assert found.dependence.cycles_found
    assert found.cycles.weights.keys() == wanted.cycles.weights.keys()
    for name, weights in wanted.cycles.weights.items():
        assert found.cycles.weights[name].tobytes() == weights.tobytes()
    assert found.calibration.joint.tobytes() == wanted.calibration.joint.tobytes()


def test_other_settings_are_taken_up_at_a_restart_and_told_to_everyone() -> None:
    def monitors(mute: tuple[str, ...]) -> Monitors:
        settings = MonitorSettings(baseline=BaselineSettings(events=LEARNED, mute=mute))
        known = {APP: References(baseline=made.baseline(LEARNED))}
        return Monitors(references=known, fingerprint=FINGERPRINT, settings=settings)

    ticks = made.measured(interactions(700), references={APP: References(baseline=made.baseline(LEARNED))})
    before, after = monitors(()), monitors(("shape",))
    with made.quick_calibration(streams=8, length=800):
        for tick in ticks:
            before.receive(tick)
        assert before.advance()
        after.restore(through_msgpack(before.snapshot()))
        after.advance()
        (fresh,) = after.take_learned()
    assert before.take_learned() == []
    assert fresh.reference.muted == ("shape",)
    after.advance()
    assert after.take_learned() == []


def test_without_the_baseline_that_a_snapshot_rests_on_it_learns_anew() -> None:
    """It was refused, because it is another encoder's."""
    settings = MonitorSettings(baseline=BaselineSettings(events=LEARNED))
    known = {APP: References(baseline=made.baseline(LEARNED))}
    station = Monitors(references=known, fingerprint=FINGERPRINT, settings=settings)
    for tick in made.measured(interactions(700), references=known):
        station.receive(tick)
    station.advance()
    other = Monitors(references={}, fingerprint="another", settings=settings)
    other.restore(through_msgpack(station.snapshot()))
    for tick in made.measured(interactions(100)):
        other.receive(tick)
    assert {r.state for r in other.advance(final=True)} == {"learning"}


def test_an_eye_that_is_not_there_cannot_be_muted_and_does_no_harm() -> None:
    with made.quick_calibration(streams=8, length=800):
        found = build(made.rows(100), application=APP, kind="baseline", fingerprint="x", mute=("meaning",))
    assert found.muted == ()
    assert found.counting == ("wording", "shape")
    assert np.isfinite(found.eyes["shape"].norms).all()
