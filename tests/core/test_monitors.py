from collections.abc import Iterator, Sequence
from functools import cache
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.aspects import Subject
from app.core.baseline import BaselineSettings
from app.core.monitor_settings import MonitorSettings
from app.core.monitors import KEPT_DEPLOYMENTS, Monitors
from app.core.rules import Rules
from app.core.sampling import References
from schemas.monitors import Monitor
from schemas.readings import Reading
from schemas.ticks import Tick
from tests.core.test_releases import deployment
from tests.core.test_ticks import tick as version
from tests.rig import made
from tests.rig.made import APP, comparable, interactions, spread, through_msgpack

LEARNED, PLANTED_AT, PARTITIONS = 400, 700, 3
CHANGED = {**made.USUAL, "gluten": 0.6}
LOG = (*interactions(PLANTED_AT), *interactions(260, first=PLANTED_AT, topics=CHANGED))
SETTINGS = MonitorSettings(baseline=BaselineSettings(events=LEARNED))


@pytest.fixture(autouse=True, scope="module")
def quick() -> Iterator[None]:
    with made.quick_calibration():
        yield


def known() -> dict[str, References]:
    return {APP: References(baseline=made.baseline(LEARNED))}


def monitors(references: dict[str, References] | None = None) -> Monitors:
    found = known() if references is None else references
    return Monitors(references=found, fingerprint=made.FINGERPRINT, settings=SETTINGS)


@cache
def sent(batch: int = 64) -> list[list[Tick]]:
    return spread(LOG, PARTITIONS, batch=batch)


def interleaved(seed: int, batch: int = 64) -> list[Tick]:
    """One of the orders in which a broker may deliver three partitions: only each one's own order holds."""
    random, queues = Random(seed), [list(reversed(ticks)) for ticks in sent(batch)]
    out = []
    while any(queues):
        queue = random.choice([q for q in queues if q])
        out += [queue.pop() for _ in range(min(len(queue), random.randint(1, 6)))]
    return out


def run(station: Monitors, ticks: Sequence[Tick], *, every: int = 1) -> list[Reading]:
    out: list[Reading] = []
    for number, tick in enumerate(ticks):
        station.receive(tick)
        if number % every == 0:
            out += station.advance()
    return [*out, *station.advance(final=True)]


@cache
def expected() -> list[Reading]:
    return comparable(run(monitors(), interleaved(0)))


def test_the_planted_topic_is_found_and_nothing_before() -> None:
    alarms = [r for r in expected() if r.state == "alarm"]
    assert alarms
    assert min(r.time.timestamp() for r in alarms) > made.EPOCH + PLANTED_AT
    assert any("gluten" in text for c in alarms[0].clusters for text in c.examples)


@given(st.integers(1, 10**6), st.sampled_from([1, 4, 1000]), st.sampled_from([5, 64]))
@settings(max_examples=6)
def test_no_order_and_no_portion_of_arrival_changes_a_reading(seed: int, every: int, batch: int) -> None:
    assert comparable(run(monitors(), interleaved(seed, batch), every=every)) == expected()


def test_learning_does_not_depend_on_the_order_of_arrival_either() -> None:
    stations = [monitors({}) for _ in range(2)]
    with made.quick_calibration(streams=16, length=1600):
        first = comparable(run(stations[0], interleaved(1)))
        assert comparable(run(stations[1], interleaved(2, batch=5), every=4)) == first
    learned = [s.take_learned() for s in stations]
    assert [len(found) for found in learned] == [1, 1]
    assert learned[0][0].reference.id == learned[1][0].reference.id
    assert stations[0].take_learned() == []


@given(st.integers(1, 10**6), st.integers(0, 60))
@settings(max_examples=6)
def test_after_a_crash_it_says_the_same_also_of_ticks_that_come_again(seed: int, cut: int) -> None:
    ticks = interleaved(seed)
    station = monitors()
    before: list[Reading] = []
    for tick in ticks[:cut]:
        station.receive(tick)
        before += station.advance()
    other = monitors()
    other.restore(through_msgpack(station.snapshot()))
    again = ticks[max(cut - 10, 0) :]
    assert comparable([*before, *run(other, again)]) == expected()


