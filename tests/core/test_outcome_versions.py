"""Outcomes of versions compared: splits, releases, falls without one, and advice."""

from datetime import UTC, datetime
from random import Random

import pytest
from msgspec.structs import replace as replaced

from app.core.units import hash64
from schemas.events import Deployment
from tests.core.joined import FALLEN, last, outcome, read, release, served
from tests.rig.made import APP, EPOCH


def test_each_version_has_its_own_value_and_a_worse_one_is_named() -> None:
    readings = read(FALLEN)
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


def plan(percent: float) -> Deployment:
    time = datetime.fromtimestamp(EPOCH + 600, UTC)
    return Deployment(application=APP, time=time, deployment_id="v2", version="2", traffic_percent=percent)


def test_a_split_that_is_not_what_was_planned_is_noticed() -> None:
    (fair,) = last(read(FALLEN, deployments=[plan(50.0)])).ratios
    (lopsided,) = last(read(FALLEN, deployments=[plan(20.0)])).ratios
    (untold,) = last(read(FALLEN)).ratios
    assert (fair.mismatch, lopsided.mismatch, untold.mismatch) == (False, True, False)
    assert (lopsided.expected, untold.p_value) == ([0.8, 0.2], None)
    assert sum(fair.users) > 1000


def test_versions_one_after_the_other_are_compared_with_a_warning() -> None:
    told = last(read(release((0.9, 0.6), 1800, share=1.0)))
    (compared,) = told.comparisons
    assert (compared.concurrent, compared.better) == (False, False)
    assert "time alone may be the reason" in compared.verdict
    assert told.ratios == []


def test_one_user_tells_no_version_from_another() -> None:
    rows, outcomes = release((0.8, 0.8), 1800)
    rows = [replaced(r, user=hash64("the only one")) for r in rows]
    readings = read((rows, outcomes))
    (compared,) = last(readings).comparisons
    assert {r.state for r in readings} == {"learning", "ok"}
    assert (compared.difference, compared.p_value, compared.decided) == (None, None, False)
    assert compared.verdict == (
        "too few so far: v1 has outcomes of users who weigh like 1 (it takes 20) and "
        "v2 has outcomes of users who weigh like 1 (it takes 20)"
    )


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
    assert compared.verdict.startswith("too few so far: ")


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
