"""Sums by version: of all time, since the last release, and as they were at it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, Self, TypeVar


class Sums(Protocol):
    """What counts the outcomes of one version."""

    def bare(self) -> Self:
        """A copy without what is known of users from before."""
        ...

    def snapshot(self) -> list[Any]:
        """State as a value for msgpack."""
        ...

    @classmethod
    def restore(cls, state: Sequence[Any]) -> Self:
        """Inverse of `snapshot`."""
        ...


T = TypeVar("T", bound=Sums)


@dataclass(slots=True)
class Arms(Generic[T]):
    """By number of the version.  `kind` makes the sums of one that is new."""

    kind: type[T]
    whole: dict[int, T] = field(default_factory=dict)
    since: dict[int, T] = field(default_factory=dict)  # of interactions after the last release
    past: dict[int, T] = field(default_factory=dict)  # as `whole` was then

    def of(self, version: int) -> T:
        """All of a version."""
        return self._made(self.whole, version)

    def since_release(self, version: int) -> T:
        """What a version did since the last release."""
        return self._made(self.since, version)

    def _made(self, table: dict[int, T], version: int) -> T:
        if version not in table:
            table[version] = self.kind()
        return table[version]

    def restart(self) -> None:
        """There is a release."""
        self.since, self.past = {}, {version: sums.bare() for version, sums in self.whole.items()}

    def keep(self, versions: set[int]) -> None:
        """Drop all others."""
        for table in self._tables:
            for gone in set(table) - versions:
                del table[gone]

    @property
    def _tables(self) -> tuple[dict[int, T], ...]:
        return self.whole, self.since, self.past

    def snapshot(self) -> list[Any]:
        """State as a value for msgpack."""
        return [[(version, sums.snapshot()) for version, sums in table.items()] for table in self._tables]

    def restore(self, state: Sequence[Any]) -> None:
        """Take over a snapshot."""
        for table, saved in zip(self._tables, state, strict=True):
            table.update((version, self.kind.restore(sums)) for version, sums in saved)
