"""A station with a state per partition of its input: restored when it is needed, saved as it moves."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from agents.checkpoint import Checkpoints
from agents.plumbing import Record


class Partition(Protocol):
    """State of one partition, and how far it and its newest checkpoint reach."""

    saved: int

    @property
    def offset(self) -> int:
        """The last offset that the state holds; -1 before the first."""
        ...

    def snapshot(self) -> dict[str, Any]:
        """State as a value for msgpack."""
        ...


P = TypeVar("P", bound=Partition)


class PartitionedStation(ABC, Generic[P]):
    """`plumbing.Station`, but for `process` and for how a partition is opened.

    Args: assigned, the partitions of its input that this process reads now.
    """

    def __init__(self, checkpoints: Checkpoints, assigned: Callable[[], set[int]] = set) -> None:
        self._checkpoints, self._assigned = checkpoints, assigned
        self._partitions: dict[int, P] = {}

    @abstractmethod
    async def process(self, records: Sequence[Record]) -> None:
        """Apply records in order; every effect is delivered when this returns."""

    @abstractmethod
    async def _open(self, number: int, saved: dict[str, Any] | None) -> P:
        """The state of a partition: from its newest checkpoint, or new where there is none."""

    async def _partition(self, number: int) -> P:
        if number not in self._partitions:
            partition = await self._open(number, await self._checkpoints.read(number))
            partition.saved = partition.offset
            self._partitions[number] = partition
        return self._partitions[number]

    async def _restore(self) -> None:
        """Open what this process was given: what waits there since before a crash needs no new record."""
        for number in self._assigned() - self._partitions.keys():
            await self._partition(number)

    async def checkpoint(self) -> None:
        """Save the partitions that moved."""
        for number, partition in self._partitions.items():
            if partition.offset > partition.saved:
                offset = partition.offset
                await self._checkpoints.write(number, partition.snapshot, offset)
                partition.saved = offset

    def forget(self, partitions: set[int]) -> None:
        """Another worker goes on from the last checkpoint."""
        for number in partitions:
            self._partitions.pop(number, None)
