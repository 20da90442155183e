"""Any source -> `interactions.v1`: decode, map, key; what cannot be read becomes a dead letter."""

from collections.abc import Sequence
from functools import partial

import faust

from agents.dead_letters import bury
from agents.plumbing import Lane, Outbox, Record
from app.settings import Settings, SourceSettings
from schemas import mapping
from schemas.codec import MAX_BYTES, Event, Rejection, SchemaError, decode, element, encode, hash_user
from schemas.topics import place

TOO_LARGE = f"keep it at or below {MAX_BYTES:,}; of messages the last user turn is written twice"


class Ingest:
    """Stateless: the station of every source topic."""

    def __init__(self, sources: Sequence[SourceSettings], *, outbox: Outbox, salt: str) -> None:
        self._sources = {source.topic: source for source in sources}
        self._outbox, self._salt = outbox, salt

    async def process(self, records: Sequence[Record]) -> None:
        """Send each event on, keyed; delivered when this returns."""
        for record in records:
            for number, event in enumerate(self._read(record)):
                if isinstance(event, Rejection):
                    await bury(self._outbox, record, event)
                else:
                    await self._send(record, number, event)
        await self._outbox.deliver()

    async def _send(self, record: Record, number: int, event: Event) -> None:
        value = encode(event)
        if len(value) > MAX_BYTES:  # nobody would read it
            error = SchemaError("value", f"is {len(value):,} bytes as it would be written", TOO_LARGE)
            await bury(self._outbox, record, Rejection(error, element(record.value or b"", number)))
            return
        topic, key = place(event)
        await self._outbox.send(topic, value, key=key.encode())

    def _read(self, record: Record) -> list[Event | Rejection]:
        source = self._sources[record.topic]
        return decode(
            record.value,
            headers=record.headers,
            application=source.application,
            hasher=lambda user: hash_user(user, self._salt),
            reshape=partial(mapping.apply, source.fields) if source.fields else None,
        )

    async def checkpoint(self) -> None:
        """Nothing to keep."""

    def forget(self, partitions: set[int]) -> None:
        """Nothing to drop."""


def register(app: faust.App, settings: Settings, outbox: Outbox) -> None:
    """Attach the agent, if there are sources."""
    if settings.sources:
        station = Ingest(settings.sources, outbox=outbox, salt=settings.worker.user_salt.get_secret_value())
        topics = [source.topic for source in settings.sources]
        Lane(app, settings, topics, "ingest", station).register()
