"""What an interaction leaves for the outcomes that will name it: hashes, who served it, how it went."""

from collections.abc import Sequence
from typing import NamedTuple

from app.core.repeats import Repeats, fingerprints
from app.core.units import hash64
from schemas.events import Interaction
from schemas.outcomes import Served


class Asked(NamedTuple):
    """A counted interaction, whether it is a unit or not.

    `id`, `key`: hashes of its id, and of its user or conversation; `behind`: the watermark where it is late.
    """

    interaction: Interaction
    id: int
    key: int | None
    behind: float | None


class ServedRows:
    """Rows of one partition of the log; remembers each key's last prompt as a fingerprint.

    `ask` for a row of each interaction in the order of the log, then `tell` them all, before a snapshot:
    fingerprints are dear one by one.
    """

    def __init__(self, capacity: int) -> None:
        self._repeats = Repeats(capacity)
        self._waiting: list[tuple[Asked, list[Served]]] = []

    def ask(self, asked: Asked, into: list[Served]) -> None:
        """Take note of an interaction, and of the list that gets its row."""
        self._waiting.append((asked, into))

    def tell(self) -> None:
        """Append the rows that were asked for."""
        waiting, self._waiting = self._waiting, []
        prints = fingerprints(["" if asked.key is None else asked.interaction.prompt for asked, _ in waiting])
        for (asked, into), print_ in zip(waiting, prints, strict=True):
            into.append(self._row(asked, print_))

    def _row(self, asked: Asked, print_: int | None) -> Served:
        interaction, identity, key, behind = asked
        app, time = interaction.application, interaction.time.timestamp()
        talk, user = interaction.conversation_id, interaction.user_hash
        return Served(
            identity,
            time if behind is None else behind,
            interaction.deployment_id,
            interaction.variant,
            None if user is None else hash64(f"{app}|{user}"),
            None if talk is None else hash64(f"{app}|{talk}"),
            interaction.error_type is not None,
            None if key is None else self._repeats.corrected(key, identity, print_, time),
        )

    def snapshot(self) -> list[tuple[int, int, int, float]]:
        """State as a value for msgpack."""
        return self._repeats.snapshot()

    def restore(self, state: Sequence[tuple[int, int, int, float]]) -> None:
        """Take over a snapshot."""
        self._repeats.restore(state)
