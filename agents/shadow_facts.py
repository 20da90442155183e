"""What an evaluator says of itself: what waits, what was spent, how everything is that it asks."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from agents.shadow_trials import JUDGES, Trials
from agents.telemetry import SHADOW_SPENT, SHADOW_WAITING
from app.adapters.shadow import Scoring
from app.core.shadow_jobs import Job

KINDS = ("answer", "candidate", "gold")


def measure(scoring: Scoring, jobs: Sequence[Job]) -> None:
    """Set the gauges."""
    waiting = Counter[str](job.kind for job in jobs)
    for kind in KINDS:
        SHADOW_WAITING.labels(kind).set(waiting[kind])
    SHADOW_SPENT.set(scoring.spent)


def facts(scoring: Scoring, jobs: Sequence[Job], trials: Trials) -> dict[str, Any]:
    """For the page: each endpoint, how much waits for it, and why it failed last."""
    endpoints = [
        {
            "endpoint": name,
            "kind": kind,
            "waiting": sum(job.candidate == candidate for job in jobs),
            "says": trials.failures.get(candidate or JUDGES),
        }
        for name, kind, candidate in scoring.endpoints
    ]
    return {"role": "evaluator", "endpoints": endpoints}
