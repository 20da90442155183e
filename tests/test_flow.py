"""The whole road in one page: people write, a topic that nobody expected appears, one incident names it.

Baseline (the first 400 prompts), quiet traffic, then a third of the prompts are about bread without
gluten; or the prompts stay as they are and the answers change.  No broker, no clock, no model: `Pipeline`
puts the same core together that the agents run.
"""

from app.adapters.pipeline import Output, Pipeline
from app.core.baseline import BaselineSettings
from app.core.measurement import MeasureSettings
from app.core.monitor_settings import MonitorSettings
from tests.rig import made

LEARNED, QUIET, PLANTED = 400, 400, 400
USUAL = made.interactions(LEARNED + QUIET)
CHANGED = made.interactions(PLANTED, first=LEARNED + QUIET, topics={**made.USUAL, "gluten": 0.5})


def pipeline() -> Pipeline:
    return Pipeline(
        encoder=made.WordEncoder(),
        describe=made.describe,
        references={},
        measure=MeasureSettings(),
        monitor=MonitorSettings(baseline=BaselineSettings(events=LEARNED)),
        partitions=2,
    )


def test_a_topic_that_nobody_expected_becomes_exactly_one_incident_with_a_name() -> None:
    with made.quick_calibration():
        outputs: list[Output] = list(pipeline().run([*USUAL, *CHANGED]))
    baselines = [b for output in outputs for b in output.baselines]
    readings = [r for output in outputs for r in output.readings]
    alerts = [a for output in outputs for a in output.alerts]

    # One baseline, from the first prompts alone.
    assert [b.reference.units for b in baselines] == [LEARNED]

    # Quiet until the topic appears.
    appeared = CHANGED[0].time
    assert {r.state for r in readings if r.time < appeared} == {"learning", "ok"}

    # Then one incident; its id names the episode, and what moved has the topic's own words.
    assert [a.state for a in alerts] == ["firing"]
    (alert,) = alerts
    assert abs((alert.started_at - appeared).total_seconds()) < 90  # one prompt a second
    assert alert.detected_at > appeared
    new = [c for c in alert.clusters if c.new]
    assert any(word in c.name for c in new for word in made.TOPICS["gluten"])

    # Nothing was lost on the way.
    assert readings[-1].totals.events == LEARNED + QUIET + PLANTED


def test_without_the_topic_there_is_no_incident() -> None:
    with made.quick_calibration():
        outputs = list(pipeline().run(made.interactions(LEARNED + QUIET + PLANTED)))
    assert [a for output in outputs for a in output.alerts] == []


def test_where_only_the_responses_change_the_incident_says_so() -> None:
    asked = made.interactions(LEARNED + QUIET + PLANTED)
    usual = made.answered(asked[: LEARNED + QUIET])
    odd = made.answered(asked[LEARNED + QUIET :], topics={"gluten": 1.0})
    with made.quick_calibration():
        outputs = list(pipeline().run([*usual, *odd]))
    assert [b.reference.kind for o in outputs for b in o.baselines] == ["baseline", "responses"]
    alerts = [a for output in outputs for a in output.alerts]
    alert = alerts[0]
    assert (alert.monitor, alert.transition) == ("responses", "opened")
    assert {a.incident for a in alerts} == {alert.incident}
    assert alerts[-1].severity == "critical"  # all of them changed
    assert "live responses changed, prompts did not" in alert.summary
    assert any(c.new and "gluten" in c.name for c in alert.clusters)
