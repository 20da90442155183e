from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core import buckets
from app.core.baseline import Baseline
from app.core.folding import Fold, SumKey
from app.core.measurement import Measurer, MeasureSettings
from app.core.sampling import Described, References
from app.core.succession import Succession
from app.core.units import hash64
from schemas.events import Interaction
from schemas.ticks import Tick, Totals
from tests.rig import made
from tests.rig.made import APP, SETTINGS, encode, feed, interactions, measured, newest, through_msgpack

LEARNED = 300
NOWHERE = SumKey(0, 0, "", None, None)


def sessions_baseline() -> Baseline:
    """A baseline that wants a minute between the units of one user."""
    return replace(made.baseline(LEARNED), horizon_seconds=60.0)


def known() -> dict[str, References]:
    return {APP: References(evalset=made.reference(300), baseline=sessions_baseline())}


LOG = interactions(400, first=LEARNED, users=40)


def measurer() -> Measurer:
    return Measurer(partition=0, partitions=1, settings=SETTINGS)


def ticks_of_detection(ticks: Sequence[Tick]) -> list[tuple[int, list[bytes]]]:
    """What the detector would be given: every closed bucket's ticks, as bytes."""
    baseline, evalset = sessions_baseline(), made.reference(300)
    book = made.book_of(ticks)
    whole = (s for s in book.samples_before(float("inf")) if s.reason == "learning")
    folded, _ = buckets.fold_samples(whole, baseline=baseline, evalsets=Succession(evalset))
    sums = [(unit.partition, key, fold) for unit, key, fold in folded]
    sums += [(partition, key, fold) for _, partition, key, fold in book.sums_before(2**62)]
    return [(b.number, [encoded(t) for t in b.ticks]) for b in buckets.close(sums, 1.0)]


def encoded(fold: Fold) -> bytes:
    return msgspec.msgpack.encode(fold.to_wire(NOWHERE))


def totals(ticks: Sequence[Tick], application: str = APP) -> Totals:
    return [t for t in ticks if t.application == application][-1].totals


@pytest.mark.parametrize("knows", [False, True], ids=["learning", "measuring"])
@pytest.mark.parametrize("batch", [1, 7, 256])
def test_batches_do_not_change_the_content_of_blocks(batch: int, knows: bool) -> None:
    references = known() if knows else {}
    one = measured(LOG, references=references, batch=64)
    other = measured(LOG, references=references, batch=batch)
    assert newest(other) == newest(one)
    assert totals(other) == totals(one)


def test_blocks_are_cut_by_offset_alone() -> None:
    blocks = newest(measured(LOG, batch=50))
    assert [t.block_start for t in blocks] == list(range(0, 400, 64))
    assert [t.up_to for t in blocks] == [63, 127, 191, 255, 319, 383, 399]
    for block in blocks:
        assert all(block.block_start <= s.offset <= block.up_to for s in block.samples)


def test_units_sent_whole_give_the_same_ticks_as_units_summed_to_the_last_bit() -> None:
    early, late = measured(LOG, references=known()), measured(LOG)
    assert not any(t.sums for t in late)
    assert ticks_of_detection(early) == ticks_of_detection(late)


@given(st.integers(0, 400))
@settings(max_examples=10)
def test_it_does_not_matter_when_the_baseline_becomes_known(at: int) -> None:
    station = measurer()
    ticks = [*feed(station, LOG[:at]), *feed(station, LOG[at:], references=known(), offset=at)]
    assert ticks_of_detection(ticks) == ticks_of_detection(measured(LOG))


@given(st.integers(0, 400), st.integers(0, 400), st.sampled_from([1, 7, 64]), st.booleans(), st.booleans())
@settings(max_examples=15)
def test_after_a_crash_every_unit_is_counted_once(
    saved: int, crashed: int, batch: int, knew: bool, knows: bool
) -> None:
    """Killed at `crashed`, restored from the snapshot at `saved`: perhaps knowing the baseline only then."""
    saved, crashed = sorted((saved, crashed))
    before, after = known() if knew else {}, known() if knew or knows else {}
    first = measurer()
    sent = list(feed(first, LOG[:saved], references=before))
    snapshot = through_msgpack(first.snapshot())
    sent += feed(first, LOG[saved:crashed], references=before, offset=saved, batch=batch)
    second = measurer()
    second.restore(snapshot)
    sent += feed(second, LOG[saved:], references=after, offset=saved)
    assert ticks_of_detection(sent) == ticks_of_detection(measured(LOG))
    assert totals(sent).events == 400


