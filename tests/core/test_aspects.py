"""Responses beside prompts: measured, learned and judged by the same code, and told apart."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core import buckets
from app.core.aspects import PROMPTS, RESPONSES, Subject, changed
from app.core.baseline import BaselineSettings
from app.core.history import NOWHERE
from app.core.measurement import Measurer, MeasureSettings
from app.core.monitor_settings import MonitorSettings
from app.core.monitors import Monitors
from app.core.rules import Rules
from app.core.sampling import References
from app.core.succession import Succession
from schemas.monitors import Monitor
from schemas.readings import Reading
from schemas.ticks import Tick, Totals
from tests.core.test_monitors import run
from tests.rig import made
from tests.rig.made import APP, answered, comparable, interactions, measured, newest, through_msgpack

LEARNED, PLANTED_AT, END = 300, 520, 760
OTHER = {"gluten": 0.6, "music": 0.4}
PLAIN = interactions(END)
LOG = (*answered(PLAIN[:PLANTED_AT]), *answered(PLAIN[PLANTED_AT:], topics=OTHER))


@pytest.fixture(autouse=True, scope="module")
def quick() -> Iterator[None]:
    with made.quick_calibration():
        yield


@cache
def known() -> dict[str, References]:
    """What is learned from the first events, in two baselines."""
    first = LOG[:LEARNED]
    responses = References(baseline=made.learned(first, RESPONSES))
    return {APP: References(baseline=made.learned(first), responses=responses)}


def of(ticks: Sequence[Tick], aspect: str) -> list[Tick]:
    return [t for t in ticks if t.aspect == aspect and t.application == APP]


def monitors(references: dict[str, References] | None = None) -> Monitors:
    return Monitors(
        references=known() if references is None else references,
        fingerprint=made.FINGERPRINT,
        settings=MonitorSettings(baseline=BaselineSettings(events=LEARNED)),
    )


@cache
def sent(batch: int = 64) -> list[list[Tick]]:
    return made.spread(LOG, 2, references=known(), batch=batch)


@cache
def expected() -> list[Reading]:
    return comparable(run(monitors(), [t for ticks in sent() for t in ticks]))


# Measuring


def test_prompts_are_measured_as_if_there_were_no_responses() -> None:
    beside, alone = newest(of(measured(LOG), PROMPTS)), newest(of(measured(PLAIN), PROMPTS))
    assert beside == alone


def test_a_response_is_a_unit_where_its_prompt_is_one() -> None:
    log = answered(interactions(200, users=20))
    prompts, responses = (made.samples(log, aspect) for aspect in (PROMPTS, RESPONSES))
    assert [(s.id, s.gap, s.key) for s in responses] == [(s.id, s.gap, s.key) for s in prompts]
    assert [s.text for s in responses] == [e.response for e in log]
    assert {s.aspect for s in responses} == {RESPONSES}


def test_what_came_back_is_counted_and_an_empty_answer_is_one() -> None:
    told = answered(PLAIN[:5])
    log = [
        told[0],
        msgspec.structs.replace(told[1], response=None),
        msgspec.structs.replace(told[2], error_type="timeout"),
        msgspec.structs.replace(told[3], response=" \n"),
        msgspec.structs.replace(told[4], source="synthetic"),
    ]
    ticks = measured(log)
    assert of(ticks, PROMPTS)[-1].totals == Totals(events=4, units=4, unanswered=2, excluded=1)
    assert of(ticks, RESPONSES)[-1].totals == Totals(events=2, units=2)
    assert [s.offset for s in newest(of(ticks, RESPONSES))[0].samples] == [0, 3]


def test_responses_can_be_left_alone() -> None:
    assert of(measured(LOG[:100], settings=MeasureSettings(responses=False)), RESPONSES) == []
    assert MonitorSettings(responses=False, gap_tolerance=0.1).paging(APP) == ("change", "gap")


def test_monitors_that_may_page_share_the_budget() -> None:
    settings = MonitorSettings(
        rules=Rules([Monitor(application="quiet", monitor="responses", enabled=False)])
    )
    assert settings.paging(APP) == ("change", "responses")
    assert settings.of(APP).baseline.pages_per_30_days == 0.5
    assert settings.of("quiet").baseline.pages_per_30_days == 1.0


def test_responses_have_the_horizon_of_their_own_baseline() -> None:
    log = answered(interactions(300, first=LEARNED, users=10))
    both = known()[APP]
    assert both.baseline is not None
    apart = replace(both, baseline=replace(both.baseline, horizon_seconds=60.0))
    ticks = measured(log, references={APP: apart})
    assert of(ticks, PROMPTS)[-1].totals.units < of(ticks, RESPONSES)[-1].totals.units == 300


def test_responses_sent_whole_give_the_same_sums_to_the_last_bit() -> None:
    baseline = known()[APP].of(RESPONSES).baseline
    assert baseline is not None

    def told(ticks: Sequence[Tick]) -> list[tuple[int, list[bytes]]]:
        book = made.book_of(ticks, aspect=RESPONSES)
        whole = (s for s in book.samples_before(float("inf")) if s.reason == "learning")
        folded, _ = buckets.fold_samples(whole, baseline=baseline, evalsets=Succession())
        sums = [(unit.partition, key, fold) for unit, key, fold in folded]
        sums += [(partition, key, fold) for _, partition, key, fold in book.sums_before(2**62)]
        return [
            (b.number, [msgspec.msgpack.encode(t.to_wire(NOWHERE)) for t in b.ticks])
            for b in buckets.close(sums, 1.0)
        ]

    assert told(measured(LOG, references=known())) == told(measured(LOG))


@given(st.integers(0, END))
@settings(max_examples=4)
def test_a_restored_measurer_sends_the_same_bytes(cut: int) -> None:
    one, other = (Measurer(partition=0, partitions=1, settings=made.SETTINGS) for _ in range(2))
    list(made.feed(one, LOG[:cut], references=known()))
    other.restore(through_msgpack(one.snapshot()))
    rest = [list(made.feed(m, LOG[cut:], references=known(), offset=cut)) for m in (one, other)]
    assert rest[0] == rest[1]


def test_a_tick_from_before_there_were_aspects_is_about_prompts() -> None:
    tick = msgspec.json.decode(
        b'{"application":"a","partition":0,"partitions":1,"block_start":0,"up_to":0}', type=Tick
    )
    assert Subject(tick.application, tick.aspect) == ("a", PROMPTS)
    assert b"aspect" not in msgspec.json.encode(tick)


# Judging


def test_only_the_responses_changed_and_the_alarm_says_so() -> None:
    alarms = [r for r in expected() if r.state == "alarm"]
    assert {r.monitor for r in alarms} == {"responses"}
    first = alarms[0]
    assert first.onset_at is not None
    assert abs(first.onset_at.timestamp() - made.EPOCH - PLANTED_AT) < 90
    assert any("gluten" in text for c in first.clusters for text in c.examples)
    assert first.beside == {"change": "ok"}
    assert changed(first) == "live responses changed, prompts did not"
    assert first.evalset is None


def test_prompts_are_judged_as_if_there_were_no_responses() -> None:
    alone = comparable(run(monitors(), [t for ts in made.spread(PLAIN, 2, references=known()) for t in ts]))
    beside = [msgspec.structs.replace(r, beside={}) for r in expected() if r.monitor == "change"]
    assert beside == alone


@given(st.integers(1, 10**6), st.sampled_from([1, 5, 1000]), st.sampled_from([5, 64]))
@settings(max_examples=3)
def test_no_order_and_no_portion_of_arrival_changes_a_reading(seed: int, every: int, batch: int) -> None:
    random, queues = Random(seed), [list(reversed(ticks)) for ticks in sent(batch)]
    mixed: list[Tick] = []
    while any(queues):
        queue = random.choice([q for q in queues if q])
        mixed += [queue.pop() for _ in range(min(len(queue), random.randint(1, 6)))]
    said = comparable(run(monitors(), mixed, every=every))
    assert sorted(said, key=lambda r: (r.time, r.monitor, r.id)) == sorted(
        expected(), key=lambda r: (r.time, r.monitor, r.id)
    )


@pytest.mark.parametrize("cut", [9, 30])
def test_after_a_crash_it_says_the_same(cut: int) -> None:
    ticks = [t for pair in zip(*sent(), strict=False) for t in pair]
    rest = [t for queue in sent() for t in queue[min(map(len, sent())) :]]
    whole = [*ticks, *rest]
    station = monitors()
    before: list[Reading] = []
    for tick in whole[:cut]:
        station.receive(tick)
        before += station.advance()
    other = monitors()
    other.restore(through_msgpack(station.snapshot()))
    assert comparable([*before, *run(other, whole[cut:])]) == comparable(run(monitors(), whole))


def test_both_baselines_are_learned_and_held_apart() -> None:
    station = monitors({})
    run(station, [t for ticks in made.spread(LOG, 2) for t in ticks], every=1000)
    learned = {b.reference.aspect: b.reference for b in station.take_learned()}
    assert set(learned) == {PROMPTS, RESPONSES}
    assert [learned[a].kind for a in (PROMPTS, RESPONSES)] == ["baseline", "responses"]
    assert {r.application for r in learned.values()} == {APP}


@pytest.mark.parametrize(("response", "users"), [("", None), ("one moment please", 40)])
def test_a_baseline_of_one_and_the_same_response_is_told_in_readings_that_can_be_read(
    response: str, users: int | None
) -> None:
    log = [msgspec.structs.replace(e, response=response) for e in interactions(400, users=users)]
    found = [r for r in run(monitors({}), measured(log)) if r.monitor == "responses"]
    assert {r.state for r in found} == {"learning", "ok"}
    assert msgspec.json.decode(msgspec.json.encode(found), type=list[Reading]) == found
