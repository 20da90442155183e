"""What is seen of the pipeline, judged: silence of a stage, not slowness; shares, not accidents."""

from datetime import timedelta

import pytest

from app.core.health import Finding, Health, HealthLimits, Place
from schemas.readings import Reading
from schemas.ticks import Totals
from tests.rig.made import APP, START

LOOK_SECONDS = 5.0


class Pipeline:
    """A pipeline on paper: looks every five seconds."""

    def __init__(self, **limits: float) -> None:
        self.health = Health(HealthLimits(**limits))
        self.now = 1_000_000.0
        self.places = {("measure", 0): [0, 0], ("measure", 1): [0, 0], ("detect", 0): [0, 0]}
        self.letters = self.arrived = 0
        self.store_fresh = True

    def look(self, seconds: float = LOOK_SECONDS) -> dict[str, Finding]:
        self.now += seconds
        places = [
            Place(stage=stage, topic=stage, partition=number, committed=committed, end=end)
            for (stage, number), (committed, end) in self.places.items()
        ]
        findings = self.health.look(
            self.now, places, letters=self.letters, arrived=self.arrived, store_fresh=self.store_fresh
        )
        return {finding.condition: finding for finding in findings}

    def until(self, condition: str, grade: str, within: float) -> float:
        """Seconds until a condition has a grade; the others stay fine."""
        began = self.now
        while (found := self.look())[condition].grade != grade:
            assert self.now - began < within, found[condition]
            others = {name: each.grade for name, each in found.items() if name != condition}
            assert set(others.values()) == {"ok"}, others
        return self.now - began


def test_a_pipeline_with_nothing_to_do_is_fine_for_ever() -> None:
    pipeline = Pipeline()
    for _ in range(1000):
        assert {finding.grade for finding in pipeline.look().values()} == {"ok"}


@pytest.mark.parametrize("stage", [("measure", 1), ("detect", 0)])
def test_one_partition_that_stands_still_is_said_within_a_minute(stage: tuple[str, int]) -> None:
    pipeline = Pipeline()
    for _ in range(20):
        for place in pipeline.places.values():
            place[1] += 100
            place[0] = place[1]
        pipeline.look()
    pipeline.places[stage][1] += 7  # nothing else comes: silence is no excuse
    condition = f"stage {stage[0]}"
    assert pipeline.until(condition, "critical", 60) < 50
    assert "7 records wait" in pipeline.look()[condition].note
    pipeline.places[stage][0] += 7
    assert pipeline.look()[condition].grade == "ok"


def test_slow_is_not_silent_and_far_behind_is_a_warning() -> None:
    pipeline = Pipeline(behind_seconds=200)
    place = pipeline.places["measure", 0]
    found = None
    for n in range(100):
        place[1] += 100
        place[0] += 50  # half of what comes
        found = pipeline.look()["stage measure"]
        assert found.grade != "critical"
        waited = n * LOOK_SECONDS / 2
        assert pipeline.health.stages[0].behind_seconds == pytest.approx(waited, abs=2 * LOOK_SECONDS)
    assert found is not None
    assert found.grade == "warning"
    assert "4 minutes behind" in found.note


def test_a_stage_that_commits_rarely_is_given_its_usual_time() -> None:
    """A large state is saved every 30 s: three of its pauses are no silence."""
    pipeline = Pipeline()
    place = pipeline.places["measure", 0]
    for n in range(60):
        place[1] += 100
        if n % 6 == 0:
            place[0] = place[1]
        assert pipeline.look()["stage measure"].grade == "ok"
    assert pipeline.until("stage measure", "critical", 120) >= 60  # the last pause has begun before


def test_one_long_silence_does_not_make_the_next_one_usual() -> None:
    pipeline = Pipeline()
    place = pipeline.places["measure", 0]
    for _ in range(10):
        place[1] += 10
        place[0] = place[1]
        pipeline.look()
    for _ in range(2):
        place[1] += 10
        assert pipeline.until("stage measure", "critical", 60) < 50
        for _ in range(3):
            place[1] += 10
            place[0] = place[1]
            pipeline.look()


def test_learning_takes_its_time() -> None:
    pipeline = Pipeline()
    pipeline.health.hear(reading(0, state="learning"))
    pipeline.look()
    pipeline.places["detect", 0][1] += 10
    assert pipeline.until("stage detect", "critical", 320) >= 290
    pipeline.places["detect", 0][0] += 10
    pipeline.look()
    pipeline.health.hear(reading(1))
    pipeline.places["detect", 0][1] += 10
    assert pipeline.until("stage detect", "critical", 60) < 50


def test_dead_letters_are_a_share_of_what_came_lately() -> None:
    pipeline = Pipeline()
    pipeline.letters, pipeline.arrived = 5_000, 6_000  # long ago
    pipeline.look()
    for letters, arrived, grade in ((2, 3, "ok"), (2, 40, "ok"), (3, 60, "warning"), (0, 1000, "ok")):
        pipeline.letters += letters
        pipeline.arrived += arrived
        found = pipeline.look()["dead letters"]
        assert found.grade == grade, found
    pipeline.look(601)
    assert pipeline.look()["dead letters"].value == 0.0


def test_a_store_that_is_away_is_said_and_comes_back() -> None:
    pipeline = Pipeline()
    pipeline.look()
    pipeline.store_fresh = False
    assert 55 <= pipeline.until("status store", "warning", 70) <= 65
    pipeline.store_fresh = True
    assert pipeline.look()["status store"].grade == "ok"


def reading(minute: int, *, state: str = "ok", monitor: str = "change", **totals: int) -> Reading:
    return Reading(
        id=f"{monitor}{minute}",
        application=APP,
        monitor=monitor,
        state=state,
        time=START + timedelta(minutes=minute),
        totals=Totals(**totals),
    )


def test_prompts_that_nobody_could_judge_are_said_of_their_application() -> None:
    pipeline = Pipeline()
    for minute in range(30):
        pipeline.health.hear(reading(minute, events=100 * minute, late=minute))
    assert pipeline.look()["scored"].grade == "ok"
    for minute in range(30, 36):  # a third comes late from here on
        pipeline.health.hear(reading(minute, events=100 * minute, late=30 + 50 * (minute - 30)))
    found = pipeline.look()["scored"]
    assert (found.grade, found.application) == ("warning", APP)
    assert "late" in found.note
    for minute in range(36, 60):
        pipeline.health.hear(reading(minute, events=100 * minute, late=280))
    assert pipeline.look()["scored"].grade == "ok"


def test_what_a_share_is_said_of_is_enough() -> None:
    pipeline = Pipeline()
    pipeline.health.hear(reading(0, events=0))
    pipeline.health.hear(reading(1, events=20, late=20))
    assert pipeline.look()["scored"].grade == "ok"


def test_a_reading_heard_again_or_of_another_monitor_changes_nothing() -> None:
    pipeline = Pipeline()
    for minute in (0, 5, 3, 5):
        pipeline.health.hear(reading(minute, events=100 * minute))
    pipeline.health.hear(reading(9, monitor="responses", events=900, late=900))
    assert pipeline.look()["scored"].note.startswith("0% of 500 prompts")
