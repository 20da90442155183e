"""What an outcome says, and what it can be joined by: checked and reduced to numbers and hashes."""

import math

import msgspec

from app.core.units import hash64
from schemas.codec import SchemaError
from schemas.events import Outcome
from schemas.outcomes import MetricKind


class Told(msgspec.Struct, array_like=True):
    """One outcome on its way to its interaction.  Order: by time, then by id."""

    at: float  # event time; of a late one the moment from which it is read
    id: int
    metric: str
    kind: MetricKind
    value: float
    label: str | None
    interaction: int | None
    conversation: int | None
    deployment_id: str | None
    higher: bool | None = None  # is better, as it said
    late: bool = False
    invalid: bool = False

    @property
    def target(self) -> int:
        """What it is about: one value counts for each."""
        return self.interaction or self.conversation or self.id


def problem_of(outcome: Outcome) -> SchemaError | None:
    """Why an outcome cannot be read; None where it can."""
    if outcome.value is None and outcome.label is None:
        return SchemaError("value", "is missing, and so is label", "send one of them")
    if outcome.value is not None and not math.isfinite(outcome.value):
        return SchemaError("value", "is not a finite number", "leave out what is not known")
    return None


def told(outcome: Outcome, at: float, *, late: bool) -> Told:
    """An outcome as numbers and hashes, the wrong ones too: they are counted."""
    app = outcome.application
    value, label = outcome.value, outcome.label

    def hashed(name: str | None) -> int | None:
        return hash64(f"{app}|{name}") if name else None

    return Told(
        at,
        hash64(f"{app}|{outcome.id}"),
        outcome.name,
        _kind(outcome),
        0.0 if value is None or not math.isfinite(value) else float(value),
        label if value is None else None,
        hashed(outcome.interaction_id),
        hashed(outcome.conversation_id),
        outcome.deployment_id,
        outcome.higher_is_better,
        late,
        problem_of(outcome) is not None,
    )


def _kind(outcome: Outcome) -> MetricKind:
    """By its value; a number is boolean where it is 0 or 1 and says so."""
    if outcome.value is None:
        return "categorical"
    said = outcome.data_type == "boolean" and outcome.value in (0.0, 1.0)
    return "boolean" if isinstance(outcome.value, bool) or said else "numeric"


def fits(told: Told, kind: MetricKind) -> bool:
    """Whether an outcome is of a metric's type; 0 and 1 are booleans too.

    >>> fits(Told(0.0, 1, "done", "numeric", 1.0, None, None, None, None), "boolean")
    True
    """
    pair = told.kind, kind
    binary = pair == ("numeric", "boolean") and told.value in (0.0, 1.0)
    return told.kind == kind or binary or pair == ("boolean", "numeric")
