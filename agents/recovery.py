"""What topics still tell of a partition whose saved state is lost.

Records behind its last acknowledgement were read before, and their effects stand on topics.  Who goes on
with an empty memory looks there first, so that nothing is counted twice or told again with other contents.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from agents.reading import read_partition
from app.adapters.partitioning import partition_of
from app.core.alerts import place_of
from app.settings import Settings
from schemas.decisions import Alert, Delivery
from schemas.readings import PARTIAL, Reading, Tick
from schemas.topics import ALERTS_STATE, DELIVERIES, READINGS, TICKS

SCANNED = 2_000  # newest records of a partition that are looked through


class Told:
    """Until when the readings of each place were said already."""

    def __init__(self, until: Mapping[str, float] | None = None) -> None:
        self.until = dict(until or {})

    def is_news(self, reading: Reading) -> bool:
        """Whether a reading was not said before; its place is free again after the first that is."""
        place = _place(reading)
        if reading.time.timestamp() <= self.until.get(place, float("-inf")):
            return False
        self.until.pop(place, None)
        return True


async def readings_told(settings: Settings) -> Told:
    """What the newest readings on their topic say."""
    until: dict[str, float] = {}
    for number in range(READINGS.partitions):
        async for record in read_partition(settings, READINGS, number, newest=SCANNED):
            reading = _decoded(record, Reading)
            if reading is not None:
                place, time = _place(reading), reading.time.timestamp()
                until[place] = max(time, until.get(place, time))
    return Told(until)


async def ticks_told(settings: Settings, partition: int) -> int:
    """The last offset of a partition of interactions that ticks hold already; -1 where none is seen."""
    reached = [-1]
    for number in range(TICKS.partitions):
        async for record in read_partition(settings, TICKS, number, newest=SCANNED):
            stamp = _decoded(record, _Stamp)
            if stamp is not None and stamp.partition == partition:
                reached.append(stamp.up_to)
    return max(reached)


async def silent_inputs(settings: Settings, number: int) -> list[Tick]:
    """Of a partition of ticks: the last word of every input that is silent, for it says so only once."""
    latest: dict[int, Tick] = {}
    async for record in read_partition(settings, TICKS, number, newest=SCANNED):
        tick = _decoded(record, Tick)
        if tick is not None:
            latest[tick.partition] = tick
    return [tick for tick in latest.values() if tick.idle]


async def incidents_told(settings: Settings, number: int) -> list[Alert]:
    """The latest transition of each incident whose readings come on a partition."""
    latest: dict[str, Alert] = {}
    for each in range(ALERTS_STATE.partitions):
        async for record in read_partition(settings, ALERTS_STATE, each):
            alert = _decoded(record, Alert)
            if alert is not None and partition_of(alert.application, READINGS.partitions) == number:
                latest[alert.incident] = alert
    return list(latest.values())


async def alerts_told(settings: Settings, number: int) -> tuple[list[Alert], dict[str, list[Delivery]]]:
    """Of a partition of alerts: the latest transition of each incident, and what sinks took of it."""
    latest: dict[str, Alert] = {}
    async for record in read_partition(settings, ALERTS_STATE, number):
        alert = _decoded(record, Alert)
        if alert is not None:
            latest[alert.incident] = alert
    taken: dict[str, list[Delivery]] = {}
    async for record in read_partition(settings, DELIVERIES, number, newest=SCANNED):
        delivery = _decoded(record, Delivery)
        if delivery is not None and delivery.outcome in ("sent", "dry run"):
            taken.setdefault(delivery.incident, []).append(delivery)
    return list(latest.values()), taken


class _Stamp(msgspec.Struct):
    """Of a tick, what part of its input it holds."""

    partition: int
    up_to: int


def _place(reading: Reading) -> str:
    partial = reading.note if reading.note == PARTIAL else ""
    return f"{reading.application}:{place_of(reading)}:{partial}"


def _decoded(record: Any, kind: type[Any]) -> Any:  # noqa: ANN401  aiokafka's record
    """A value of a topic; None where it is something else, which its reader has said already."""
    try:
        return msgspec.json.decode(record.value or b"", type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
