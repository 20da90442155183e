"""What outcomes and evaluations say of single interactions: which failed, and how; which went very well."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from app.core.metric import better_if_higher
from app.core.scorers import DEGREES
from schemas.evalsets import Plan
from schemas.events import Evaluation, Outcome

JUDGED = ("completion", "feedback", "error", "correction", "escalation")  # yes or no by their meaning


@dataclass(frozen=True, slots=True)
class Signals:
    """Interaction id -> categories of failure; ids of interactions whose response scored high."""

    failures: dict[str, set[str]] = field(default_factory=dict)
    praised: set[str] = field(default_factory=set)


def signals_of(events: Iterable[object], plan: Plan) -> Signals:
    """Signals of the outcomes and evaluations that name their interaction; other events say nothing.

    An interaction that failed in any way is not praised.
    """
    found = Signals()
    for event in events:
        id = event.interaction_id if isinstance(event, Outcome | Evaluation) else None
        if id is None:
            continue
        name = failure_of(event, plan)
        if name is not None:
            found.failures.setdefault(id, set()).add(name)
        elif isinstance(event, Evaluation) and _praises(event, plan):
            found.praised.add(id)
    found.praised.difference_update(found.failures)
    return found


def failure_of(event: object, plan: Plan) -> str | None:
    """The category of failure that an event tells of, if it does: a low score, or a bad outcome.

    Of outcomes those with a value are judged, by what they say is better, else as the names are meant.

    >>> from datetime import UTC, datetime
    >>> now = datetime(2026, 3, 2, tzinfo=UTC)
    >>> failure_of(Outcome(application="a", time=now, name="escalation", value=True), Plan())
    'escalation'
    >>> failure_of(Evaluation(application="a", time=now, name="accuracy", score=0.2), Plan())
    'low accuracy'
    """
    if isinstance(event, Evaluation):
        low = event.score is not None and event.score < plan.low_score and _is_verdict(event)
        return f"low {event.name}" if low else None
    if not isinstance(event, Outcome) or event.value is None:
        return None
    good = event.higher_is_better
    if good is None and event.name in JUDGED:
        good = better_if_higher(event.name)
    if good is None or (good and event.value > 0) or (not good and event.value <= 0):
        return None
    return event.name if not good else f"no {event.name}"


def _praises(event: Evaluation, plan: Plan) -> bool:
    """Whether it says that the answer is right: a whole, polite one may be wrong."""
    high = event.score is not None and event.score >= plan.high_score
    return high and _is_verdict(event) and event.dimension in (None, "accuracy")


def _is_verdict(event: Evaluation) -> bool:
    """Whether it is about what production answered, and no mere degree of likeness or style."""
    return event.candidate is None and event.purpose != "gold" and event.name not in DEGREES