def test_nothing_is_said_before_every_partition_has_spoken() -> None:
    station = monitors()
    for tick in (t for ticks in sent()[:2] for t in ticks):
        station.receive(tick)
    assert station.advance() == []


def test_an_idle_partition_holds_nobody_up() -> None:
    station = monitors()
    for tick in (t for ticks in sent()[:2] for t in ticks[:-1]):
        station.receive(tick)
    silent = Tick(application="*", partition=2, partitions=PARTITIONS, block_start=0, up_to=-1, idle=True)
    station.receive(silent)
    assert not station.all_idle
    assert station.advance()


def test_it_is_idle_when_every_partition_is() -> None:
    station = monitors()
    assert not station.all_idle
    run(station, interleaved(0))
    assert station.all_idle


def test_applications_are_apart() -> None:
    """A twin that never changes says nothing; the other says what it says when it is alone."""
    twin = [msgspec.structs.replace(e, application="twin") for e in interactions(960, seed=5)]
    both = [event for pair in zip(LOG, twin, strict=True) for event in pair]
    references = {**known(), "twin": known()[APP]}
    ticks = [t for partition in spread(both, PARTITIONS) for t in partition]
    said = comparable(run(monitors(references), ticks, every=1000))
    assert {r.state for r in said if r.application == "twin"} == {"ok"}
    mine = [msgspec.structs.replace(r, offsets=[]) for r in said if r.application == APP]
    alone = [msgspec.structs.replace(r, offsets=[]) for r in expected()]
    assert [(r.id, r.value, r.state, r.clusters) for r in mine] == [
        (r.id, r.value, r.state, r.clusters) for r in alone
    ]
    assert [r.application for r in said] == sorted(r.application for r in said)


def test_any_application_may_share_the_references_of_a_star() -> None:
    station = monitors({"*": known()[APP]})
    assert comparable(run(station, interleaved(0))) == expected()


def test_a_release_told_before_its_application_is_seen_is_remembered() -> None:
    station = monitors()
    station.deployed(deployment("v2", PLANTED_AT - 60.0))
    other = monitors()
    other.restore(through_msgpack(station.snapshot()))
    for each in (station, other):
        alarm = next(r for r in run(each, interleaved(0), every=1000) if r.state == "alarm")
        assert alarm.deployment == "v2"


def test_releases_do_not_fill_the_memory() -> None:
    station = monitors()
    for i in range(KEPT_DEPLOYMENTS + 50):
        station.deployed(deployment(f"v{i}"))
        station.deployed(deployment(f"v{i}"))
    assert len(station.snapshot()["deployments"]) == KEPT_DEPLOYMENTS


def test_an_eval_set_published_later_is_taken_up() -> None:
    references: dict[str, References] = {}
    found = Monitors(references=references, fingerprint=made.FINGERPRINT, settings=MonitorSettings())
    found.receive(version(0, application=APP, partitions=1))
    found.receive(version(0, application="*", partitions=1, watermark=1.0))
    found.advance()

    references["*"] = References(evalset=made.reference(300))
    found.advance()

    assert found._monitors[Subject(APP)].evalsets.newest is references["*"].evalset


def test_a_baseline_published_later_is_taken_up_and_is_not_told_as_learned_here() -> None:
    references = known()
    station = monitors(references)
    station.receive(version(0, application=APP, partitions=1))
    station.receive(version(0, application="*", partitions=1, watermark=1.0))
    station.advance()

    references[APP] = References(baseline=made.learned(LOG[LEARNED:PLANTED_AT]))
    station.advance()

    assert station._monitors[Subject(APP)].baseline is references[APP].baseline
    assert station.take_learned() == []


def test_monitors_as_code_refine_tolerance_and_budget_of_one_application() -> None:
    rules = Rules([Monitor(application="shop", tolerance=0.2, pages_per_30_days=4.0)])
    settings = MonitorSettings(rules=rules)
    shop, desk = settings.of("shop"), settings.of("desk")
    assert (shop.gap_tolerance, desk.gap_tolerance) == (0.2, None)
    assert shop.baseline.pages_per_30_days == 4.0 / 3  # three may page
    assert desk.baseline.pages_per_30_days == 0.5
