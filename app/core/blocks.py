"""What one block of a partition holds of each aspect of each application."""

from dataclasses import dataclass, field
from typing import Any

from app.core.aspects import Subject
from app.core.folding import Fold, SumKey, key_of
from schemas.outcomes import Served
from schemas.ticks import Sample, Tick


@dataclass(slots=True)
class Part:
    """Of one subject: sums, samples, times of events without a sample, units counted before it and in it,
    and who was served.
    """

    sums: dict[SumKey, Fold] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    event_times: list[float] = field(default_factory=list)
    units_before: int = 0
    units: int = 0
    served: list[Served] = field(default_factory=list)

    def to_wire(self) -> dict[str, Any]:
        """The fields of a tick that tell it."""
        return {
            "sums": [fold.to_wire(key) for key, fold in self.sums.items()],
            "samples": list(self.samples),
            "event_times": list(self.event_times),
            "units_before": self.units_before,
            "units": self.units,
            "served": list(self.served),
        }

    @classmethod
    def from_wire(cls, tick: Tick) -> "Part":
        """Inverse of `to_wire`."""
        return cls(
            sums={key_of(s): Fold.from_wire(s) for s in tick.sums},
            samples=list(tick.samples),
            event_times=list(tick.event_times),
            units_before=tick.units_before,
            units=tick.units,
            served=list(tick.served),
        )


@dataclass(slots=True)
class Block:
    """A range of offsets from a border on; `dirty` are the subjects that something was counted for since."""

    parts: dict[Subject, Part] = field(default_factory=dict)
    up_to: int = -1
    interactions: int = 0  # that its records held, whatever became of them
    dirty: set[Subject] = field(default_factory=set)

    def of(self, subject: Subject) -> Part:
        """The subject's part, made at first sight."""
        return self.parts.setdefault(subject, Part())
