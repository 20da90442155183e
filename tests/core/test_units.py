from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.core.units import Admission, Memory, UnitRule, Verdict, canonical, hash64, is_unit
from tests.rig.made import through_msgpack

HORIZON = 60.0
EVENTS = st.lists(
    st.tuples(
        st.integers(0, 12),  # id
        st.sampled_from([None, "ann", "bob"]),
        st.sampled_from(["hi", "Hello", " hello  ", "bye"]),
        st.integers(0, 500),
    ),
    max_size=40,
)


def rule(capacity: int = 16) -> UnitRule:
    return UnitRule(text_horizon_seconds=HORIZON, capacity=capacity)


def admit_all(rule: UnitRule, events: list[Any]) -> list[Admission]:
    return [rule.admit(id=str(id), key=key, text=text, time=float(t)) for id, key, text, t in events]


def test_an_id_counts_once() -> None:
    first, again = admit_all(rule(), [(1, "ann", "hi", 0), (1, "ann", "something else", 1000)])
    assert first.verdict is Verdict.CANDIDATE
    assert again == Admission(Verdict.DUPLICATE, first.id)


def test_one_text_counts_once_per_horizon_however_it_is_spelt() -> None:
    texts = ["Hello there", " hello   THERE ", "ｈello there"]
    events = [(i, f"user-{i}", text, i) for i, text in enumerate(texts)]
    assert [a.verdict.value for a in admit_all(rule(), events)] == ["candidate", "collapsed", "collapsed"]


def test_the_horizon_of_a_text_runs_from_its_last_unit() -> None:
    events = [(i, None, "hi", t) for i, t in enumerate([0, 40, 60, 100, 120])]
    verdicts = [a.verdict.value for a in admit_all(rule(), events)]
    assert verdicts == ["candidate", "collapsed", "candidate", "collapsed", "candidate"]


def test_a_gap_is_the_silence_of_the_key_also_where_the_text_collapsed() -> None:
    events = [(0, "ann", "hi", 0), (1, "bob", "x", 3), (2, "ann", "hi", 5), (3, "ann", "y", 25)]
    assert [a.gap for a in admit_all(rule(), events)] == [None, None, 5.0, 20.0]


def test_keyless_events_have_neither_key_nor_gap() -> None:
    told = admit_all(rule(), [(0, None, "a", 0), (1, None, "b", 1)])
    assert [(a.key, a.gap) for a in told] == [(None, None)] * 2


def test_if_all_keys_are_equal_only_the_first_has_no_gap() -> None:
    told = admit_all(rule(), [(i, "ann", f"text {i}", i) for i in range(5)])
    assert [a.gap for a in told] == [None, 1.0, 1.0, 1.0, 1.0]
    assert [is_unit(a.gap, HORIZON) for a in told] == [True, False, False, False, False]


def test_if_all_keys_are_distinct_every_event_is_a_unit() -> None:
    told = admit_all(rule(), [(i, f"user-{i}", f"text {i}", i) for i in range(5)])
    assert all(is_unit(a.gap, HORIZON) for a in told)


def test_one_absurd_time_silences_neither_its_key_nor_its_text_for_good() -> None:
    events = [(0, "ann", "hi", 4_000_000_000), (1, "ann", "hi", 100), (2, "ann", "bye", 300)]
    told = admit_all(rule(), events)
    assert [a.verdict for a in told] == [Verdict.CANDIDATE] * 3
    assert told[2].gap == 200.0


def test_slight_disorder_does_not_shorten_a_silence() -> None:
    told = admit_all(rule(), [(0, "ann", "a", 100), (1, "ann", "b", 95), (2, "ann", "c", 110)])
    assert [a.gap for a in told] == [None, 5.0, 10.0]


def test_the_oldest_id_is_forgotten_first() -> None:
    small = rule(capacity=3)
    admit_all(small, [(i, None, f"text {i}", i) for i in range(4)])
    told = admit_all(small, [(3, None, "x", 10), (0, None, "y", 10)])
    assert [a.verdict for a in told] == [Verdict.DUPLICATE, Verdict.CANDIDATE]


@given(st.lists(st.tuples(st.integers(0, 2**64 - 1), st.floats(0, 1e10)), max_size=60))
def test_memory_is_bounded_and_keeps_the_newest(entries: list[tuple[int, float]]) -> None:
    memory = Memory(8)
    for key, time in entries:
        memory.remember(key, time)
        assert len(memory.seen) <= 8
        assert memory.last(key) == time


@given(EVENTS, st.integers(0, 40))
def test_a_restored_rule_has_the_same_future(events: list[Any], cut: int) -> None:
    one, other = rule(capacity=4), rule(capacity=4)
    admit_all(one, events[:cut])
    other.restore(through_msgpack(one.snapshot()))
    assert admit_all(other, events[cut:]) == admit_all(one, events[cut:])
    assert other.snapshot() == one.snapshot()


@given(EVENTS)
def test_the_same_log_gives_the_same_verdicts(events: list[Any]) -> None:
    assert admit_all(rule(), events) == admit_all(rule(), events)


@given(st.floats(0, 1e9))
def test_a_horizon_of_zero_makes_every_candidate_a_unit(gap: float) -> None:
    assert is_unit(gap, 0.0)
    assert is_unit(None, gap)


@given(st.text())
def test_any_text_has_a_canonical_form_and_a_hash(text: str) -> None:
    assert canonical(canonical(text)) == canonical(text)
    assert 0 <= hash64(text) < 2**64


def test_lone_surrogates_are_hashed() -> None:
    assert hash64("\ud800") != hash64("\ud801")
