"""What a sink is told, when, and how often it is tried."""

import msgspec
import pytest

from app.core import notification
from app.core.gates import FAILURES, LONGEST_PAUSE_SECONDS, Gate
from app.core.messages import Answer, Subscription
from app.core.notification import STALE_SECONDS
from schemas.events import Deployment
from tests.core.notices import PAGER, Place, alert, gates
from tests.rig.made import EPOCH, START

CHAT = Subscription(actions=frozenset({"trigger", "acknowledge", "resolve", "update"}))


def test_an_incident_is_triggered_acknowledged_and_resolved_in_order() -> None:
    place = Place()
    place.hear(alert("i"))
    assert place.flush() == ["trigger i"]
    place.hear(alert("i", "joined"), alert("i", "acknowledged"), alert("i", "resolved"))
    assert place.flush() == ["resolve i"]  # the acknowledgement of what is over is none


def test_a_resolve_waits_until_its_trigger_is_durable() -> None:
    place = Place()
    place.hear(alert("i"), alert("i", "resolved"))
    (task,) = place.due()
    assert place.due() == []
    place.settle(task)
    assert place.backlog.due(place.gates, place.now) == []
    place.save()
    assert [t.message.action for t in place.due()] == ["resolve"]


def test_a_trigger_is_durable_before_it_is_tried() -> None:
    place = Place()
    place.hear(alert("i"))
    assert place.backlog.due(place.gates, place.now) == []
    assert place.backlog.unsaved
    place.save()
    assert len(place.backlog.due(place.gates, place.now)) == 1


def test_transitions_that_come_again_are_told_once() -> None:
    place = Place()
    place.hear(alert("j"))
    assert place.flush() == ["trigger j"]
    place.hear(alert("j"))
    assert place.flush() == []
    whole = [alert("i"), alert("i", "escalated"), alert("i", "resolved")]
    place.hear(*whole, *whole)
    assert place.flush() == ["trigger i", "resolve i"]
    place.hear(*whole)
    place.restart()
    place.hear(*whole)
    assert place.flush() == []


def test_what_waits_is_told_as_it_is_now() -> None:
    place = Place()
    place.hear(alert("i"), alert("i", "escalated"), alert("i", "reminded"))
    (task,) = place.due()
    assert task.message.id == "i-reminded-0"


def test_what_rises_while_it_is_told_is_told_after_it() -> None:
    place = Place()
    place.hear(alert("i"))
    (task,) = place.due()
    place.hear(alert("i", "escalated"))
    assert place.due() == []
    place.settle(task)
    assert place.flush() == ["trigger i"]


def test_muted_news_is_for_nobody_and_its_end_neither() -> None:
    place = Place()
    place.hear(alert("i", muted=True), alert("i", "acknowledged"), alert("i", "resolved", muted=True))
    assert place.flush() == []
    place.hear(alert("j"), alert("j", "resolved", muted=True))  # muted after it was told: it must end
    assert place.flush() == ["trigger j", "resolve j"]


def test_a_sink_hears_from_its_severity_on() -> None:
    place = Place(Subscription(actions=PAGER.actions, severity="critical"))
    place.hear(alert("i"), alert("i", "acknowledged"), alert("i", "resolved"))
    place.hear(alert("j"), alert("j", "escalated"), alert("j", "resolved", severity="critical"))
    assert place.flush() == ["trigger j", "resolve j"]


def test_only_the_sinks_that_an_alert_names_are_told() -> None:
    place = Place()
    place.hear(alert("i", sinks=["another"]), alert("j", sinks=["pager"]))
    assert place.flush() == ["trigger j"]


def test_who_was_told_hears_the_end_though_the_root_and_its_sinks_became_others() -> None:
    place = Place()
    place.hear(alert("i", sinks=["pager"]))
    assert place.flush() == ["trigger i"]
    place.hear(alert("i", "joined", sinks=["another"]), alert("i", "resolved", sinks=["another"]))
    assert place.flush() == ["resolve i"]
    place.hear(alert("k", sinks=["pager"]), alert("k", "escalated", severity="critical", sinks=["another"]))
    assert place.flush() == ["trigger k"]  # as it is now


def test_updates_are_for_those_who_want_them() -> None:
    place = Place(CHAT)
    place.hear(alert("i"), alert("i", "unknown"))
    assert place.flush() == ["trigger i", "update i"]


def test_the_urgent_first_then_the_oldest() -> None:
    place = Place()
    place.hear(alert("a"), alert("b"))
    place.now -= 10
    place.hear(alert("c"))
    place.hear(alert("d", severity="critical"))
    place.now += 20
    assert [t.thread.key for t in place.due()] == ["d", "c", "a", "b"]


# Answers


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, None])
def test_what_may_work_later_is_tried_later(status: int | None) -> None:
    place = Place()
    place.hear(alert("i"))
    (task,) = place.due()
    assert place.settle(task, Answer(status=status, reason="because")) == "retry"
    assert place.due() == []
    place.now += 200.0
    assert place.flush() == ["trigger i"]


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 413])
def test_what_is_refused_is_not_tried_again_until_a_restart(status: int) -> None:
    place = Place()
    place.hear(alert("i"))
    (task,) = place.due()
    assert place.settle(task, Answer(status=status, reason="wrong routing key")) == "refused"
    place.now += 10_000.0
    assert place.flush() == []
    place.save()
    place.restart()
    assert place.flush() == ["trigger i"]


