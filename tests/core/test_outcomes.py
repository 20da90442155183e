"""Outcomes joined and counted: the same whatever the interleaving and the restarts."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace as replaced

from app.core import ledger, metric, shifts, versions
from app.core import outcomes as app_outcomes
from app.core.outcomes import BUCKET_SECONDS, HOLD_SECONDS, ApplicationOutcomes
from schemas.events import Outcome
from schemas.outcomes import OutcomeCounts, Served
from schemas.readings import PARTIAL, Reading
from tests.core.joined import FALLEN, POLICY, Log, last, outcome, read, release, served
from tests.rig.made import APP


def rich() -> Log:
    """Two releases, errors, and a second metric that is heard of late."""
    rows, outcomes = release((0.9, 0.6), 2400)
    rows = [
        replaced(row, failed=n % 9 == 0, deployment_id="v3" if n > 1500 and n % 3 else row.deployment_id)
        for n, row in enumerate(rows)
    ]
    slow = [outcome(n, n + 900, float(n % 7), name="rating") for n in range(0, 1500, 2)]
    return rows, sorted([*outcomes, *slow], key=lambda each: each.time)


RICH = rich()


@cache
def plainly(releases: str) -> list[Reading]:
    return read(FALLEN if releases == "one" else RICH)


@pytest.mark.parametrize("log", [FALLEN, RICH], ids=["one release", "two releases"])
@pytest.mark.parametrize("how", [{"portion": 7}, {"shift": 14}, {"shift": -3}, {"restarts": True}], ids=str)
def test_readings_do_not_depend_on_portions_interleaving_or_restarts(how: dict[str, Any], log: Log) -> None:
    def whole(readings: Sequence[Reading]) -> dict[str, list[Reading]]:
        told = [r for r in readings if r.note != PARTIAL]
        return {name: [r for r in told if r.monitor == name] for name in sorted({r.monitor for r in told})}

    readings, plain = read(log, **how), plainly("one" if log is FALLEN else "two")
    expected, found = whole(plain), whole(readings)
    assert found.keys() == expected.keys()
    for name, told in expected.items():
        assert len(told) > 5
        assert found[name] == told[: len(found[name])]
        assert len(found[name]) >= len(told) - 2  # the last bucket closes with whom it waits for
    assert last(readings).counts == last(plain).counts


def test_what_is_sent_again_counts_once() -> None:
    rows, outcomes = FALLEN
    twice = [each for pair in zip(outcomes, outcomes, strict=True) for each in pair]
    state = ApplicationOutcomes(APP, POLICY)
    for start in range(0, len(rows), 64):
        state.serve(rows[start : start + 32])
        state.serve(rows[start : start + 64])  # a block in two versions
    for each in twice:
        state.receive(each)
    told = last(state.advance(rows[-1].at, final=True))
    assert (told.counts.joined, told.counts.duplicates) == (1800, 1800)
    assert last(plainly("one")).versions == told.versions


def counted(
    outcomes: Sequence[Outcome], rows: Sequence[Served] = (), name: str = "completion"
) -> OutcomeCounts:
    end = served(99, 3 * HOLD_SECONDS)
    ends = [outcome(None, 3 * HOLD_SECONDS, name="end", id=f"end{n}", deployment_id="v1") for n in range(3)]
    state = ApplicationOutcomes(APP, POLICY)
    state.serve([*rows, end])
    for each in [*outcomes, *ends]:
        state.receive(each)
    readings = state.advance(end.at - BUCKET_SECONDS, final=True)
    return last(readings, name).counts


BOTH = [served(1, 0.0), served(2, 1.0)]


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([outcome(1, 5.0), outcome(2, 6.0, False)], OutcomeCounts(received=2, joined=2)),
        ([outcome(3, 5.0)], OutcomeCounts(received=1, unmatched=1)),
        ([outcome(None, 5.0)], OutcomeCounts(received=1, unmatched=1)),
        ([outcome(None, 5.0, deployment_id="v1")], OutcomeCounts(received=1, joined=1)),
        ([outcome(1, 5.0), outcome(1, 6.0, False)], OutcomeCounts(received=2, joined=1, corrected=1)),
        ([outcome(1, 5.0), outcome(1, 5.0)], OutcomeCounts(received=2, joined=1, duplicates=1)),
        ([outcome(1, 5.0, float("nan"))], OutcomeCounts(received=1, invalid=1)),
        ([outcome(1, 5.0, None), outcome(2, 6.0)], OutcomeCounts(received=2, joined=1, invalid=1)),
        ([outcome(1, 5.0, None)], OutcomeCounts(received=1, invalid=1)),
        (
            [outcome(1, 5.0), outcome(2, 6.0, None, label="yes")],
            OutcomeCounts(received=2, joined=1, retyped=1),
        ),
        ([outcome(1, 5.0), outcome(2, 6.0, 0.7)], OutcomeCounts(received=2, joined=1, retyped=1)),
        ([outcome(1, 5.0), outcome(2, 6.0, 1.0)], OutcomeCounts(received=2, joined=2)),
    ],
)
def test_what_becomes_of_outcomes_is_counted(outcomes: list[Outcome], expected: OutcomeCounts) -> None:
    assert counted(outcomes, BOTH) == expected


def test_an_outcome_ahead_of_its_interaction_waits_for_it_and_no_longer_than_it_may() -> None:
    soon, never = served(1, 0.9 * HOLD_SECONDS), served(2, 1.2 * HOLD_SECONDS)
    found = counted([outcome(1, 0.0), outcome(2, 1.0)], [soon, never])
    assert found == OutcomeCounts(received=2, joined=1, unmatched=1)


def test_an_outcome_that_comes_late_is_counted_and_told_as_late() -> None:
    rows = [served(n, n) for n in range(300)]
    on_time = [outcome(n, n + 1) for n in range(1, 300)]
    found = counted([*on_time, outcome(0, 1.0)], rows)
    assert (found.joined, found.late) == (300, 1)


def test_a_conversation_stands_for_its_first_interaction() -> None:
    rows = [served(1, 0.0, "v1", talk="c"), served(2, 9.0, "v2", talk="c")]
    told = outcome(None, 60.0, id="x", conversation_id="c")
    state = ApplicationOutcomes(APP, POLICY)
    state.serve(rows)
    state.receive(told)
    (version,) = last(state.advance(None, final=True)).versions
    assert (version.deployment_id, version.count) == ("v1", 1)


def test_the_last_value_counts_and_the_sums_follow() -> None:
    rows, outcomes = FALLEN
    taken_back = [replaced(o, value=not o.value, id=f"{o.id} first") for o in outcomes]
    log = rows, sorted([*taken_back, *outcomes], key=lambda o: (o.time, o.id.endswith("completion")))
    told = last(read(log))
    assert told.counts.corrected == 1800
    assert [v.count for v in told.versions] == [v.count for v in last(plainly("one")).versions]


def test_errors_and_corrections_are_inferred_from_the_interactions_themselves() -> None:
    rows = [served(n, n, "v1", failed=n % 5 == 0) for n in range(300)]
    rows += [served(300 + n, 300 + n, "v1", user=rows[n].user, corrects=rows[n].id) for n in range(30)]
    readings = read((rows, []))
    errors, corrections = last(readings, "error"), last(readings, "correction")
    assert (errors.inferred, errors.higher_is_better, errors.counts.joined) == (True, False, 330)
    assert errors.versions[0].value is not None
    assert errors.versions[0].value.value == pytest.approx(60 / 330)
    assert corrections.versions[0].value is not None
    assert corrections.versions[0].value.value == pytest.approx(30 / 330)


def test_where_nothing_failed_and_nobody_asked_again_nothing_is_said() -> None:
    assert read(([served(n, n) for n in range(300)], [])) == []


def test_labels_have_shares_and_names_beyond_the_limit_become_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    named = [outcome(n % 2 + 1, 5.0, None, name=f"m{n}", label="a" if n % 2 else "b") for n in range(20)]
    state = ApplicationOutcomes(APP, POLICY)
    state.serve(BOTH)
    for each in named:
        state.receive(each)
    readings = state.advance(None, final=True)
    assert last(readings, "m0").versions[0].labels == {"b": 1.0}
    others = last(readings, "other metrics")
    assert others.counts.received == 4
    assert len(readings) == 17


def test_memory_is_the_same_at_one_two_and_four_times_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metric, "MOST_ANSWERS", 100)
    monkeypatch.setattr(metric, "BEFORE_SLOTS", 64)
    monkeypatch.setattr(shifts, "MOST", 128)
    monkeypatch.setattr(app_outcomes, "MOST_WAITING", 100)
    monkeypatch.setattr(versions, "MOST_USERS", 100)
    monkeypatch.setattr(versions, "MOST_CUTS", 8)
    sizes = {}
    for times in (1, 2, 4):
        state = ApplicationOutcomes(APP, POLICY)
        state._ledger = ledger.Ledger(most=200)
        rows, outcomes = release((0.8, 0.8), 1000 * times)
        people = [served(n % (200 * times), 0.0).user for n in range(len(rows))]
        many = [f"v{n % 50}" for n in range(len(rows))]
        state.serve(
            [replaced(r, user=u, deployment_id=v) for r, u, v in zip(rows, people, many, strict=True)]
        )
        for each in outcomes:
            state.receive(each)
        state.advance(rows[-1].at + 600)
        sizes[times] = len(msgspec.msgpack.encode(state.snapshot()))
    assert max(sizes.values()) < 1.1 * sizes[1]
