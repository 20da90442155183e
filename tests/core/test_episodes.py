import dataclasses
from functools import cache

import numpy as np
import pytest
from msgspec.structs import replace

from app.core.cycles import DAILY, DAY, NO_CYCLES
from app.core.detection import Detector
from app.core.episodes import PATIENCE_UNITS, Episode, begin, conclude, develop, explain_recent, over
from app.core.history import History, Window
from app.core.rows import concatenate
from schemas.ticks import Sample
from tests.core.test_detection import careful, clean, fed, shifted
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
    for number, fold in enumerate([*clean(), *shifted()]):
        window = Window(float(number), float(number + 1))
        window.add(fold, [], float(number + 1))
        out.append(window)
    return out


def test_it_begins_with_the_leader_and_the_onset_of_its_evidence() -> None:
    detector = fed([*clean(), *shifted()])
    score = detector.get()
    found = begin(score, 120.0, baseline=careful(), detector=detector, history=past(detector))
    assert (found.channel, found.component) == (score.leader.channel, score.leader.label)
    assert abs(found.onset - len(clean())) <= 2
    assert found.state == "pending"


def test_its_onset_is_never_after_its_detection() -> None:
    detector = fed(shifted())
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


def test_what_the_hour_explains_is_no_change() -> None:
    """By night other topics are asked about than by day; a night is compared with nights."""
    names = [*made.USUAL]
    by_day, by_night = (dict.fromkeys(part, 0.2) for part in (names[:5], names[5:]))
    days, nights = made.rows(900, topics=by_day), made.rows(300, seed=2, topics=by_night)
    times = np.concatenate([np.linspace(8, 18, 900), np.linspace(0, 4, 300)]) * 3600.0
    times += DAY * (np.arange(1200) % 14)
    known = made.baseline(400)
    rows = dataclasses.replace(concatenate([days, nights]), times=times)
    known = dataclasses.replace(known, reference=dataclasses.replace(known.reference, rows=rows))
    daily = dataclasses.replace(NO_CYCLES, found=True, harmonics=DAILY)
    seasonal = dataclasses.replace(known, cycles=daily)
    asked = [
        replace(sample, time=30 * DAY + 60.0 * number)
        for number, sample in enumerate(made.samples(made.interactions(200, first=1000, topics=by_night)))
    ]
    blamed, clean = (explain_recent(0.0, baseline=b, recent=asked) for b in (known, seasonal))
    assert blamed is not None
    assert clean is not None
    surely = [[c for c in e.clusters if c.low is not None and c.low > 0] for e in (blamed, clean)]
    assert surely[0]
    assert not surely[1]


@pytest.mark.parametrize(
    ("confirmed", "value", "ended"),
    [(False, 5.4, True), (False, 5.6, False), (True, 5.4, False), (True, 4.1, False), (True, 3.9, True)],
)
def test_a_change_that_was_told_is_over_where_clean_traffic_is(
    value: float, *, confirmed: bool, ended: bool
) -> None:
    score = dataclasses.replace(fed(shifted()).get(), value=value)
    assert over(dataclasses.replace(episode(), confirmed=confirmed), score, 7.0) is ended


def test_where_the_threshold_is_low_it_is_over_well_below_it() -> None:
    score = dataclasses.replace(fed(shifted()).get(), value=3.0)
    assert not over(dataclasses.replace(episode(), confirmed=True), score, 4.4)
