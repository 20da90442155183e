"""Scores counted and compared: the same whatever the restarts; worse answers page, other questions do not."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from app.core import quality, quality_arms
from app.core.monitor_settings import MonitorSettings
from app.core.quality_monitors import QualityMonitors
from app.core.quality_rows import UNCOVERED, problem_of
from schemas.events import Evaluation
from schemas.quality import Quality, QualityComparison
from schemas.readings import PARTIAL, Reading
from tests.rig.made import APP, EPOCH, through_msgpack

METRIC = "accuracy"
RIGHT = {"easy": 0.9, "hard": 0.5}
Mix = dict[str, float]
USUAL: Mix = {"easy": 0.8, "hard": 0.2}


def row(number: int, seconds: float, score: float | None, **more: Any) -> Evaluation:
    told: dict[str, Any] = {"name": METRIC, "purpose": "shadow", "dimension": "accuracy"} | more
    told.setdefault("id", f"{told['name']}{number}{told.get('source', '')}")
    time = datetime.fromtimestamp(EPOCH + seconds, UTC)
    return Evaluation(application=APP, time=time, interaction_id=f"i{number}", score=score, **told)


def shadow(
    version: str, count: int, *, first: int = 0, mix: Mix = USUAL, loss: float = 0.0, chosen: float = 0.5
) -> list[Evaluation]:
    """Kept samples of one version, ten a minute; a `chosen` share of them is scored."""
    random, rows = Random(f"{version} {first}"), []
    for n in range(first, first + count):
        stratum = random.choices(list(mix), list(mix.values()))[0]
        score = float(random.random() < RIGHT[stratum] - loss)
        scored = random.random() < chosen
        more = {"stratum": stratum, "deployment_id": version, "inclusion": 0.5, "selection": chosen}
        rows.append(row(n, 6.0 * n, score if scored else None, scorer="judge@1", **more))
    return rows


def read(rows: Sequence[Evaluation], *, portion: int = 100, restarts: bool = False) -> list[Reading]:
    """A log in portions; then its end."""
    state, said = QualityMonitors(MonitorSettings()), []
    for start in range(0, len(rows), portion):
        for each in rows[start : start + portion]:
            state.observe(each)
        said += state.advance()
        if restarts:
            saved = through_msgpack(state.snapshot())
            state = QualityMonitors(MonitorSettings())
            state.restore(saved)
    return said + state.advance(final=True)


def last(readings: Sequence[Reading]) -> Quality:
    return [reading.quality for reading in readings if reading.quality is not None][-1]


def compared(readings: Sequence[Reading]) -> QualityComparison:
    (found,) = last(readings).comparisons
    return found


FALLEN = [*shadow("v1", 1000), *shadow("v2", 1000, first=1000, loss=0.25)]


@cache
def plainly() -> list[Reading]:
    return read(FALLEN)


def test_a_worse_version_pages_and_is_named_with_the_size_of_the_fall() -> None:
    readings = plainly()
    alarm = next(reading for reading in readings if reading.state == "alarm")
    assert (alarm.monitor, alarm.deployment, alarm.severity) == (f"quality:{METRIC}", "v2", "warning")
    assert alarm.quality is not None
    assert alarm.quality.verdict is not None
    assert alarm.quality.verdict.startswith("v2 answers worse than v1 on like questions")
    found = compared(readings)
    assert found.scores is not None
    assert found.scores.low < -0.25 < found.scores.high < 0
    assert (found.cause, found.concurrent, found.better) == ("scores", False, False)
    v1, v2 = last(readings).versions
    assert (v1.name, v2.name, v1.kept, last(readings).dimension) == ("v1", "v2", 1000, "accuracy")
    assert v1.score is not None
    assert v1.score.low < 0.82 < v1.score.high
    assert {part.name for part in v1.strata} == {"easy", "hard"}
    assert sum(part.share for part in v1.strata) == pytest.approx(1.0)


def test_a_version_that_was_taken_back_keeps_no_incident_open() -> None:
    back = shadow("v1", 200, first=2000 + 4000)  # seven hours later
    last_state = [reading for reading in read([*FALLEN, *back]) if reading.note is None][-1]
    assert last_state.state == "ok"
    assert last_state.quality is not None
    assert last_state.quality.comparisons[0].serving is False


def test_harder_questions_are_no_quality_alert_and_are_named_as_the_reason() -> None:
    hard = {"easy": 0.2, "hard": 0.8}
    readings = read([*shadow("v1", 1500), *shadow("v2", 1000, first=1500, mix=hard)])
    assert {reading.state for reading in readings} == {"learning", "ok"}
    found = compared(readings)
    assert found.whole is not None
    assert found.whole < -0.15
    assert (found.cause, found.decided) == ("mix", False)
    assert found.verdict.startswith("v2 is asked other questions than v1")


def test_what_the_eval_set_does_not_cover_may_be_worse_without_blaming_the_version() -> None:
    strange = {UNCOVERED: 0.5, "easy": 0.4, "hard": 0.1}
    before = {UNCOVERED: 0.1, "easy": 0.7, "hard": 0.2}
    RIGHT[UNCOVERED] = 0.9
    old = shadow("v1", 1500, mix=before)
    RIGHT[UNCOVERED] = 0.3
    readings = read([*old, *shadow("v2", 1000, first=1500, mix=strange)])
    assert not [r for r in readings if r.state == "alarm" and r.channel == "version"]
    assert compared(readings).cause == "mix"


def test_a_cluster_that_took_in_new_questions_is_no_reason_to_blame_the_version() -> None:
    """Users adapt: a fifth of traffic is new, badly answered, and falls into a cluster that there was."""
    new = [
        replace(each, stratum="hard", score=None if each.score is None else 0.0, reason=reason)
        for n, each in enumerate(shadow("v2", 1000, first=1500))
        if n % 3 == 0 and (reason := "novel" if n % 2 else "drifted")
    ]
    usual = [each for n, each in enumerate(shadow("v2", 1000, first=1500)) if n % 3]
    rows = sorted([*shadow("v1", 1500), *usual, *new], key=lambda each: each.time)
    readings = read(rows)
    assert {reading.state for reading in readings} == {"learning", "ok"}
    assert compared(readings).cause == "mix"
    assert (compared(readings).whole or 0.0) < -0.15


def test_a_fall_that_no_version_came_before_is_dated() -> None:
    readings = read([*shadow("v1", 1600), *shadow("v1", 1600, first=1600, loss=0.4)])
    alarm = next(reading for reading in readings if reading.state == "alarm")
    assert alarm.quality is not None
    assert alarm.quality.shift is not None
    assert (alarm.channel, alarm.deployment) == ("shift", None)
    assert abs((alarm.quality.shift.at.timestamp() - EPOCH) / 6.0 - 1600) < 300
    assert alarm.quality.shift.change < -0.15


def test_a_restart_from_any_checkpoint_and_other_portions_tell_the_same() -> None:
    whole = [reading for reading in plainly() if reading.note != PARTIAL]
    for more in ({"restarts": True, "portion": 333}, {"portion": 11}):
        assert [r for r in read(FALLEN, **more) if r.note != PARTIAL] == whole  # type: ignore[arg-type]


def test_disorder_within_minutes_and_repeats_change_nothing_but_their_count() -> None:
    random, mixed = Random(1), []
    for start in range(0, len(FALLEN), 20):
        part = [*FALLEN[start : start + 20], *FALLEN[start : start + 20 : 5]]
        random.shuffle(part)
        mixed += part
    found, expected = last(read(mixed)), last(plainly())
    assert found.versions == expected.versions
    assert found.comparisons == expected.comparisons
    assert found.counts.duplicates == len(FALLEN) // 5
    assert found.counts.received == len(FALLEN)


def test_of_too_many_rows_at_once_the_oldest_are_read_whatever_the_portions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(quality, "MOST_WAITING", 40)
    found = [read(FALLEN[800:1400], portion=portion) for portion in (600, 13)]
    assert found[0] == found[1]
    assert found[0][0].time.timestamp() < EPOCH + 6.0 * 1100


def test_the_end_of_the_input_is_told_on_a_copy() -> None:
    state = QualityMonitors(MonitorSettings())
    for each in FALLEN[:500]:
        state.observe(each)
    state.advance()
    before = through_msgpack(state.snapshot())
    (told,) = state.advance(final=True)
    assert told.note == PARTIAL
    assert told.quality is not None
    assert told.quality.counts.received == 500
    assert through_msgpack(state.snapshot()) == before


def test_another_score_for_the_same_answer_takes_its_place_and_is_counted() -> None:
    rows = [row(n, n, 1.0) for n in range(30)]
    again = [row(0, 40.0, 0.0, id="again"), row(31, 41.0, None), row(31, 42.0, 0.5, id="scored after all")]
    found = last(read([*rows, *again]))
    assert (found.counts.corrected, found.counts.received, found.counts.scored) == (1, 31, 31)
    assert found.versions[0].score is not None
    assert found.versions[0].score.value == pytest.approx((29 + 0.5) / 31)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"score": 7.0}, "score: lies outside 0 to 1"),
        ({"score": float("nan")}, "score: is not a finite number"),
        ({"score": 0.5, "purpose": "gold"}, "gold: is missing"),
        ({"score": 0.5, "purpose": "probe"}, "item_id: is missing"),
        ({"score": None, "purpose": None}, "score: is missing, and so is label"),
    ],
)
def test_what_is_no_score_is_refused_with_a_reason(more: dict[str, Any], reason: str) -> None:
    score = more.pop("score")
    problem = problem_of(row(1, 1.0, score, **more))
    assert problem is not None
    assert str(problem).startswith(reason)


def test_a_wrong_row_is_counted_and_left_out_and_a_late_one_is_counted_in_the_next_reading() -> None:
    rows = [row(n, 60.0 * n, 1.0) for n in range(60)]
    found = last(read([*rows, row(100, 60.0 * 60, 7.0), row(101, 5.0, 0.0, id="late")]))
    assert (found.counts.invalid, found.counts.late, found.counts.received) == (1, 1, 61)


def test_labels_by_people_correct_a_biased_judge() -> None:
    random, rows = Random(3), []
    for n in range(600):
        good = random.random() < 0.6
        judged = 1.0 if random.random() < 0.2 else float(good)
        rows.append(row(n, 6.0 * n, judged, deployment_id="v1", scorer="judge@1"))
        if n % 5 == 0:
            label = {"purpose": None, "source": "human_review", "dimension": None}
            rows.append(row(n, 6.0 * n + 1, float(good), **label))
    (version,) = last(read(rows)).versions
    assert version.score is not None
    assert version.corrected is not None
    assert version.score.low > 0.6
    assert version.corrected.low < 0.6 < version.corrected.high
    assert (version.labels, version.name) == (120, "v1")


def test_of_more_rows_than_are_held_a_half_stays_and_stands_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = last(plainly()).versions[0]
    monkeypatch.setattr(quality_arms, "MOST_SCORED", 400)
    monkeypatch.setattr(quality_arms, "MOST_KEPT", 300)
    found = last(read(FALLEN)).versions[0]
    assert 200 < found.scored <= 400
    assert found.score is not None
    assert expected.score is not None
    assert abs(found.score.value - expected.score.value) < 0.05
    shares = {part.name: part.share for part in found.strata}
    assert shares["easy"] == pytest.approx(0.8, abs=0.06)
