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
    def _new(self, number: int) -> P:
        """An empty state of a partition."""

    @abstractmethod
    def _load(self, partition: P, saved: dict[str, Any]) -> None:
        """Take a snapshot over into an empty state.  May raise anything: it is lost then."""

    async def _recover(self, number: int, partition: P, offset: int) -> None:
        """Take over what topics still tell of a state that is lost and reached to `offset`."""

    async def _ready(self, number: int, partition: P) -> None:
        """What is to be known of topics before the first record."""

    async def _partition(self, number: int) -> P:
        if number not in self._partitions:
            self._partitions[number] = await self._opened(number)
        return self._partitions[number]

    async def _opened(self, number: int) -> P:
        """A partition from its newest checkpoint, or new where there is none, or none that can be used."""
        found, partition = await self._checkpoints.read(number), self._new(number)
        problem = None if found is None else found.problem
        if found is not None and problem is None:
            try:
                self._load(partition, found.state)
                partition.saved = partition.offset
            except Exception as error:  # a worker must not die of its own past, at every start again
                problem, partition = f"it does not fit ({type(error).__name__})", self._new(number)
        if found is not None and problem is not None:
            self._checkpoints.lost(number, problem)
            await self._recover(number, partition, found.offset)
        await self._ready(number, partition)
        return partition

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
