"""What the blocks of a partition hold of each aspect of each application."""

from dataclasses import dataclass, field
from typing import Any

from app.core.aspects import Subject
from app.core.folding import Fold, Judged, SumKey, key_of, sum_key
from app.core.sampling import Candidate
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

    def add(self, judged: Judged, row: int, candidate: Candidate) -> None:
        """Count a unit in its sum; one that the baseline was learned from counts in none."""
        baseline, interaction = candidate.references.baseline, candidate.interaction
        if baseline is None or baseline.holds(candidate.time):
            return
        key = sum_key(
            baseline,
            time=candidate.time,
            ordinal=candidate.ordinal,
            cohort=(interaction.deployment_id, interaction.variant),
        )
        fold = self.sums.setdefault(key, Fold())
        evalsets = [evalset.id for evalset in candidate.evalsets]
        fold.add(judged, row, candidate.offset, evalsets=evalsets, keyless=candidate.key is None)
        fold.shed += candidate.passed

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
        part = self.parts.get(subject)
        if part is None:
            part = self.parts[subject] = Part()
        return part


class Blocks:
    """Blocks of one partition that may still grow, by their first offset, the open one last.

    Args: most, offsets of a block, and interactions: a record may hold many.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.held: dict[int, Block] = {}

    def resume(self, offset: int) -> None:
        """Go on behind `offset` in a block of its own."""
        self.held = {offset + 1: Block(up_to=offset)}

    def opened(self, offset: int) -> Block:
        """The block of the next offset: the open one, while it has room."""
        start = offset - offset % self._most
        last = next(reversed(self.held), -1)
        if last < start:
            return self.held.setdefault(start, Block())
        full = self.held[last].interactions >= self._most
        return self.held.setdefault(offset, Block()) if full else self.held[last]

    def of(self, offset: int) -> Block:
        """The block that holds an offset."""
        for start, block in reversed(self.held.items()):  # most often the first
            if start <= offset:
                return block
        raise KeyError(offset)

    def take_grown(self) -> list[tuple[int, Block, Subject]]:
        """Which blocks grew since the last call, and of whom; whole blocks are then forgotten."""
        grown = [(n, block, subject) for n, block in self.held.items() for subject in sorted(block.dirty)]
        for _, block, _ in grown:
            block.dirty.clear()
        current = next(reversed(self.held), 0)
        self.held = {start: block for start, block in self.held.items() if start >= current}
        return grown