@given(st.integers(0, 400), st.integers(0, 400))
@settings(max_examples=10)
def test_a_restored_measurer_sends_the_same_bytes(saved: int, start: int) -> None:
    one, other = measurer(), measurer()
    list(feed(one, LOG[:saved], references=known()))
    other.restore(through_msgpack(one.snapshot()))
    rest = [list(feed(m, LOG[saved:], references=known(), offset=saved)) for m in (one, other)]
    assert rest[0] == rest[1]
    assert through_msgpack(one.snapshot()) == through_msgpack(other.snapshot())


def test_offsets_seen_before_are_skipped() -> None:
    station = measurer()
    assert len(station.admit(5, LOG[:1], {})) == 1
    assert station.admit(5, LOG[1:2], {}) == []
    assert station.admit(4, LOG[1:2], {}) == []


def packed(events: Sequence[Interaction], held: int, *, restarts: bool = False) -> list[Tick]:
    """What a log gives whose records hold so many events each, read by five."""
    station, out = measurer(), []
    records = [events[first : first + held] for first in range(0, len(events), held)]
    for first in range(0, len(records), 5):
        candidates = [
            c
            for n, record in enumerate(records[first : first + 5], first)
            for c in station.admit(n, record, {})
        ]
        station.fold(candidates, encode([c.interaction.prompt for c in candidates]), made.describe)
        out += station.flush()
        if restarts:
            state, station = through_msgpack(station.snapshot()), measurer()
            station.restore(state)
    return out


def test_one_record_may_hold_many_events() -> None:
    (tick,) = packed(LOG[:10], 10)
    assert (tick.block_start, tick.up_to, len(tick.samples)) == (0, 0, 10)


@pytest.mark.parametrize("held", [3, 30, 64])
def test_however_many_a_record_holds_a_tick_fits_a_message(held: int) -> None:
    long = [msgspec.structs.replace(event, prompt=event.prompt + " \U0001f9c0" * 300) for event in LOG]
    ticks = packed(long, held)
    assert max(len(tick.samples) for tick in ticks) < 2 * 64
    assert max(len(msgspec.json.encode(tick)) for tick in ticks) < 1_000_000
    assert totals(ticks) == totals(measured(long))


@pytest.mark.parametrize("held", [3, 30])
def test_a_restart_cuts_the_same_blocks(held: int) -> None:
    assert newest(packed(LOG, held, restarts=True)) == newest(packed(LOG, held))


def test_every_event_is_counted_under_exactly_one_name() -> None:
    odd = [
        LOG[0],
        LOG[0],  # the same id
        msgspec.structs.replace(LOG[0], id="same text"),
        msgspec.structs.replace(LOG[1], id="no words", prompt=" "),
        msgspec.structs.replace(LOG[2], source="synthetic"),
        msgspec.structs.replace(LOG[3], user_hash=None),
        LOG[4],
        msgspec.structs.replace(LOG[5], time=made.START),  # five minutes late
    ]
    found = totals(measured(odd))
    counted_once = {"units": 3, "duplicates": 1, "late": 1, "collapsed": 1, "unreadable": 1, "excluded": 1}
    assert found == Totals(events=6, keyless=1, unanswered=6, **counted_once)


def test_the_key_is_the_user_else_the_conversation() -> None:
    shared = {"user_hash": None, "conversation_id": "c", "time": LOG[0].time}
    alike = [msgspec.structs.replace(event, **shared) for event in LOG[:3]]
    held = newest(measured(alike))[0].samples
    assert len({s.key for s in held}) == 1
    assert [s.gap for s in held] == [None, 0.0, 0.0]


