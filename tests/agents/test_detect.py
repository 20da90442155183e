import asyncio
from collections.abc import Iterator, Sequence
from functools import cache

import msgspec
import pytest

from agents.detect import Detect
from agents.plumbing import Record
from app.core.baseline import BaselineSettings
from app.core.monitor_settings import MonitorSettings
from app.core.sampling import References
from schemas.codec import encode
from schemas.events import Deployment
from schemas.readings import Reading
from schemas.ticks import Tick
from schemas.topics import DEAD_LETTERS, DEPLOYMENTS, READINGS, TICKS
from tests.agents.doubles import DictCheckpoints, HeldLibrary, RecordingOutbox, record, settings
from tests.core.test_releases import deployment
from tests.rig import made
from tests.rig.made import APP, comparable, interactions, measured

LEARNED, PLANTED_AT = 400, 700
CHANGED = {**made.USUAL, "gluten": 0.6}
LOG = (*interactions(PLANTED_AT), *interactions(260, first=PLANTED_AT, topics=CHANGED))


@pytest.fixture(autouse=True, scope="module")
def quick() -> Iterator[None]:
    with made.quick_calibration():
        yield


def known() -> dict[str, References]:
    return {APP: References(baseline=made.baseline(LEARNED))}


@cache
def ticks() -> tuple[Tick, ...]:
    sent = measured(LOG, references=known())
    idle = Tick(
        application="*",
        partition=0,
        partitions=1,
        block_start=0,
        up_to=len(LOG) - 1,
        watermark=sent[-1].watermark,
        idle=True,
    )
    return (*sent, idle)


def records(sent: Sequence[Tick], *, first: int = 0, partition: int = 0) -> list[Record]:
    return [record(TICKS, encode(tick), first + i, partition=partition) for i, tick in enumerate(sent)]


class Setting:
    """One worker after another on the same checkpoints and references."""

    def __init__(self, references: dict[str, References] | None = None) -> None:
        self.outbox, self.checkpoints = RecordingOutbox(), DictCheckpoints()
        self.references = known() if references is None else references
        self.library = HeldLibrary(self.references)
        self.restart()

    def restart(self) -> None:
        self.station = Detect(
            settings(),
            MonitorSettings(baseline=BaselineSettings(events=LEARNED)),
            fingerprint=made.FINGERPRINT,
            library=self.library,  # type: ignore[arg-type]
            outbox=self.outbox,  # type: ignore[arg-type]
            checkpoints=self.checkpoints,  # type: ignore[arg-type]
        )

    def process(self, batch: Sequence[Record], *, size: int = 7) -> None:
        async def all_of_it() -> None:
            for start in range(0, len(batch), size):
                await self.station.process(batch[start : start + size])

        asyncio.run(all_of_it())

    def save(self) -> None:
        asyncio.run(self.station.checkpoint())

    @property
    def readings(self) -> list[Reading]:
        return self.outbox.values(READINGS, Reading)


@cache
def expected() -> tuple[Reading, ...]:
    place = Setting()
    place.process(records(ticks()))
    return tuple(comparable(place.readings))


def unique(readings: Sequence[Reading]) -> list[Reading]:
    """By id, as every reader of the topic takes them."""
    return list({r.id: r for r in comparable(readings)}.values())


def test_ticks_go_in_and_readings_come_out_keyed_by_application() -> None:
    place = Setting()
    place.process(records(ticks()))
    assert {sent.key for sent in place.outbox.on(READINGS)} == {APP.encode()}
    assert any(r.state == "alarm" for r in place.readings)
    assert place.readings[-1].totals.events == len(LOG)


@pytest.mark.parametrize("size", [1, 1000])
def test_readings_do_not_depend_on_the_batches(size: int) -> None:
    place = Setting()
    place.process(records(ticks()), size=size)
    assert unique(place.readings) == unique(expected())


def test_records_that_come_again_change_nothing() -> None:
    place = Setting()
    place.process(records(ticks()))
    told = len(place.readings)
    place.process(records(ticks()))
    assert len(place.readings) == told


def test_ticks_that_were_sent_again_are_the_same_ticks() -> None:
    place = Setting()
    twice = [tick for tick in ticks() for _ in range(2)]
    place.process(records(twice))
    assert unique(place.readings) == unique(expected())


