import asyncio
import tracemalloc
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from agents import checkpoint, reading
from agents.checkpoint import PART_BYTES, Checkpoints, Saved
from agents.telemetry import STATES_LOST
from app.settings import Settings
from schemas.topics import STATE, Topic
from tests.agents.doubles import PREFIX, RecordingOutbox, Sent, SimpleTP, settings, stored


class Log:
    """`state.v1` in memory: what the outbox sent is what `read` finds, but for what a test takes away."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.outbox = RecordingOutbox()
        self.lost: Callable[[Sent], bool] = lambda _: False
        monkeypatch.setattr(checkpoint, "read_partition", self._read)

    async def _read(self, _: Settings, topic: Topic, partition: int) -> AsyncIterator[Any]:
        kept = [s for s in self.outbox.on(topic) if s.partition == partition and not self.lost(s)]
        for offset, sent in enumerate(kept):
            yield stored(sent, offset)

    def compact(self) -> None:
        """Keep the newest record of each key, as the broker may at any time."""
        newest = {(sent.key, sent.partition): sent for sent in self.outbox.sent}
        self.outbox.sent = [s for s in self.outbox.sent if newest[s.key, s.partition] is s]

    def checkpoints(self, agent: str = "measure", format: int = 1) -> Checkpoints:
        return Checkpoints(agent, format, outbox=self.outbox, settings=settings())  # type: ignore[arg-type]

    def write(self, found: Checkpoints, state: Any, offset: int, partition: int = 3) -> None:
        asyncio.run(found.write(partition, lambda: state, offset))

    def read(self, agent: str = "measure", partition: int = 3) -> Any:
        saved = asyncio.run(self.checkpoints(agent).read(partition))
        return None if saved is None else saved.state


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    return Log(monkeypatch)


def large(seed: int) -> dict[str, Any]:
    return {"seed": seed, "noise": Random(seed).randbytes(2 * PART_BYTES + 1000)}


def test_a_state_comes_back_as_it_was_saved(log: Log) -> None:
    state = {"last_offset": 41, "open": {"x": [1, 2.5, None]}, "raw": b"\xff\x00"}
    log.write(log.checkpoints(), state, 41)
    assert log.read() == state


def test_without_a_state_there_is_none(log: Log) -> None:
    assert log.read() is None


def test_states_of_other_agents_and_partitions_are_nobody_elses(log: Log) -> None:
    log.write(log.checkpoints("detect"), "theirs", 7)
    log.write(log.checkpoints("measure"), "elsewhere", 7, partition=1)
    assert log.read() is None
    assert log.read("detect") == "theirs"


def test_a_state_lies_on_the_partition_of_its_input_under_keys_of_two_slots(log: Log) -> None:
    found = log.checkpoints()
    for offset in (1, 2, 3):
        log.write(found, {"at": offset}, offset)
    assert {sent.partition for sent in log.outbox.sent} == {3}
    first, second, third = (sent.key for sent in log.outbox.on(STATE))
    assert first == third != second


def test_an_input_with_more_partitions_than_the_states_shares_them(log: Log) -> None:
    few = settings(kafka={"partitions": 2})  # ticks have three
    found = Checkpoints("detect", 1, outbox=log.outbox, settings=few)  # type: ignore[arg-type]
    for partition in range(3):
        log.write(found, f"state of {partition}", partition, partition)
    assert {sent.partition for sent in log.outbox.sent} == {0, 1}
    log.compact()
    again = Checkpoints("detect", 1, outbox=log.outbox, settings=few)  # type: ignore[arg-type]
    states = [asyncio.run(again.read(p)) for p in range(3)]
    assert states == [Saved(f"state of {p}", p) for p in range(3)]


def test_a_large_state_travels_in_parts_that_fit_a_record(log: Log) -> None:
    log.write(log.checkpoints(), large(1), 5)
    sent = log.outbox.on(STATE)
    assert len(sent) == 3
    assert max(len(each.value) for each in sent) == PART_BYTES
    assert [each.headers["part"] for each in sent] == [b"0", b"1", b"2"]
    assert log.read() == large(1)


def test_the_newest_whole_generation_wins(log: Log) -> None:
    found = log.checkpoints()
    for offset in (10, 20, 30):
        log.write(found, large(offset), offset)
    assert log.read() == large(30)


@pytest.mark.parametrize("lost", [b"0", b"1", b"2"])
def test_a_newest_generation_that_a_crash_cut_short_falls_back_to_the_one_before(
    log: Log, lost: bytes
) -> None:
    found = log.checkpoints()
    log.write(found, large(10), 10)
    log.write(found, large(20), 20)
    log.lost = lambda sent: sent.headers["offset"] == b"20" and sent.headers["part"] == lost
    assert log.read() == large(10)


def test_compaction_leaves_a_whole_generation_even_when_the_next_one_is_cut_short(log: Log) -> None:
    found = log.checkpoints()
    for offset in (10, 20, 30):
        log.write(found, large(offset), offset)
    log.outbox.sent.pop()  # the crash came before the last part of the third
    log.compact()
    assert log.read() == large(20)


def test_a_restarted_worker_that_writes_over_either_slot_leaves_a_newest_state(log: Log) -> None:
    log.write(log.checkpoints(), "first life", 10)
    log.write(log.checkpoints(), "second life", 20)  # begins with the same slot
    log.compact()
    assert log.read() == "second life"


def test_a_shrunken_state_is_not_mixed_with_parts_of_a_longer_one(log: Log) -> None:
    found = log.checkpoints()
    log.write(found, large(1), 10)
    log.write(found, large(2), 20)
    log.write(found, "small", 30)
    log.compact()
    assert log.read() == "small"


def test_a_state_that_was_not_delivered_is_an_error_not_a_checkpoint(log: Log) -> None:
    log.outbox.broken = True
    with pytest.raises(ConnectionError):
        log.write(log.checkpoints(), "state", 1)


def test_the_same_state_at_a_higher_offset_is_another_generation(log: Log) -> None:
    found = log.checkpoints()
    log.write(found, "same", 10)
    log.write(found, "same", 20)
    assert len({sent.headers["generation"] for sent in log.outbox.sent}) == 2


def test_foreign_records_on_the_topic_are_passed_over(log: Log) -> None:
    log.outbox.sent += [
        Sent(STATE.name, b"x", b"junk", 3, {}),
        Sent(STATE.name, None, b"", 3, {"state": b""}),
        Sent(STATE.name, b"x", b"no generation", 3, {"state": b"measure/3"}),
        Sent(STATE.name, b"x", b"?", 3, {"state": b"measure/3", "generation": b"g", "part": b"x"}),
    ]
    log.write(log.checkpoints(), "ours", 1)
    assert log.read() == "ours"


@pytest.mark.parametrize(("format", "problem"), [(None, "unknown, ours 2"), (b"1", "1, ours 2")])
def test_a_state_of_another_format_is_not_read_and_gives_way_to_what_is_written_next(
    log: Log, format: bytes | None, problem: str
) -> None:
    log.write(log.checkpoints(format=1), "theirs", 70)
    for sent in log.outbox.sent:
        sent.headers.pop("format")
        if format is not None:
            sent.headers["format"] = format
    ours = log.checkpoints(format=2)
    found = asyncio.run(ours.read(3))
    assert found is not None
    assert found.problem is not None
    assert (found.state, found.offset) == (None, 70)
    assert problem in found.problem
    ours.lost(3, found.problem)
    log.write(ours, "new", 5)  # a lower offset, as of agents that read several topics
    log.write(log.checkpoints(format=2), "late, from a worker that was cut off", 90)  # of the life before
    assert asyncio.run(log.checkpoints(format=2).read(3)) == Saved("new", 5)


def test_a_damaged_state_is_said_to_be_damaged(log: Log) -> None:
    log.write(log.checkpoints(), "older", 10)
    log.write(log.checkpoints(), {"x": list(range(1000))}, 20)
    broken = log.outbox.sent.pop()
    value = broken.value[:40] + bytes([broken.value[40] ^ 255]) + broken.value[41:]
    log.outbox.sent.append(replace(broken, value=value))
    found = asyncio.run(log.checkpoints().read(3))
    assert found is not None
    assert found.offset == 20
    assert "damaged" in (found.problem or "")


def test_a_lost_state_is_counted(log: Log) -> None:
    before = STATES_LOST.labels("measure")._value.get()
    log.checkpoints().lost(3, "a test")
    assert STATES_LOST.labels("measure")._value.get() == before + 1


class Uncompacted:
    """A consumer of a partition that holds one generation `count` times, each at the next offset."""

    def __init__(self, generation: list[Sent], count: int) -> None:
        self.generation, self.count, self.position_now = generation, count, 0

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def assign(self, where: Any) -> None:
        assert where == [(PREFIX + STATE.name, 3)]

    def seek(self, where: SimpleTP, offset: int) -> None: ...

    async def beginning_offsets(self, where: list[SimpleTP]) -> dict[SimpleTP, int]:
        return dict.fromkeys(where, 0)

    async def end_offsets(self, where: list[SimpleTP]) -> dict[SimpleTP, int]:
        return dict.fromkeys(where, self.count)

    async def position(self, where: SimpleTP) -> int:
        return self.position_now

    async def getmany(self, where: SimpleTP, timeout_ms: int) -> dict[SimpleTP, list[Any]]:
        at = str(self.position_now).encode()
        self.position_now += 1
        told = {"generation": at, "offset": at}
        return {
            where: [
                stored(replace(sent, value=bytes(bytearray(sent.value)), headers={**sent.headers, **told}))
                for sent in self.generation
            ]
        }


def test_what_compaction_did_not_reach_yet_is_not_held(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    log.write(log.checkpoints(), large(1), 0)
    monkeypatch.setattr(checkpoint, "read_partition", reading.read_partition)
    consumer = Uncompacted(log.outbox.on(STATE), 60)
    monkeypatch.setattr(reading, "AIOKafkaConsumer", lambda **_: consumer)
    tracemalloc.start()
    try:
        saved = asyncio.run(log.checkpoints().read(3))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert saved == Saved(large(1), 59)
    assert peak < 8 * len(large(1)["noise"])


def newest_of_all(sent: list[Sent]) -> bytes | None:
    """The generation that counts, by holding every one."""
    pieces: dict[bytes, set[bytes]] = {}
    rank: dict[bytes, tuple[int, int]] = {}
    for each in sent:
        generation = each.headers["generation"]
        pieces.setdefault(generation, set()).add(each.headers["part"])
        rank[generation] = int(each.headers["life"]), int(each.headers["offset"])
    whole = [generation for generation, parts in pieces.items() if len(parts) == 2]
    return max(reversed(whole), key=lambda generation: rank[generation], default=None)


@pytest.mark.parametrize("seed", range(40))
def test_the_generation_that_counts_is_that_of_all_of_them(log: Log, seed: int) -> None:
    random = Random(seed)
    writers: list[list[Sent]] = [[], []]  # the second was cut off and does not know
    for number in range(12):
        state, life, offset = f"{number}", random.choice([0, 0, 1]), random.randrange(4)
        log.outbox.sent.clear()
        log.write(log.checkpoints(), state, offset)
        (sent,) = log.outbox.on(STATE)
        told = {**sent.headers, "parts": b"2", "life": str(life).encode()}
        half = len(sent.value) // 2
        for part, value in enumerate((sent.value[:half], sent.value[half:])):
            if random.random() < 0.8:
                headers = {**told, "part": str(part).encode()}
                writers[number % 2].append(replace(sent, value=value, headers=headers))
    order = sorted([0] * len(writers[0]) + [1] * len(writers[1]), key=lambda _: random.random())
    log.outbox.sent = [writers[each].pop(0) for each in order]
    wanted = newest_of_all(log.outbox.sent)
    found = asyncio.run(log.checkpoints()._newest(3))
    assert (found and found.pieces) == (
        wanted
        and {
            int(sent.headers["part"]): sent.value
            for sent in log.outbox.sent
            if sent.headers["generation"] == wanted
        }
    )