def test_one_absurd_time_neither_moves_the_watermark_nor_reaches_a_tick() -> None:
    far = msgspec.structs.replace(LOG[100], time=datetime(2099, 1, 1, tzinfo=UTC))
    log = [*LOG[:100], far, *LOG[101:]]
    ticks = measured(log)
    plain = measured([*LOG[:100], *LOG[101:]])
    assert totals(ticks).late == 1
    assert ticks[-1].watermark == plain[-1].watermark
    assert max(s.time for t in ticks for s in t.samples) < made.EPOCH + 1000


def test_a_late_unit_is_counted_and_in_no_tick() -> None:
    late = msgspec.structs.replace(LOG[0], id="late", prompt="an old one")
    ticks = measured([*LOG[:100], late])
    assert totals(ticks).late == 1
    assert all(s.id != "late" for t in ticks for s in t.samples)


def test_applications_in_one_log_do_not_see_each_other() -> None:
    """The same ids, users and texts at the same times, in another application."""
    both = [e for event in LOG for e in (event, msgspec.structs.replace(event, application="twin"))]
    alone, mixed = totals(measured(LOG)), measured(both)
    assert totals(mixed) == totals(mixed, "twin") == alone


def test_events_without_a_sample_still_count_while_learning() -> None:
    repeated = [msgspec.structs.replace(e, prompt="the same") for e in LOG[:10]]
    (tick,) = newest(measured(repeated))
    assert len(tick.samples) == 1
    assert tick.event_times == [e.time.timestamp() for e in repeated[1:]]


def test_a_quiet_partition_tells_that_it_is_idle() -> None:
    assert measurer().progress(idle=True) == Tick(
        application="*", partition=0, partitions=1, block_start=0, up_to=-1, idle=True
    )


def test_its_memory_does_not_grow_with_the_log() -> None:
    small = MeasureSettings(memory_entries=64)
    station = Measurer(partition=0, partitions=1, settings=small)
    sizes = []
    for start in range(0, 3000, 500):
        list(feed(station, interactions(500, first=start), offset=start))
        sizes.append(len(msgspec.msgpack.encode(station.snapshot())))
    assert max(sizes) < 200_000  # the open block, and 3 x 64 entries
    assert sizes[-1] < 2 * min(sizes) + 100_000


def test_an_interaction_of_the_codec_can_be_measured() -> None:
    (tick,) = newest(measured([Interaction(application=APP, id="1", time=made.START, prompt="parcel")]))
    assert tick.samples[0].key is None


def test_units_that_could_not_be_described_are_kept_and_counted() -> None:
    def half(text: str) -> Described:
        return Described(text, None, code=False, failed=text.endswith(("1", "2", "3")))

    measurer = Measurer(partition=0, partitions=1, settings=SETTINGS)
    events = interactions(40)
    candidates = [c for i, event in enumerate(events) for c in measurer.admit(i, [event], {})]
    kept = measurer.fold(candidates, made.encode([c.text for c in candidates]), half)
    (tick,) = measurer.flush()
    assert len(kept) == 40
    assert tick.totals.undescribed == sum(event.prompt.endswith(("1", "2", "3")) for event in events) > 0


def test_every_counted_interaction_leaves_a_row_for_its_outcomes_and_no_text() -> None:
    log = [
        msgspec.structs.replace(e, user_hash=f"u{n % 3}", deployment_id="v1")
        for n, e in enumerate(interactions(9))
    ]
    again = [msgspec.structs.replace(e, id=f"again {e.id}", time=log[-1].time) for e in log[-3:]]
    synthetic = msgspec.structs.replace(log[0], id="other", source="synthetic")
    sent = newest(measured([*log, *again, log[0], synthetic]))
    rows = [row for tick in sent for row in tick.served]
    assert [row.id for row in rows] == [hash64(f"{APP}|{e.id}") for e in (*log, *again)]
    assert {row.deployment_id for row in rows} == {"v1"}
    assert [row.corrects for row in rows[-3:]] == [row.id for row in rows[6:9]]
    assert not any(row.corrects for row in rows[:-3])
