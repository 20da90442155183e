from datetime import UTC, datetime

import pytest

from app.core.versions import ENOUGH, MOST_VERSIONS, Plans, Splits, Version, Versions
from schemas.events import Deployment
from schemas.outcomes import Served
from tests.rig.made import through_msgpack


def seen(
    versions: Versions, name: str, count: int = ENOUGH, at: float = 0.0, variant: str | None = None
) -> None:
    for n in range(count):
        versions.sight(Served(n, at + n, name, variant))


def test_the_first_version_was_always_there_and_the_second_is_a_release() -> None:
    versions = Versions()
    seen(versions, "v1")
    assert not versions.close(0)
    seen(versions, "v2", ENOUGH - 1)
    assert not versions.close(1)
    seen(versions, "v2", 1)
    assert versions.close(2)
    assert [versions.release(bucket) for bucket in (2, 3, 9)] == [None, 2, 2]


def test_a_name_per_request_neither_fills_the_table_nor_drives_out_who_serves() -> None:
    versions = Versions()
    seen(versions, "v1", at=1000.0)
    versions.close(0)
    for n in range(500):
        versions.sight(Served(n, 2000.0 + n, f"random {n}"))
        assert not versions.close(n)
    assert len(versions.known) == MOST_VERSIONS
    assert versions.find("v1", None) is not None


def test_an_outcome_that_names_a_deployment_is_of_its_only_variant_else_of_all() -> None:
    versions = Versions()
    seen(versions, "v2", 1, variant="treatment")
    assert versions.named("v2", 10.0) == versions.find("v2", "treatment")
    seen(versions, "v2", 1, variant="control")
    assert versions.named("v2", 10.0) == versions.find("v2", None)
    assert versions.named("v9", 10.0) == versions.find("v9", None)


def test_users_count_where_they_were_first_and_anew_after_a_release() -> None:
    splits = Splits()
    for user, version in ((1, 0), (2, 1), (3, 1), (1, 1), (1, 1)):
        splits.observe(user, version)
    splits.close(5, released=False)
    splits.observe(4, 0)
    splits.close(6, released=True)
    splits.close(7, released=False)
    restored = Splits()
    restored.restore(through_msgpack(splits.snapshot()))
    for each in (splits, restored):
        assert [each.at(b).users for b in (4, 5, 6, 7)] == [{}, {0: 1, 1: 2}, {0: 2, 1: 2}, {}]
        assert [each.at(b).both for b in (5, 7)] == [1, 0]


def planned(name: str, percent: float | None, variant: str | None = None) -> Deployment:
    time = datetime(2026, 3, 2, tzinfo=UTC)
    return Deployment(
        application="a", time=time, deployment_id=name, version=name, variant=variant, traffic_percent=percent
    )


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([], []),
        ([planned("v2", 10.0)], [0.9, 0.1]),
        ([planned("v2", 25.0), planned("v1", 75.0)], [0.75, 0.25]),
        ([planned("v2", 20.0), planned("v1", 20.0, "control")], [0.8, 0.2]),
        ([planned("v2", 20.0), planned("v1", 20.0)], [0.5, 0.5]),
        ([planned("v2", 100.0)], []),
        ([planned("v2", 20.0), planned("v2", None)], []),
    ],
)
def test_expected_shares_are_what_deployments_told(told: list[Deployment], expected: list[float]) -> None:
    plans = Plans()
    for each in told:
        plans.record(each)
    assert plans.shares(Version("v1", None), Version("v2", None)) == pytest.approx(expected)


def test_what_is_restored_goes_on_alike() -> None:
    versions, plans = Versions(), Plans()
    seen(versions, "v1")
    versions.close(0)
    plans.record(planned("v2", 10.0))
    other, others = Versions(), Plans()
    other.restore(through_msgpack(versions.snapshot()))
    others.restore(through_msgpack(plans.snapshot()))
    for each in (versions, other):
        seen(each, "v2")
        assert each.close(1)
    assert other.snapshot() == versions.snapshot()
    assert others.shares(Version("v1", None), Version("v2", None)) == pytest.approx([0.9, 0.1])
