"""Health is told at once where it changes, often while it matters, and rarely else."""

from app.core.bulletin import CALM_SECONDS, RECOVERING, SOON_SECONDS, Bulletin
from app.core.health import Finding, Grade
from app.core.incidents import Incidents
from schemas.decisions import Alert
from schemas.readings import Reading

LOOK_SECONDS = 5.0


def finding(grade: Grade) -> Finding:
    return Finding(condition="stage measure", grade=grade, note="measure stands", value=50.0, limit=40.0)


def play(grades: dict[float, Grade], seconds: float) -> list[Reading]:
    """What is said over a time in which the grade changes at some seconds."""
    bulletin, said, grade = Bulletin(), [], grades[0.0]
    at = 0.0
    while at <= seconds:
        grade = grades.get(at, grade)
        said += bulletin.readings([finding(grade)], 1_000_000.0 + at)
        at += LOOK_SECONDS
    return said


def alerts_of(readings: list[Reading]) -> list[Alert]:
    incidents = Incidents()
    return [alert for reading in readings for alert in incidents.decide(reading)]


def test_a_calm_pipeline_says_little() -> None:
    said = play({0.0: "ok"}, 3600.0)
    assert len(said) < RECOVERING + 3600 / CALM_SECONDS + 2
    assert alerts_of(said) == []


def test_trouble_makes_one_incident_that_ends_soon_after_it() -> None:
    said = play({0.0: "ok", 600.0: "critical", 900.0: "ok"}, 1200.0)
    opened, resolved = alerts_of(said)
    assert (opened.application, opened.monitor, opened.severity) == ("*", "health", "critical")
    assert opened.summary == "the pipeline: measure stands"
    assert opened.updated_at.timestamp() == 1_000_600.0  # at once
    assert (resolved.transition, resolved.incident) == ("resolved", opened.incident)
    assert resolved.updated_at.timestamp() <= 1_000_900.0 + 9 * (SOON_SECONDS + LOOK_SECONDS)


def test_what_an_earlier_worker_left_open_is_closed_by_the_next() -> None:
    """Its first readings come as often as after a recovery."""
    incidents = Incidents()
    for reading in play({0.0: "critical"}, 60.0):
        incidents.decide(reading)
    later = [r for r in play({0.0: "ok"}, 400.0) if r.time.timestamp() > 1_000_060.0]
    assert [a.transition for r in later for a in incidents.decide(r)] == ["resolved"]


def test_a_reading_says_since_when_and_how_far() -> None:
    (first, *_, last) = play({0.0: "critical"}, 100.0)
    assert last.detected_at == first.time
    assert (last.value, last.threshold, last.segment) == (50.0, 40.0, "stage measure")
    assert len({reading.id for reading in play({0.0: "critical"}, 100.0)}) > 5
