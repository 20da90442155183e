"""The notifier against a fake over HTTP: what it tells, how it fails, what it remembers over a crash."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from agents.notify import NEWS_SECONDS, Exchange, Notify
from agents.plumbing import Record
from app.adapters.fake_pagerduty import FakePagerDuty, faults_of
from app.adapters.notifiers import Notifier, sinks_of
from app.settings import NotifySettings
from schemas.codec import encode
from schemas.decisions import OUTCOMES, Alert, Delivery
from schemas.events import Deployment
from schemas.topics import ALERTS, DEAD_LETTERS, DELIVERIES, DEPLOYMENTS
from tests.agents.doubles import PATIENCE_SECONDS, DictCheckpoints, RecordingOutbox, record, settings
from tests.rig.made import START
from tests.rig.sinks import KEY, alert, served


class Desk:
    """One notifier after another, on the same checkpoints, before the same pager."""

    def __init__(self, url: str, **more: Any) -> None:
        sink = {"name": "pager", "kind": "pagerduty", "url": url, "secret_env": "KEY"}
        facts = {"sinks": [sink], "retry_seconds": 0.01, "timeout_seconds": 20.0, **more}
        self.settings = NotifySettings.model_validate(facts)
        self.outbox, self.checkpoints = RecordingOutbox(), DictCheckpoints()
        self.notifiers: list[Notifier] = []
        self.station: Notify
        self.restart()

    def restart(self) -> None:
        """A crash: what was on its way is given up, nothing else is done."""
        if self.notifiers:
            self.station.forget({0})
        self.notifiers.append(Notifier(self.settings))
        self.exchange = Exchange(self.settings, sinks_of(self.settings, {"KEY": KEY}), self.notifiers[-1])
        self.station = Notify(
            settings(),
            self.exchange,
            outbox=self.outbox,  # type: ignore[arg-type]
            checkpoints=self.checkpoints,  # type: ignore[arg-type]
            name="notify",
            assigned=lambda: {0},
        )

    async def until(self, what: Callable[[], bool], records: Sequence[Record] = ()) -> None:
        """Go round as the lane does, until something holds."""
        await self.station.process(records)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not what():
                    await asyncio.sleep(0.005)
                    await self.station.process([])
        except TimeoutError:
            raise AssertionError(f"never: {self.outcomes}") from None

    @property
    def deliveries(self) -> list[Delivery]:
        found = self.outbox.values(DELIVERIES, Delivery)
        assert {each.outcome for each in found} <= set(OUTCOMES)
        return found

    @property
    def outcomes(self) -> list[str]:
        return [f"{each.action} {each.outcome}" for each in self.deliveries]

    async def close(self) -> None:
        self.station.forget({0})
        for notifier in self.notifiers:
            await notifier.close()


def played(story: Callable[[Desk, FakePagerDuty], Awaitable[None]], **more: Any) -> None:
    async def play() -> None:
        fake = FakePagerDuty()
        async with served(fake) as url:
            desk = Desk(url, **more)
            try:
                await story(desk, fake)
            finally:
                await desk.close()

    asyncio.run(play())


def said(*alerts: Alert, first: int = 0, age: float = 0.0) -> list[Record]:
    return [aged(record(ALERTS, encode(a), first + i), age) for i, a in enumerate(alerts)]


def aged(found: Record, age: float) -> Record:
    return replace(found, timestamp=time.time() - age)


OPENED, RESOLVED = alert("opened"), alert("resolved")


def test_an_incident_is_told_and_every_attempt_is_logged() -> None:
    async def story(desk: Desk, fake: FakePagerDuty) -> None:
        await desk.until(lambda: desk.outcomes == ["trigger sent"], said(OPENED))
        await desk.until(lambda: "resolve sent" in desk.outcomes, said(RESOLVED, first=1))
        assert [(i.state, i.events) for i in fake.incidents] == [("resolved", ["trigger", "resolve"])]
        first = desk.deliveries[0]
        assert (first.incident, first.sink, first.status, first.attempt) == (OPENED.incident, "pager", 202, 1)
        assert desk.outbox.on(DELIVERIES)[0].key == OPENED.incident.encode()

    played(story)


def test_what_fails_is_tried_again_and_said_each_time() -> None:
    async def story(desk: Desk, fake: FakePagerDuty) -> None:
        fake.faults.extend(faults_of("503,429,close,half"))
        await desk.until(lambda: "trigger sent" in desk.outcomes, said(OPENED))
        assert desk.outcomes == ["trigger retry"] * 4 + ["trigger sent"]
        assert [d.status for d in desk.deliveries] == [503, 429, None, None, 202]
        assert [d.attempt for d in desk.deliveries] == [1, 2, 3, 4, 5]
        assert all(d.next_at is not None for d in desk.deliveries[:4])
        assert len(fake.incidents) == 1

    played(story)


def test_what_is_refused_is_told_in_the_log_and_in_health() -> None:
    async def story(desk: Desk, fake: FakePagerDuty) -> None:
        fake.keys = frozenset({"another"})
        await desk.until(lambda: desk.outcomes == ["trigger refused"], said(OPENED))
        (fact,) = desk.exchange.facts()["sinks"]
        assert (fact["outcome"], fact["waiting"]) == ("refused", 0)
        assert "invalid routing key" in fact["reason"]
        assert KEY not in str(desk.deliveries)
        await desk.until(lambda: True, said(RESOLVED, first=1))
        assert desk.outcomes == ["trigger refused"]

    played(story)


def test_a_sink_that_hangs_delays_nobody_else() -> None:
    async def story(desk: Desk, fake: FakePagerDuty) -> None:
        fake.faults.extend(faults_of("hang"))
        other = alert("opened", incident="other", alert_id="other")
        await desk.until(lambda: bool(desk.deliveries), said(OPENED, other))
        assert [(d.incident, d.outcome) for d in desk.deliveries] == [("other", "sent")]
        await desk.until(lambda: len(fake.incidents) == 2)

    played(story, timeout_seconds=2.0)


@pytest.mark.parametrize("fault", ["close", "lost", "half", "hang"])
def test_a_crash_while_it_tells_leaves_one_incident(fault: str) -> None:
    async def story(desk: Desk, fake: FakePagerDuty) -> None:
        fake.faults.extend(faults_of(fault))
        await desk.until(lambda: not fake.faults, said(OPENED))
        desk.restart()  # what was in hand is gone
        await desk.until(lambda: "resolve sent" in desk.outcomes, said(OPENED, RESOLVED))
        assert [i.state for i in fake.incidents] == ["resolved"]

    played(story)


def test_what_waits_is_sent_after_a_restart_without_a_new_record() -> None:
    async def story(desk: Desk, fake: FakePagerDuty) -> None:
        fake.faults.extend(faults_of("503x3"))
        await desk.until(lambda: "trigger retry" in desk.outcomes, said(OPENED))
        await desk.station.checkpoint()
        desk.restart()
        await desk.until(lambda: len(fake.incidents) == 1)

    played(story)


def test_nothing_follows_a_message_that_is_not_saved() -> None:
    async def story(desk: Desk, fake: FakePagerDuty) -> None:
        await desk.until(lambda: "trigger sent" in desk.outcomes, said(OPENED, RESOLVED))
        saved = desk.checkpoints.states[0]["backlog"]["threads"][f"pager|{OPENED.incident}"]
        assert saved["told"] in ("trigger", "resolve")
        await desk.until(lambda: "resolve sent" in desk.outcomes)

    played(story)


def test_another_notifier_takes_over_what_one_had_in_hand() -> None:
    async def story(desk: Desk, fake: FakePagerDuty) -> None:
        fake.faults.extend(faults_of("hang"))
        await desk.until(lambda: not fake.faults, said(OPENED))
        await desk.station.checkpoint()
        desk.station.forget({0})
        assert not desk.station._sending
        await desk.until(lambda: len(fake.incidents) == 1)

    played(story)


def test_a_circuit_that_opened_closes_by_itself() -> None:
    async def story(desk: Desk, fake: FakePagerDuty) -> None:
        many = [alert("opened", incident=f"i{n}", alert_id=f"a{n}") for n in range(8)]
        fake.faults.extend(faults_of("503x8"))
        await desk.until(lambda: desk.exchange.gates["pager"].open, said(*many))
        assert desk.exchange.facts()["sinks"][0]["circuit"] == "open"
        await desk.until(lambda: desk.outcomes.count("trigger sent") == 8)
        assert len(fake.incidents) == 8
        assert desk.exchange.facts()["sinks"][0] | {"at": 0, "reason": 0} == {
            "sink": "pager",
            "kind": "pagerduty",
            "waiting": 0,
            "circuit": "closed",
            "outcome": "sent",
            "reason": 0,
            "at": 0,
        }

    played(story)


def test_the_past_is_read_before_anybody_is_told_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.notify.CATCHING_UP_SECONDS", 0.05)

    async def story(desk: Desk, fake: FakePagerDuty) -> None:
        open_still = alert("opened", incident="still", alert_id="still")
        month = 30 * 86_400.0
        await desk.station.process(said(OPENED, open_still, age=month))
        await desk.station.process(said(RESOLVED, first=2, age=month))
        await desk.until(lambda: "trigger sent" in desk.outcomes)
        assert [i.dedup_key for i in fake.incidents] == ["promptdrift/support-bot/still"]
        assert "trigger dropped" in desk.outcomes

    played(story)


def test_a_dry_run_says_what_it_would_have_told() -> None:
    async def story(desk: Desk, fake: FakePagerDuty) -> None:
        await desk.until(lambda: len(desk.outcomes) == 2, said(OPENED, RESOLVED))
        assert desk.outcomes == ["trigger dry run", "resolve dry run"]
        assert fake.incidents == []

    played(story, dry_run=True)


def test_a_sink_that_nobody_has_set_is_told_of_in_the_log() -> None:
    async def story(desk: Desk, fake: FakePagerDuty) -> None:
        lost = alert("opened", sinks=["nobody"])
        await desk.until(lambda: desk.outcomes == ["trigger refused"], said(lost))
        assert (desk.deliveries[0].sink, fake.incidents) == ("nobody", [])
        assert "no sink of this name" in (desk.deliveries[0].reason or "")

    played(story)


def test_what_is_no_alert_is_buried() -> None:
    async def story(desk: Desk, _: FakePagerDuty) -> None:
        await desk.until(lambda: True, [record(ALERTS, b"{}", 0), *said(OPENED, first=1)])
        assert len(desk.outbox.on(DEAD_LETTERS)) == 1

    played(story)


def deployed(offset: int, age: float = 0.0, value: bytes | None = None) -> Record:
    release = Deployment(application="support-bot", time=START, deployment_id=f"v{offset}", version="2")
    return aged(record(DEPLOYMENTS, encode(release) if value is None else value, offset), age)


def test_a_deployment_becomes_a_change_event_unless_it_is_old_news() -> None:
    async def story(desk: Desk, fake: FakePagerDuty) -> None:
        records = [deployed(0, age=NEWS_SECONDS + 60), deployed(1), deployed(2, value=b"{}"), deployed(3)]
        await desk.station.process(records)
        desk.station._hold_until = 0.0
        await desk.until(lambda: len(desk.outcomes) == 2)
        told = {change["payload"]["custom_details"]["deployment_id"] for change in fake.changes}
        assert told == {"v1", "v3"}
        names = {delivery.incident for delivery in desk.deliveries}
        assert names == {"support-bot:v1:succeeded", "support-bot:v3:succeeded"}

    played(story)
