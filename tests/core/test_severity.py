import pytest

from app.core.alerts import summarise
from app.core.severity import severity_of
from schemas.readings import ClusterMove, DescriptorMove, Uncovered
from tests.core.test_incidents import reading
from tests.rig.made import APP


@pytest.mark.parametrize(
    ("value", "low", "severity"),
    [(6.1, 0.0, "warning"), (9.5, 0.0, "warning"), (6.1, 0.5, "warning"), (9.5, 0.5, "critical")],
)
def test_a_change_is_critical_where_it_is_both_far_and_uncovered(
    value: float, low: float, severity: str
) -> None:
    share = Uncovered(share=0.6, low=low, high=0.7)
    assert severity_of(reading(1, "alarm", value=value, uncovered=share)) == severity


def test_a_summary_says_what_moved_by_how_much_and_after_which_release() -> None:
    moved = [ClusterMove(name="bread · oven", share_before=0.001, share_now=0.12)]
    spoken = [DescriptorMove(name="language: de", share_before=0.0, share_now=0.3)]
    told = summarise(reading(1, "alarm", channel="mix", clusters=moved, descriptors=spoken, deployment="v2"))
    for part in (APP, "mix", "bread · oven", "0.1 %", "12.0 %", "language: de", "30 %", "v2"):
        assert part in told
    share = Uncovered(share=0.31, low=0.2, high=0.4)
    assert "31 %" in summarise(reading(1, "alarm", monitor="gap", uncovered=share))
    assert summarise(reading(1, "alarm"))


@pytest.mark.parametrize(
    ("tolerance", "low", "critical", "severity"),
    [
        (0.1, 0.29, None, "warning"),
        (0.1, 0.31, None, "critical"),
        (0.5, 0.74, None, "warning"),
        (0.5, 0.75, None, "critical"),
        (0.1, 0.20, 0.2, "critical"),
        (None, 0.99, None, "warning"),
    ],
)
def test_a_gap_is_critical_by_its_own_rule(
    tolerance: float | None, low: float, critical: float | None, severity: str
) -> None:
    share = Uncovered(share=0.99, low=low, high=1.0)
    gap = reading(1, "alarm", monitor="gap", threshold=tolerance, value=0.3, uncovered=share)
    assert severity_of(gap, critical) == severity


def test_a_monitor_that_knows_its_severity_is_believed() -> None:
    assert severity_of(reading(1, "alarm", monitor="health", severity="critical")) == "critical"
