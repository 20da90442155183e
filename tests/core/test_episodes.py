from functools import cache

import pytest

from app.core.detection import Detector
from app.core.episodes import PATIENCE_UNITS, Episode, begin, conclude, develop, explain_recent, over
from app.core.history import History, Window
from schemas.readings import Sample
from tests.core.test_detection import CLEAN, SHIFTED, careful, fed
from tests.rig import made

GLUTEN = {**made.USUAL, "gluten": 0.3}


@cache
def recent(gluten: bool, count: int = 200) -> tuple[Sample, ...]:
    topics = GLUTEN if gluten else made.USUAL
    return tuple(made.samples(made.interactions(count, first=1000, topics=topics)))


def episode(onset: float = 0.0) -> Episode:
    return Episode(detected=made.EPOCH + 1000, onset=onset, channel="mix", component="wording p0 1/24")


def past(detector: Detector) -> History:
    out = History()
    for number, fold in enumerate([*CLEAN, *SHIFTED]):
        window = Window(float(number), float(number + 1))
        window.add(fold, [], float(number + 1))
        out.append(window)
    return out


def test_it_begins_with_the_leader_and_the_onset_of_its_evidence() -> None:
    detector = fed([*CLEAN, *SHIFTED])
    score = detector.get()
    found = begin(score, 120.0, baseline=careful(), detector=detector, history=past(detector))
    assert (found.channel, found.component) == (score.leader.channel, score.leader.label)
    assert abs(found.onset - len(CLEAN)) <= 2
    assert found.state == "pending"


def test_its_onset_is_never_after_its_detection() -> None:
    detector = fed(SHIFTED)
    score = detector.get()
    assert begin(score, -5.0, baseline=careful(), detector=detector, history=past(detector)).onset == -5.0
    assert begin(score, 7.0, baseline=careful(), detector=detector, history=History()).onset == 7.0


def test_it_is_confirmed_once_what_moved_has_a_name() -> None:
    found = episode()
    develop(found, baseline=made.baseline(400), recent=list(recent(gluten=True)))
    assert found.state == "alarm"
    assert any(c.new for c in found.explanation.clusters)


def test_without_a_name_it_stays_pending_until_patience_ends() -> None:
    found = episode()
    for units in range(0, PATIENCE_UNITS, 32):
        found.units = units
        develop(found, baseline=made.baseline(400), recent=list(recent(gluten=False)))
        assert found.state == "pending"
    found.units = PATIENCE_UNITS
    develop(found, baseline=made.baseline(400), recent=list(recent(gluten=False)))
    assert found.state == "alarm"


def test_without_samples_there_is_no_explanation_and_patience_still_ends() -> None:
    found = episode()
    assert explain_recent(0.0, baseline=made.baseline(400), recent=[]) is None
    found.units = PATIENCE_UNITS
    develop(found, baseline=made.baseline(400), recent=[])
    assert found.state == "alarm"
    assert found.explanation.clusters == []


def test_at_the_end_of_the_input_it_is_confirmed_with_what_there_is() -> None:
    found = episode()
    conclude(found, baseline=made.baseline(400), recent=[])
    assert found.state == "alarm"
    assert found.explanation.clusters == []
    conclude(found, baseline=made.baseline(400), recent=list(recent(gluten=True)))
    assert any(c.new for c in found.explanation.clusters)


def test_it_is_explained_again_only_when_due() -> None:
    found = episode()
    develop(found, baseline=made.baseline(400), recent=list(recent(gluten=True)))
    first, due = found.explanation, found.explain_at
    found.units = due - 1
    develop(found, baseline=made.baseline(400), recent=[])
    assert found.explanation is first
    assert found.explain_at == due


@pytest.mark.parametrize("samples", [60, 200])
def test_few_samples_since_the_onset_are_filled_up_with_earlier_ones(samples: int) -> None:
    mixed = [*recent(gluten=False), *recent(gluten=True)][-samples:]
    found = explain_recent(float("inf"), baseline=made.baseline(400), recent=mixed)
    assert found is not None


def test_it_is_over_well_below_the_threshold_only() -> None:
    baseline = careful()
    assert over(Detector(baseline).get(), baseline.threshold)
    assert not over(fed(SHIFTED).get(), baseline.threshold)
