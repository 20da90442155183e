"""What a reading says it counted, against what its ranges find in the log by the unit rule."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import cache
from random import Random

import msgspec
import pytest

from app.adapters.partitioning import partition_of
from app.adapters.pipeline import Pipeline
from app.core.baseline import BaselineSettings
from app.core.measurement import Measurer
from app.core.monitor_settings import MonitorSettings
from app.core.ranges import holds
from app.core.sampling import Candidate, References
from schemas.decisions import Alert
from schemas.events import Interaction
from schemas.readings import Reading
from tests.rig import made

PARTITIONS = 3
CHANGED = {**made.USUAL, "gluten": 1.0}
OTHER = "another"


@pytest.fixture(autouse=True, scope="module")
def quick() -> Iterator[None]:
    with made.quick_calibration():
        yield


def jittered(events: Sequence[Interaction], seed: int = 5) -> list[Interaction]:
    """Events that come up to some seconds after or before their turn, with repeats between them."""
    random = Random(seed)
    out = []
    for event in events:
        late = timedelta(seconds=random.uniform(-8, 8))
        out.append(msgspec.structs.replace(event, time=event.time + late))
        if random.random() < 0.1:  # the same text at once again
            out.append(msgspec.structs.replace(event, id=event.id + "-again", time=event.time + late))
    return out


def log(haste: float) -> list[Interaction]:
    """An event a second; from the 500th second on so many times faster."""
    mine = made.interactions(700) + made.interactions(260, first=700, topics=CHANGED)
    theirs = made.interactions(320, application=OTHER, seconds=3.0, users=9)
    return jittered([hurried(e, haste) for e in sorted([*mine, *theirs], key=lambda event: event.time)])


def hurried(event: Interaction, haste: float) -> Interaction:
    turn = made.START + timedelta(seconds=500)
    if event.time <= turn:
        return event
    return msgspec.structs.replace(event, time=turn + (event.time - turn) / haste)


def partitions_of(events: Sequence[Interaction]) -> list[list[Interaction]]:
    out: list[list[Interaction]] = [[] for _ in range(PARTITIONS)]
    for event in events:
        out[partition_of(event.key, PARTITIONS)].append(event)
    return out


def candidates(events: Sequence[Interaction], references: dict[str, References]) -> list[Candidate]:
    """The units of a log, as measured anew from its beginning with the baseline that was learned."""
    found: list[Candidate] = []
    for number, owned in enumerate(partitions_of(events)):
        measurer = Measurer(partition=number, partitions=PARTITIONS, settings=made.SETTINGS)
        for offset, event in enumerate(owned):
            found += measurer.admit(offset, [event], references)
    return [c for c in found if not (c.references.baseline and c.references.baseline.holds(c.time))]


@cache
def said(haste: float) -> tuple[list[Reading], list[Alert], list[Candidate]]:
    events = log(haste)
    references: dict[str, References] = {"*": References(evalset=made.reference(200, seed=3))}
    pipeline = Pipeline(
        encoder=made.WordEncoder(),
        describe=made.describe,
        references=references,
        measure=made.SETTINGS,
        monitor=MonitorSettings(baseline=BaselineSettings(events=400)),
        partitions=PARTITIONS,
    )
    outputs = list(pipeline.run(events))
    readings = [r for output in outputs for r in output.readings if r.offsets]
    return readings, [a for output in outputs for a in output.alerts], candidates(events, references)


def returned(of: Reading | Alert, units: Sequence[Candidate]) -> int:
    own = [c for c in units if c.interaction.application == of.application]
    return sum(holds(of.offsets, partition=c.partition, offset=c.offset, time=c.time) for c in own)


@pytest.mark.parametrize("haste", [1.0, 100.0])  # buckets hold a few units, or a hundred
def test_the_ranges_of_a_reading_hold_exactly_the_units_that_it_counted(haste: float) -> None:
    readings, alerts, units = said(haste)
    assert {r.monitor for r in readings} >= {"change", "gap"}
    assert any(alert.offsets for alert in alerts)
    assert [(r.id, returned(r, units)) for r in readings] == [(r.id, r.units) for r in readings]
    assert [returned(a, units) for a in alerts if a.offsets] == [a.units for a in alerts if a.offsets]


@pytest.mark.parametrize("haste", [1.0, 100.0])
def test_few_ranges_say_it(haste: float) -> None:
    readings, _, _ = said(haste)
    assert max(len(r.offsets) for r in readings) <= 4 * PARTITIONS


def test_a_window_that_ends_inside_a_bucket_does_not_hold_the_rest_of_it() -> None:
    """The teeth of the test above: whole buckets would return more."""
    readings, _, units = said(100.0)

    def loosely(reading: Reading) -> int:
        loose = [msgspec.structs.replace(each, start=None, end=None) for each in reading.offsets]
        return returned(msgspec.structs.replace(reading, offsets=loose), units)

    assert any(loosely(reading) > reading.units for reading in readings)
