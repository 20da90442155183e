"""Outcomes joined, counted and compared: the same whatever the interleaving and the restarts."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from random import Random
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace as replaced

from app.core import ledger, metric, shifts, versions
from app.core import outcomes as app_outcomes
from app.core.outcome_readings import OutcomePolicy
from app.core.outcomes import BUCKET_SECONDS, HOLD_SECONDS, ApplicationOutcomes
from app.core.units import hash64
from schemas.events import Deployment, Outcome
from schemas.outcomes import OutcomeCounts, Outcomes, Served
from schemas.readings import PARTIAL, Reading
from tests.rig.made import APP, EPOCH, through_msgpack

POLICY = OutcomePolicy(pages_per_30_days=0.1, every=32)
Log = tuple[list[Served], list[Outcome]]


def served(number: int, seconds: float, version: str | None = "v1", **more: Any) -> Served:
    who = {"user": hash64(f"user {number}"), "variant": None, **more}
    talk = who.pop("talk", None)
    return Served(
        hash64(f"{APP}|i{number}"),
        EPOCH + seconds,
        version,
        conversation=None if talk is None else hash64(f"{APP}|{talk}"),
        **who,
    )


def outcome(number: int | None, seconds: float, value: Any = True, **more: Any) -> Outcome:
    told: dict[str, Any] = {"name": "completion", "value": value} | more
    told.setdefault("id", f"{told['name']}{number}")
    target = None if number is None else f"i{number}"
    time = datetime.fromtimestamp(EPOCH + seconds, UTC)
    whole: dict[str, Any] = {"application": APP, "time": time, "interaction_id": target} | told
    return Outcome(**whole)


def release(rates: tuple[float, float], count: int, *, at: int = 600, share: float = 0.5) -> Log:
    """One interaction a second; from `at` on a share of the users is served by v2.  Each has an outcome."""
    random, rows, outcomes = Random(f"{rates} {count}"), [], []
    for number in range(count):
        treated = hash64(f"user {number}") % 1000 < 1000 * share and number >= at
        rows.append(served(number, number, "v2" if treated else "v1"))
        outcomes.append(outcome(number, number + random.uniform(1, 20), random.random() < rates[treated]))
    return rows, sorted(outcomes, key=lambda each: each.time)


def read(
    log: Log, *, portion: int = 50, shift: int = 0, restarts: bool = False, **more: Any
) -> list[Reading]:
    """Both logs side by side, outcomes `shift` portions behind (or ahead); then the end of the input."""
    rows, outcomes = log
    state, said = ApplicationOutcomes(APP, POLICY), []
    for deployment in more.get("deployments", ()):
        state.deployed(deployment)
    ends = range(0, max(len(rows), len(outcomes)) + abs(shift) * portion, portion)
    for start in ends:
        took = rows[start : start + portion]
        state.serve(took)
        behind = start - shift * portion
        for each in outcomes[max(behind, 0) if start else 0 : max(behind + portion, 0)]:
            state.receive(each)
        said += state.advance(took[-1].at - 1.0 if took else None)
        if restarts:
            saved = through_msgpack(state.snapshot())
            state = ApplicationOutcomes(APP, POLICY)
            state.restore(saved)
    return said + state.advance(rows[-1].at if rows else None, final=True)


def last(readings: Sequence[Reading], name: str = "completion") -> Outcomes:
    found = [r.outcomes for r in readings if r.monitor == f"outcomes:{name}" and r.outcomes is not None]
    return found[-1]


FALLEN = release((0.9, 0.6), 1800)


def test_each_version_has_its_own_value_and_a_worse_one_is_named() -> None:
    readings = plainly("one")
    told = last(readings)
    (compared,) = told.comparisons
    v1, v2 = told.versions
    assert (v1.deployment_id, v2.deployment_id) == ("v1", "v2")
    assert v1.count + v2.count == told.counts.joined == 1800
    assert v1.value is not None
    assert v1.value.low < 0.9 < v1.value.high
    assert (compared.old, compared.new, compared.concurrent, compared.better) == ("v1", "v2", True, False)
    assert compared.verdict == "v2 is worse than v1"
    alarm = next(r for r in readings if r.state == "alarm")
    assert (alarm.deployment, alarm.severity) == ("v2", "warning")
    assert alarm.time.timestamp() - EPOCH > 600


def test_equal_versions_raise_no_alarm_and_are_not_called_different() -> None:
    readings = read(release((0.8, 0.8), 1800))
    assert {r.state for r in readings} == {"learning", "ok"}
    (compared,) = last(readings).comparisons
    assert compared.better is None
    assert compared.verdict == "v2 and v1 cannot be told apart yet"
    assert compared.needed is not None


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


def plan(percent: float) -> Deployment:
    time = datetime.fromtimestamp(EPOCH + 600, UTC)
    return Deployment(application=APP, time=time, deployment_id="v2", version="2", traffic_percent=percent)


def test_a_split_that_is_not_what_was_planned_is_noticed() -> None:
    (fair,) = last(read(FALLEN, deployments=[plan(50.0)])).ratios
    (lopsided,) = last(read(FALLEN, deployments=[plan(20.0)])).ratios
    (untold,) = last(plainly("one")).ratios
    assert (fair.mismatch, lopsided.mismatch, untold.mismatch) == (False, True, False)
    assert (lopsided.expected, untold.p_value) == ([0.8, 0.2], None)
    assert sum(fair.users) > 1000


def test_versions_one_after_the_other_are_compared_with_a_warning() -> None:
    told = last(read(release((0.9, 0.6), 1800, share=1.0)))
    (compared,) = told.comparisons
    assert (compared.concurrent, compared.better) == (False, False)
    assert "time alone may be the reason" in compared.verdict
    assert told.ratios == []


def test_a_fall_without_a_release_is_located_in_time() -> None:
    rows, outcomes = release((0.9, 0.9), 3000, share=0.0)
    half = len(outcomes) // 2
    worse = [replaced(o, value=bool(o.value and i % 3)) for i, o in enumerate(outcomes[half:])]
    readings = read((rows, [*outcomes[:half], *worse]))
    alarm = next(r for r in readings if r.state == "alarm")
    assert alarm.channel == "shift"
    assert alarm.onset_at is not None
    assert abs(alarm.onset_at.timestamp() - EPOCH - 1500) < 120


@pytest.mark.parametrize("share", [0.02, 0.98])
def test_arms_of_wildly_different_size_are_compared_side_by_side(share: float) -> None:
    (compared,) = last(read(release((0.8, 0.8), 2400, share=share))).comparisons
    assert compared.concurrent
    assert not compared.decided
    assert compared.verdict.startswith("outcomes so far: ")


def test_users_in_both_arms_are_counted() -> None:
    rows, outcomes = release((0.8, 0.8), 1200)
    rows = [replaced(r, user=hash64(f"person {n % 40}")) for n, r in enumerate(rows)]
    (ratio,) = last(read((rows, outcomes))).ratios
    assert sum(ratio.users) == 40
    assert ratio.both > 30


def test_low_volume_is_sent_to_the_eval_set() -> None:
    rows = [served(n, 600.0 * n, "v2" if n > 300 and n % 2 else "v1") for n in range(800)]
    outcomes = [outcome(n, 600.0 * n + 1, n % 10 < 8) for n in range(800)]
    advice = last(read((rows, outcomes))).advice
    assert advice is not None
    assert "run the eval set against both instead" in advice


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


def test_what_users_did_before_the_release_is_taken_off() -> None:
    random, rows, outcomes = Random(5), [], []
    habits = [random.gauss(5.0, 1.0) for _ in range(150)]
    for number in range(2400):
        person = random.randrange(len(habits))
        version = "v2" if number >= 1200 and person % 2 else "v1"
        rows.append(served(number, number, version, user=hash64(f"person {person}")))
        value = habits[person] + random.gauss(0.0, 0.5) + (0.25 if version == "v2" else 0.0)
        outcomes.append(outcome(number, number + 1, value, name="rating"))
    (compared,) = last(read((rows, outcomes)), "rating").comparisons
    assert compared.explained > 0.5
    assert compared.difference is not None
    assert compared.difference.low < 0.25 < compared.difference.high
    assert compared.difference.high - compared.difference.low < 1.0
