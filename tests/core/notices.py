"""What there is to tell, and a pager to tell it to."""

import msgspec

from app.core.gates import Gate
from app.core.messages import Answer, Subscription, Task
from app.core.notification import Backlog
from schemas.decisions import Alert
from tests.rig.made import EPOCH, START, through_msgpack

PAGER = Subscription(actions=frozenset({"trigger", "acknowledge", "resolve"}))
OK = Answer(status=202)


def alert(incident: str, transition: str = "opened", number: int = 0, **more: object) -> Alert:
    facts = {
        "alert_id": f"{incident}-{transition}-{number}",
        "incident": incident,
        "application": "shop",
        "monitor": "change",
        "kind": "change",
        "state": "resolved" if transition == "resolved" else "firing",
        "severity": "critical" if transition == "escalated" else "warning",
        "started_at": START,
        "detected_at": START,
        "updated_at": START,
        "summary": "shop: live prompts changed",
        "transition": transition,
        **more,
    }
    return msgspec.convert(facts, Alert)


def gates() -> dict[str, Gate]:
    return {"pager": Gate(per_minute=6000.0, wait_seconds=2.0)}


class Place:
    """A backlog with one pager, saved whenever it asks."""

    def __init__(self, subscription: Subscription = PAGER) -> None:
        self.sinks = {"pager": subscription}
        self.backlog, self.gates, self.now = Backlog(), gates(), EPOCH
        self.saved = through_msgpack(self.backlog.snapshot())

    def hear(self, *alerts: Alert) -> None:
        for each in alerts:
            self.backlog.tell(each, self.sinks, self.now)

    def save(self) -> None:
        self.saved = through_msgpack(self.backlog.snapshot())
        self.backlog.saved()

    def due(self) -> list[Task]:
        found = self.backlog.due(self.gates, self.now)
        while self.backlog.unsaved:
            self.save()
            found += self.backlog.due(self.gates, self.now)
        return found

    def settle(self, task: Task, answer: Answer = OK) -> str:
        return self.backlog.settle(task, answer, self.gates[task.thread.sink], self.now).outcome

    def flush(self) -> list[str]:
        """Send until nothing is due; what was told."""
        said: list[str] = []
        while tasks := self.due():
            for task in tasks:
                said.append(f"{task.message.action} {task.thread.key}")
                self.settle(task)
        return said

    def restart(self) -> None:
        self.backlog, self.gates = Backlog(), gates()
        self.backlog.restore(self.saved, self.sinks)
