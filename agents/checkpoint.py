"""Snapshots on `state.v1`: written before the acknowledgement, read before the first record.

A snapshot travels in parts on the partition of its input.  Two slots take turns, so that compaction
always leaves one whole generation, also when a crash cut the newest one short.
"""

import asyncio
import hashlib
import zlib
from collections.abc import Callable
from typing import Any

import msgspec

from agents.plumbing import Outbox
from agents.reading import read_partition
from agents.telemetry import CHECKPOINT_AT
from app.settings import Settings
from schemas.topics import STATE

PART_BYTES = 512 * 1024


class Checkpoints:
    """The state of one agent, per partition of its input."""

    def __init__(self, agent: str, *, outbox: Outbox, settings: Settings) -> None:
        self._agent, self._outbox, self._settings = agent, outbox, settings
        self._turn: dict[int, int] = {}

    async def write(self, partition: int, snapshot: Callable[[], Any], offset: int) -> None:
        """Make a state durable; returns when the broker has it.

        `snapshot` runs in a thread: the caller must not change the state before this returns.
        """
        loop = asyncio.get_running_loop()
        blob = await loop.run_in_executor(None, lambda: zlib.compress(msgspec.msgpack.encode(snapshot()), 1))
        identity = hashlib.blake2b(
            blob + offset.to_bytes(8, "little", signed=True), digest_size=8
        ).hexdigest()
        turn = self._turn[partition] = 1 - self._turn.get(partition, 0)
        pieces = [blob[i : i + PART_BYTES] for i in range(0, len(blob), PART_BYTES)]
        for i, piece in enumerate(pieces):
            await self._outbox.send(
                STATE,
                piece,
                key=f"{self._agent}/{partition}@{turn}#{i}".encode(),
                partition=self._place(partition),
                headers={
                    "state": f"{self._agent}/{partition}".encode(),
                    "generation": identity.encode(),
                    "part": str(i).encode(),
                    "parts": str(len(pieces)).encode(),
                    "offset": str(offset).encode(),
                },
            )
        await self._outbox.deliver()
        CHECKPOINT_AT.labels(self._agent).set_to_current_time()

    def _place(self, partition: int) -> int:
        """The same number, unless the input has more partitions than the states, as ticks may."""
        return partition % self._settings.kafka.partitions

    async def read(self, partition: int) -> Any | None:  # noqa: ANN401  any state
        """The newest whole state of a partition, by the offset it covers; None where there is none."""
        wanted = f"{self._agent}/{partition}".encode()
        generations: dict[bytes, dict[int, bytes]] = {}
        facts: dict[bytes, tuple[int, int]] = {}  # generation -> (offset, parts)
        for record in await read_partition(self._settings, STATE, self._place(partition)):
            headers = dict(record.headers)
            if headers.get("state") != wanted or record.value is None:
                continue
            generation = headers["generation"]
            generations.setdefault(generation, {})[int(headers["part"])] = record.value
            facts[generation] = (int(headers["offset"]), int(headers["parts"]))
        whole = [g for g, pieces in generations.items() if len(pieces) == facts[g][1]]
        if not whole:
            return None
        best = max(reversed(whole), key=lambda g: facts[g][0])
        blob = b"".join(generations[best][i] for i in range(facts[best][1]))
        return msgspec.msgpack.decode(zlib.decompress(blob), strict=False)