def test_waits_double_differ_and_have_an_end() -> None:
    place = Place()
    place.hear(alert("i"))
    waits = []
    for _ in range(14):
        (task,) = place.due()
        place.gates = gates()  # the circuit is another matter
        verdict = place.backlog.settle(task, Answer(status=500), place.gates["pager"], place.now)
        assert verdict.next_at is not None
        waits.append(verdict.next_at - place.now)
        place.now = verdict.next_at
    assert all(0.1 * min(2.0 * 2**i, 120) <= wait <= min(2.0 * 2**i, 120) for i, wait in enumerate(waits))
    assert len(set(waits)) == len(waits)


def test_a_sink_that_asks_for_patience_gets_it_for_everything() -> None:
    place = Place()
    place.hear(alert("i"), alert("j"))
    first, second = place.due()
    place.settle(first, Answer(status=429, retry_after=30.0))
    place.settle(second, Answer(status=429, retry_after=1e12))  # but not for ever
    place.now += 29.0
    assert place.due() == []
    place.now += 3600.0
    assert [t.thread.key for t in place.due()] == ["i", "j"]


@pytest.mark.parametrize("asked", [1.7e9, 1e300, float("inf"), float("nan")])
@pytest.mark.parametrize("status", [429, 503])
def test_nothing_waits_longer_than_an_hour_whatever_a_sink_asks(asked: float, status: int) -> None:
    place = Place()
    place.hear(alert("i"))
    (task,) = place.due()
    verdict = place.backlog.settle(
        task, Answer(status=status, retry_after=asked), place.gates["pager"], place.now
    )
    assert verdict.next_at is not None
    assert place.now < verdict.next_at <= place.now + LONGEST_PAUSE_SECONDS
    place.now += LONGEST_PAUSE_SECONDS
    assert place.flush() == ["trigger i"]


def test_a_circuit_opens_one_probes_and_all_follow() -> None:
    place = Place()
    names = [f"i{n}" for n in range(FAILURES + 3)]
    place.hear(*map(alert, names))
    for task in place.due():
        place.settle(task, Answer(status=None, reason="connection refused"))
    assert place.gates["pager"].open
    assert place.due() == []
    place.now += 31.0
    (probe,) = place.due()
    assert place.due() == []
    place.settle(probe)
    assert len(place.flush()) == len(names) - 1  # without waiting out their own


def test_no_more_than_the_limit_in_any_minute() -> None:
    gate = Gate(per_minute=100.0, wait_seconds=2.0)
    sent = [t / 10 for t in range(3000) if gate.admits(t / 10)]
    for start in range(0, 240):
        assert sum(start <= t < start + 60 for t in sent) <= 100
    assert len(sent) > 380


# Age


def test_an_incident_that_came_and_went_untold_is_no_news() -> None:
    place = Place()
    place.hear(alert("i"), alert("i", "resolved"))
    place.now += STALE_SECONDS + 1
    assert [t.message.action for t in place.backlog.expire(place.now)] == ["trigger", "resolve"]
    assert place.flush() == []


def test_one_that_may_have_been_told_is_resolved_however_old() -> None:
    place = Place()
    place.hear(alert("i"))
    place.due()  # tried, and nobody knows whether it arrived
    place.restart()
    place.hear(alert("i", "resolved"))
    place.now += STALE_SECONDS + 1
    assert [t.message.action for t in place.backlog.expire(place.now)] == ["trigger"]
    assert place.flush() == ["resolve i"]


def test_one_that_goes_on_is_news_however_old() -> None:
    place = Place()
    place.hear(alert("i"))
    place.now += 100 * STALE_SECONDS
    assert place.backlog.expire(place.now) == []
    assert place.flush() == ["trigger i"]


def test_a_deployment_is_told_once_or_never() -> None:
    place = Place()
    release = Deployment(application="shop", time=START, deployment_id="v2", version="2")
    for _ in range(2):
        place.backlog.announce(release, ["pager"], EPOCH)
    assert place.flush() == ["change shop:v2:succeeded"]
    late = msgspec.structs.replace(release, deployment_id="v3")
    place.backlog.announce(late, ["pager"], EPOCH)
    place.now += STALE_SECONDS + 1
    assert len(place.backlog.expire(place.now)) == 1
    assert place.flush() == []


def test_a_deployment_that_comes_again_after_its_end_is_news_again() -> None:
    place, told = Place(), list[str]()
    release = Deployment(application="shop", time=START, deployment_id="v2", version="2")
    back = msgspec.structs.replace(release, status="rolled_back")
    for each in (release, back, back, release, release, back):
        place.backlog.announce(each, ["pager"], EPOCH)
        told += place.flush()
    assert told == ["change shop:v2:succeeded", "change shop:v2:rolled_back"] * 2


def test_sinks_that_are_no_more_leave_nothing_behind() -> None:
    place = Place()
    place.hear(alert("i"))
    place.save()
    place.sinks.clear()
    place.restart()
    assert place.backlog.lengths() == {}


def test_its_memory_of_what_is_over_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notification, "KEPT", 20)
    place = Place()
    for number in range(60):
        place.hear(alert(f"i{number}"), alert(f"i{number}", "resolved"))
        place.now += 1
        place.flush()
    place.save()
    assert len(place.backlog._threads) == 20
