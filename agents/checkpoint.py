"""Snapshots on `state.v1`: written before the acknowledgement, read before the first record.

A snapshot travels in parts on the partition of its input.  Two slots take turns, so that compaction
always leaves one whole generation, also when a crash cut the newest one short.  Each says which format it
is of: one that cannot be used, being of another format or damaged, is lost, and the life of its partition
begins anew (docs/decisions/0023-a-state-that-cannot-be-read.md).
"""

import asyncio
import hashlib
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from agents.plumbing import Outbox
from agents.reading import read_partition
from agents.telemetry import CHECKPOINT_AT, STATES_LOST, log
from app.settings import Settings
from schemas.topics import STATE

PART_BYTES = 512 * 1024


@dataclass(frozen=True, slots=True)
class Saved:
    """The newest state of a partition and the offset it covers; `problem` is why it cannot be used."""

    state: Any
    offset: int
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the headers of a generation say: a later life counts before a farther offset."""

    life: int
    offset: int
    parts: int
    format: str | None

    @property
    def rank(self) -> tuple[int, int]:
        """The highest counts; of equal ones the last that came."""
        return self.life, self.offset


@dataclass(slots=True)
class _Generation:
    """One snapshot, as far as it was read."""

    facts: _Facts
    pieces: dict[int, bytes] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        return len(self.pieces) == self.facts.parts

    def may_beat(self, best: "_Generation") -> bool:
        return not self.whole and self.facts.rank >= best.facts.rank


class Checkpoints:
    """The state of one agent, per partition of its input.

    Args: format, which snapshots it can read; a change of what a snapshot holds takes a new number.
    """

    def __init__(self, agent: str, format: int, *, outbox: Outbox, settings: Settings) -> None:
        self._agent, self._format = agent, str(format)
        self._outbox, self._settings = outbox, settings
        self._turn: dict[int, int] = {}
        self._lives: dict[int, int] = {}

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
                    "format": self._format.encode(),
                    "life": str(self._lives.get(partition, 0)).encode(),
                },
            )
        await self._outbox.deliver()
        CHECKPOINT_AT.labels(self._agent).set_to_current_time()

    def _place(self, partition: int) -> int:
        """The same number, unless the input has more partitions than the states, as ticks may."""
        return partition % self._settings.kafka.partitions

    async def read(self, partition: int) -> Saved | None:
        """The newest whole state of a partition, by life and offset; None where there is none."""
        best = await self._newest(partition)
        if best is None:
            return None
        found = best.facts
        self._lives[partition] = found.life
        if found.format != self._format:
            problem = f"its format is {found.format or 'unknown'}, ours {self._format}"
            return Saved(None, found.offset, problem)
        blob = b"".join(best.pieces[i] for i in range(found.parts))
        try:
            return Saved(msgspec.msgpack.decode(zlib.decompress(blob), strict=False), found.offset)
        except (zlib.error, msgspec.DecodeError) as error:
            return Saved(None, found.offset, f"it is damaged: {error}")

    async def _newest(self, partition: int) -> "_Generation | None":
        """The whole generation that counts.

        Before compaction the partition holds many: only it, and those that may still beat it, are kept.
        """
        wanted = f"{self._agent}/{partition}".encode()
        held: dict[bytes, _Generation] = {}  # in the order of their first parts
        best: _Generation | None = None
        async for record in read_partition(self._settings, STATE, self._place(partition)):
            headers = dict(record.headers)
            if headers.get("state") != wanted or record.value is None:
                continue
            try:
                identity, part, told = headers["generation"], int(headers["part"]), _facts(headers)
            except (KeyError, ValueError):  # not ours
                continue
            if best is not None and told.rank < best.facts.rank:
                continue
            generation = held.setdefault(identity, _Generation(told))
            generation.facts = told
            generation.pieces[part] = record.value
            if generation.whole:
                whole = [each for each in held.values() if each.whole]
                best = max(reversed(whole), key=lambda each: each.facts.rank)
                held = {i: g for i, g in held.items() if g is best or g.may_beat(best)}
        return best

    def lost(self, partition: int, reason: str) -> None:
        """The newest state cannot be used: say so, and let what is written from now on take its place."""
        self._lives[partition] = self._lives.get(partition, 0) + 1
        STATES_LOST.labels(self._agent).inc()
        log.error("state_lost", agent=self._agent, partition=partition, reason=reason)


def _facts(headers: dict[str, bytes]) -> _Facts:
    told = headers.get("format")  # snapshots of before there were formats have none
    return _Facts(
        life=int(headers.get("life", b"0")),
        offset=int(headers["offset"]),
        parts=int(headers["parts"]),
        format=None if told is None else told.decode(),
    )
