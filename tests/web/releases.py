"""What is known of some made-up deployments of `box-support`: looks, outcomes, events."""

from datetime import datetime, timedelta

from schemas.events import Deployment
from schemas.outcomes import Outcomes, VersionComparison, VersionOutcomes
from schemas.readings import Adaptation, HabitChange, Interval, Reading
from tests.web import trouble

APP, NAME = "box-support", "2026.03.2"
VERDICT = "users adapted to this deployment: 62% [41%, 83%] of the change is theirs"
HOSTILE = "v3/<img src=x onerror=alert(1)>"


def look(now: datetime, deployment: str = NAME, *, days: float = 0.2) -> Reading:
    """The latest look at a deployment."""
    began = now - timedelta(days=days)
    seen = Adaptation(
        deployment=deployment,
        deployed_at=began,
        look=6,
        verdict=VERDICT,
        exposed=212,
        control=198,
        newcomers=14,
        departed=9,
        mixed=3,
        size=Interval(value=0.41, low=0.2, high=0.62),
        p_value=0.004,
        placebo_p=0.61,
        significant=True,
        adaptation=Interval(value=0.62, low=0.41, high=0.83),
        outside=Interval(value=0.3, low=0.08, high=0.52),
        audience=Interval(value=0.08, low=-0.02, high=0.18),
        habits=[HabitChange(name="words", before=14.2, exposed=9.1, control=0.4, low=6.0, high=11.4)],
    )
    return Reading(
        id=f"adaptation-{deployment}",
        application=APP,
        monitor="adaptation",
        state="ok",
        time=now,
        window_start=began,
        deployment=deployment,
        adaptation=seen,
    )


def outcomes(now: datetime) -> Reading:
    """Task completion of two versions."""
    before = VersionOutcomes(
        deployment_id="2026.03.1", count=4100, value=Interval(value=0.81, low=0.79, high=0.83)
    )
    after = VersionOutcomes(deployment_id=NAME, count=900, value=Interval(value=0.75, low=0.71, high=0.79))
    compared = VersionComparison(
        old="2026.03.1",
        new=NAME,
        since=now - timedelta(hours=5),
        concurrent=True,
        old_count=1000,
        new_count=900,
        verdict="fewer tasks are completed: 6 points less, and zero is excluded",
        decided=True,
        better=False,
    )
    told = Outcomes(
        metric="task_completed",
        kind="boolean",
        higher_is_better=True,
        versions=[before, after],
        comparisons=[compared],
    )
    return Reading(
        id="o", application=APP, monitor="outcomes:task_completed", state="ok", time=now, outcomes=told
    )


def hostile(now: datetime) -> Deployment:
    """A deployment whose texts are markup, taken back before it had ended."""
    return Deployment(
        application=APP,
        time=now - timedelta(minutes=20),
        deployment_id=HOSTILE,
        version="3",
        status="rolled_back",
        summary=trouble.MARKUP,
    )
