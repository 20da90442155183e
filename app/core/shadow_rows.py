"""Rows of `evaluations.v1` about live answers and gold items.  Ids derive from what was scored by what.

Every sample that a window kept has a row for each metric that is asked for, also where it was not chosen, so
that estimates need nothing but these rows; metrics that cost nothing have one wherever they apply.
"""

from datetime import UTC, datetime
from typing import Any, Literal

from app.core.alerts import identity
from app.core.evalrun import Scored
from app.core.shadow_samples import Held
from schemas.events import Evaluation

Source = Literal["evaluation", "llm_judge"]


def live_row(
    held: Held,
    scored: Scored,
    *,
    selection: float = 1.0,
    source: Source = "evaluation",
    candidate: str | None = None,
    model: str | None = None,
) -> Evaluation:
    """One score of a live answer, or of what a candidate says to the same prompt."""
    told = {**_of(held, scored.name, scored.scorer, candidate), "model": model or held.model}
    return Evaluation(
        **told,
        score=scored.score,
        dimension=scored.dimension,
        scorer=scored.scorer,
        source=source,
        selection=selection,
        cost=scored.cost,
    )


def unscored_row(  # noqa: PLR0913  a record of this many facts
    held: Held,
    name: str,
    scorer: str,
    *,
    selection: float | None = None,
    label: str | None = None,
    candidate: str | None = None,
    cost: float | None = None,
) -> Evaluation:
    """A sample without a score: not chosen, or `label` says why not; `cost` of calls that gave none."""
    told = {**_of(held, name, scorer, candidate), "model": held.model if candidate is None else None}
    return Evaluation(**told, scorer=scorer, selection=selection, label=label, cost=cost)


def gold_row(  # noqa: PLR0913  a record of this many facts
    application: str,
    scored: Scored,
    *,
    time: float,
    item: str,
    number: int,
    gold: float,
    label: str | None = None,
) -> Evaluation:
    """What a judge said of a gold item, beside what people had; `number` in the schedule."""
    return Evaluation(
        application=application,
        time=datetime.fromtimestamp(time, UTC),
        name=scored.name,
        id=gold_id(application, scored.name, scored.scorer, number),
        score=None if label is not None else scored.score,
        label=label,
        item_id=item,
        source="llm_judge",
        purpose="gold",
        dimension=scored.dimension,
        scorer=scored.scorer,
        cost=scored.cost,
        gold=gold,
    )


def gold_id(application: str, name: str, scorer: str, number: int) -> str:
    """Of the `number`-th gold item in the schedule of an application."""
    return identity("gold", application, name, scorer, str(number))


def _of(held: Held, name: str, scorer: str, candidate: str | None) -> dict[str, Any]:
    return {
        "application": held.application,
        "time": datetime.fromtimestamp(held.time, UTC),
        "name": name,
        "id": identity("shadow", held.application, held.id, name, scorer, candidate or ""),
        "item_id": held.item,
        "interaction_id": held.id,
        "evalset_version": held.evalset if held.item is not None else None,
        "deployment_id": held.deployment_id,
        "variant": held.variant,
        "candidate": candidate,
        "purpose": "shadow",
        "stratum": held.stratum,
        "reason": held.reason,
        "inclusion": held.inclusion,
    }
