"""What a row of evaluations says: checked, and reduced to numbers, hashes and names of strata."""

import math
from typing import Literal

import msgspec

from app.core.units import hash64
from schemas.codec import SchemaError
from schemas.events import Evaluation
from schemas.quality import Dimension

PEOPLE = "people"  # the scorer of labels
UNCOVERED = "not covered"  # the stratum of what no cluster of the eval set holds
Kind = Literal["live", "label", "run", "probe", "gold"]


class Grade(msgspec.Struct, array_like=True, frozen=True):
    """One score, or one sample that was kept and not scored.  Order: by time, then by id."""

    at: float  # event time
    id: int
    kind: Kind
    metric: str
    target: int  # whose answer: the interaction, else the item, else the row itself
    score: float | None
    scorer: str
    dimension: Dimension | None = None
    deployment_id: str | None = None
    variant: str | None = None
    model: str | None = None
    candidate: str | None = None
    stratum: str = UNCOVERED
    reason: str = ""
    inclusion: float = 1.0
    selection: float = 1.0
    item: str | None = None
    run: str | None = None
    evalset: str | None = None
    gold: float | None = None
    late: bool = False
    failed: bool = False
    invalid: bool = False


def problem_of(row: Evaluation) -> SchemaError | None:
    """Why an evaluation cannot be used; None where it can.

    >>> from datetime import UTC, datetime
    >>> row = Evaluation(application="a", time=datetime.now(UTC), name="accuracy", score=7.0)
    >>> str(problem_of(row))
    'score: lies outside 0 to 1; send a share of what could be reached, 1 as it should be'
    """
    for name, value in (("score", row.score), ("gold", row.gold)):
        if value is not None and not math.isfinite(value):
            return SchemaError(name, "is not a finite number", "leave out what is not known")
        if value is not None and not 0 <= value <= 1:
            remedy = "send a share of what could be reached, 1 as it should be"
            return SchemaError(name, "lies outside 0 to 1", remedy)
    kind = kind_of(row)
    if kind == "gold" and row.gold is None:
        return SchemaError("gold", "is missing", "send the score that people gave this item")
    if kind in ("run", "probe") and row.item_id is None:
        return SchemaError("item_id", "is missing", "name the item that was asked")
    if row.score is None and row.label is None and row.purpose is None:
        return SchemaError("score", "is missing, and so is label", "send one of them")
    return None


def kind_of(row: Evaluation) -> Kind:
    """By its purpose; rows from elsewhere by what they name."""
    match row.purpose:
        case "shadow":
            return "live"
        case "run" | "probe" | "gold":
            return row.purpose
    if row.item_id is not None or row.evalset_version is not None:
        return "run"
    return "label" if row.source == "human_review" else "live"


def graded(row: Evaluation, at: float, *, late: bool) -> Grade:
    """A row as numbers and hashes, the wrong ones too: they are counted."""
    kind, app = kind_of(row), row.application
    whose = row.interaction_id or row.item_id or row.id
    wrong = problem_of(row) is not None
    return Grade(
        at=at,
        id=hash64(f"{app}|{row.id}"),
        kind=kind,
        metric=row.name,
        target=hash64(f"{app}|{whose}"),
        score=None if wrong else row.score,
        scorer=PEOPLE if kind == "label" else row.scorer or "",
        dimension=row.dimension,
        deployment_id=row.deployment_id,
        variant=row.variant,
        model=row.model,
        candidate=row.candidate,
        stratum=row.stratum or UNCOVERED,
        reason=row.reason or "",
        inclusion=row.inclusion or 1.0,
        selection=row.selection or 1.0,
        item=row.item_id,
        run=row.run_id,
        evalset=row.evalset_version,
        gold=None if wrong else row.gold,
        late=late,
        failed=row.score is None and row.label is not None,
        invalid=wrong,
    )
