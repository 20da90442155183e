from datetime import timedelta

import pytest

from app.core.release_runs import ReleaseRuns
from app.core.releases import KEPT, RELEASE_SECONDS, Releases
from schemas.events import Deployment
from tests.rig.made import APP, EPOCH, START, through_msgpack


def deployment(name: str, seconds: float = 0.0, status: str = "succeeded") -> Deployment:
    return Deployment(
        application=APP,
        time=START + timedelta(seconds=seconds),
        deployment_id=name,
        version=name,
        status=status,  # type: ignore[arg-type]  # parametrised
    )


@pytest.mark.parametrize(("status", "counts"), [("started", True), ("succeeded", True), ("failed", False)])
def test_only_what_went_live_counts(status: str, counts: bool) -> None:
    releases = Releases()
    releases.record(deployment("v2", 100.0, status))
    assert releases.before(EPOCH + 150.0, since=EPOCH) == ("v2" if counts else None)


def test_the_last_release_before_the_onset_is_named() -> None:
    releases = Releases()
    for name, at in (("v2", 100.0), ("v4", 9000.0), ("v3", 2000.0)):
        releases.record(deployment(name, at))
    assert releases.before(EPOCH + 3000.0, since=EPOCH) == "v3"
    assert releases.before(EPOCH + 1900.0, since=EPOCH) == "v3"  # an onset is only known to a window
    assert releases.before(EPOCH + 1000.0, since=EPOCH) == "v2"
    assert releases.before(EPOCH - 1000.0, since=EPOCH - 2000.0) is None


def test_a_release_older_than_a_week_or_than_the_baseline_explains_nothing() -> None:
    releases = Releases()
    releases.record(deployment("v2", 100.0))
    assert releases.before(EPOCH + 200.0 + RELEASE_SECONDS, since=EPOCH) is None
    assert releases.before(EPOCH + 200.0, since=EPOCH + 150.0) is None


def test_the_first_sight_in_traffic_counts_until_a_time_is_told() -> None:
    releases = Releases()
    releases.observe("v2", EPOCH + 500.0)
    releases.observe("v2", EPOCH + 9000.0)
    assert releases.before(EPOCH + 600.0, since=EPOCH) == "v2"
    releases.record(deployment("v2", 5000.0))
    assert releases.before(EPOCH + 600.0, since=EPOCH) is None


def test_a_name_per_request_does_not_fill_the_memory() -> None:
    releases = Releases()
    releases.record(deployment("v2", 100.0))
    for i in range(3 * KEPT):
        releases.observe(f"request-{i}", EPOCH + i)
        releases.observe("v2", EPOCH + i)
    assert len(releases.snapshot()) == KEPT
    assert releases.snapshot()["v2"] == EPOCH + 100.0


@pytest.mark.parametrize("asked", [True, False])
def test_a_run_that_a_rollback_ended_is_wanted_again_when_the_deployment_comes_again(asked: bool) -> None:
    runs = ReleaseRuns(["made"])
    runs.tell(deployment("v2", 0.0), born=0.0, now=0.0)
    if asked:
        runs.done("made", "v2")
    runs.tell(deployment("v2", 100.0, "rolled_back"), born=100.0, now=100.0)
    assert runs.due(100.0) == []
    runs.tell(deployment("v2", 200.0), born=200.0, now=200.0)
    assert [due.deployment for due in runs.due(200.0)] == ["v2"]


def test_a_snapshot_restores() -> None:
    releases, other = Releases(), Releases()
    releases.record(deployment("v2", 100.0))
    other.restore(through_msgpack(releases.snapshot()))
    assert other.before(EPOCH + 200.0, since=EPOCH) == "v2"
