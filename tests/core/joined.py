"""Made-up logs of who was served and what came of it, and how they are read."""

from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any

from app.core.outcome_readings import OutcomePolicy
from app.core.outcomes import ApplicationOutcomes
from app.core.units import hash64
from schemas.events import Outcome
from schemas.outcomes import Outcomes, Served
from schemas.readings import Reading
from tests.rig.made import APP, EPOCH, through_msgpack

POLICY = OutcomePolicy(pages_per_30_days=0.1, every=32)
Log = tuple[list[Served], list[Outcome]]


def served(number: int, seconds: float, version: str | None = "v1", **more: Any) -> Served:
    who = {"user": hash64(f"user {number}"), "variant": None, **more}
    talk = who.pop("talk", None)
    return Served(
        hash64(f"{APP}|i{number}"),
        EPOCH + seconds,
        version,
        conversation=None if talk is None else hash64(f"{APP}|{talk}"),
        **who,
    )


def outcome(number: int | None, seconds: float, value: Any = True, **more: Any) -> Outcome:
    told: dict[str, Any] = {"name": "completion", "value": value} | more
    told.setdefault("id", f"{told['name']}{number}")
    target = None if number is None else f"i{number}"
    time = datetime.fromtimestamp(EPOCH + seconds, UTC)
    whole: dict[str, Any] = {"application": APP, "time": time, "interaction_id": target} | told
    return Outcome(**whole)


def release(rates: tuple[float, float], count: int, *, at: int = 600, share: float = 0.5) -> Log:
    """One interaction a second; from `at` on a share of the users is served by v2.  Each has an outcome."""
    random, rows, outcomes = Random(f"{rates} {count}"), [], []
    for number in range(count):
        treated = hash64(f"user {number}") % 1000 < 1000 * share and number >= at
        rows.append(served(number, number, "v2" if treated else "v1"))
        outcomes.append(outcome(number, number + random.uniform(1, 20), random.random() < rates[treated]))
    return rows, sorted(outcomes, key=lambda each: each.time)


def read(
    log: Log, *, portion: int = 50, shift: int = 0, restarts: bool = False, **more: Any
) -> list[Reading]:
    """Both logs side by side, outcomes `shift` portions behind (or ahead); then the end of the input."""
    rows, outcomes = log
    state, said = ApplicationOutcomes(APP, POLICY), []
    for deployment in more.get("deployments", ()):
        state.deployed(deployment)
    ends = range(0, max(len(rows), len(outcomes)) + abs(shift) * portion, portion)
    for start in ends:
        took = rows[start : start + portion]
        state.serve(took)
        behind = start - shift * portion
        for each in outcomes[max(behind, 0) if start else 0 : max(behind + portion, 0)]:
            state.receive(each)
        said += state.advance(took[-1].at - 1.0 if took else None)
        if restarts:
            saved = through_msgpack(state.snapshot())
            state = ApplicationOutcomes(APP, POLICY)
            state.restore(saved)
    return said + state.advance(rows[-1].at if rows else None, final=True)


def last(readings: Sequence[Reading], name: str = "completion") -> Outcomes:
    found = [r.outcomes for r in readings if r.monitor == f"outcomes:{name}" and r.outcomes is not None]
    return found[-1]


FALLEN = release((0.9, 0.6), 1800)