@pytest.mark.parametrize("share", [0.2, 0.6, 0.95])
def test_a_restart_from_a_checkpoint_tells_the_same_readings(share: float) -> None:
    place, sent = Setting(), records(ticks())
    saved_at = round(share * len(sent))
    place.process(sent[:saved_at])
    place.save()
    place.process(sent[saved_at : saved_at + 5])  # lost in the crash, but their readings are out
    place.restart()
    place.process(sent)
    assert unique(place.readings) == unique(expected())


def test_garbage_is_buried_once_and_the_ticks_around_it_count() -> None:
    place, sent = Setting(), records(ticks())
    middle = len(sent) // 2
    poison = [record(TICKS, value, middle + i) for i, value in enumerate([b"{}", b"\xff", None])]
    place.process([*sent[:middle], *poison, *records(ticks()[middle:], first=middle + 3)])
    place.process(poison)
    assert [each.value for each in place.outbox.on(DEAD_LETTERS)] == [b"{}", b"\xff", b""]
    assert unique(place.readings) == unique(expected())


def test_a_baseline_is_learned_once_published_and_not_learned_again_after_a_restart() -> None:
    log = interactions(600)
    plain = [*measured(log), ticks()[-1]]
    place = Setting({})
    place.process(records(plain[:-1]))
    (learned,) = place.library.published
    assert learned.reference.application == APP
    place.save()
    place.restart()
    place.process(records(plain))
    assert len(place.library.published) == 1
    assert {r.reference for r in place.readings if r.state == "ok"} == {learned.reference.id}


def test_each_partition_is_told_each_deployment_once(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    place, sent = Setting(), records(ticks())
    place.library.deployments.append(deployment("v1", PLANTED_AT - 60.0))
    place.process(sent[:5])
    monitors = place.station._partitions[0].monitors
    taken = monitors.deployed

    def listening(each: Deployment) -> None:
        told.append(each.deployment_id)
        taken(each)

    monkeypatch.setattr(type(monitors), "deployed", lambda _, each: listening(each))
    place.library.deployments.append(deployment("v2", PLANTED_AT - 30.0))
    place.process(sent[5:])
    assert told == ["v2"]
    monkeypatch.undo()
    alarm = next(r for r in place.readings if r.state == "alarm")
    assert alarm.deployment == "v2"


def test_what_idleness_settles_is_told_once() -> None:
    place, sent = Setting(), records(ticks())
    place.process(sent)
    told = len(place.readings)
    place.process(records([ticks()[-1]] * 3, first=len(sent)))
    assert len(place.readings) == told


def test_a_checkpoint_covers_the_last_record_and_is_not_repeated() -> None:
    place, sent = Setting(), records(ticks())
    place.process(sent[:9])
    place.save()
    place.save()
    assert (place.checkpoints.offsets, place.checkpoints.writes) == ({0: 8}, 1)


def test_an_empty_batch_says_nothing() -> None:
    place = Setting()
    asyncio.run(place.station.process([]))
    assert place.outbox.sent == []


def test_a_tick_that_cannot_be_counted_is_a_dead_letter_and_the_rest_counts() -> None:
    tick = next(t for t in ticks() if t.samples)
    odd = msgspec.structs.replace(tick, samples=[msgspec.structs.replace(tick.samples[0], wording=b"odd")])
    place, sent = Setting(), records([odd, *ticks()])
    place.process(sent)
    (letter,) = place.outbox.on(DEAD_LETTERS)
    assert b"wording holds 3 bytes" in letter.headers["__connect.errors.exception.message"]
    assert comparable(place.readings) == list(expected())


def test_a_version_that_nobody_told_of_is_told_once() -> None:
    versions = [(LEARNED, None), (LEARNED + 100, "v1"), (PLANTED_AT, "v2")]
    log = [
        msgspec.structs.replace(event, deployment_id=next(name for end, name in versions if i < end))
        for i, event in enumerate(LOG[:PLANTED_AT])
    ]
    place = Setting()
    sent = measured(log, references=known())
    place.process(records(sent))
    (seen,) = place.outbox.values(DEPLOYMENTS, Deployment)
    assert (seen.application, seen.deployment_id, seen.source) == (APP, "v2", "observed")
    assert seen.time == log[LEARNED + 100].time

    place.library.deployments.append(seen)  # it comes back by its topic
    place.process(records(sent[-1:], first=len(sent)))
    assert len(place.outbox.values(DEPLOYMENTS, Deployment)) == 1
