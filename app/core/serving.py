"""What an interaction leaves for the outcomes that will name it: hashes, who served it, how it went."""

from collections.abc import Sequence

from app.core.repeats import Repeats
from app.core.units import hash64
from schemas.events import Interaction
from schemas.outcomes import Served


class ServedRows:
    """Rows of one partition of the log; remembers each key's last prompt as a fingerprint."""

    def __init__(self, capacity: int) -> None:
        self._repeats = Repeats(capacity)

    def row(self, interaction: Interaction, *, key: int | None, behind: float | None) -> Served:
        """Of a counted interaction, whether it is a unit or not.

        Args: key, hash of its user or conversation; behind, the watermark where it is late.
        """
        app, time = interaction.application, interaction.time.timestamp()
        identity = hash64(f"{app}|{interaction.id}")
        talk, user = interaction.conversation_id, interaction.user_hash
        return Served(
            identity,
            time if behind is None else behind,
            interaction.deployment_id,
            interaction.variant,
            None if user is None else hash64(f"{app}|{user}"),
            None if talk is None else hash64(f"{app}|{talk}"),
            interaction.error_type is not None,
            None if key is None else self._repeats.corrected(key, identity, interaction.prompt, time),
        )

    def snapshot(self) -> list[tuple[int, int, int, float]]:
        """State as a value for msgpack."""
        return self._repeats.snapshot()

    def restore(self, state: Sequence[tuple[int, int, int, float]]) -> None:
        """Take over a snapshot."""
        self._repeats.restore(state)
