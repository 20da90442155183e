"""Incidents told to PagerDuty as it is documented, with failures and deaths at every step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

import pytest

from app.core.messages import Answer, Task
from app.core.notification import Backlog
from schemas.decisions import Alert
from tests.core.notices import OK, PAGER, alert, gates
from tests.rig.made import EPOCH, through_msgpack


@dataclass
class Pager:
    """Open alerts by key; what is sent to a key that is open adds to it, after a resolve it opens another."""

    open: set[str] = field(default_factory=set)
    opened: list[str] = field(default_factory=list)

    def take(self, action: str, key: str) -> None:
        if action == "trigger" and key not in self.open:
            self.open.add(key)
            self.opened.append(key)
        if action == "resolve":
            self.open.discard(key)


class World:
    """A topic, a notifier with its state, a pager: one step after another, each may fail."""

    def __init__(self, log: Sequence[Alert], seed: int) -> None:
        self.log, self.random, self.pager = log, Random(seed), Pager()
        self.now, self.end = EPOCH, 0  # of the log so far
        self.start({}, 0)

    def start(self, saved: Mapping[str, object], offset: int) -> None:
        self.backlog, self.gates, self.read = Backlog(), gates(), offset
        if saved:
            self.backlog.restore(dict(saved), {"pager"})
        self.flying: list[Task] = []

    def save(self) -> None:
        self.durable = (through_msgpack(self.backlog.snapshot()), self.read)
        self.backlog.saved()

    durable: tuple[Mapping[str, object], int] = ({}, 0)

    def step(self, trouble: float) -> None:
        self.now += self.random.random() * 3
        choice = self.random.random()
        if choice < 0.25:
            self.end = min(len(self.log), self.end + 1)
        elif choice < 0.5:
            self._hear()
        elif choice < 0.7:
            self.flying += self.backlog.due(self.gates, self.now)
        elif choice < 0.9 and self.flying:
            self._settle(trouble)
        elif choice < 0.93:
            self.save()
        elif self.random.random() < trouble:
            self._die()

    def _hear(self) -> None:
        if self.read < self.end:
            self.backlog.tell(self.log[self.read], {"pager": PAGER}, self.now)
            self.read += 1

    def _die(self) -> None:
        for task in self.flying:  # what flies may arrive or not
            if self.random.random() < 0.5:
                self.pager.take(task.message.action, task.thread.key)
        self.start(*self.durable)

    def _settle(self, trouble: float) -> None:
        task = self.flying.pop(self.random.randrange(len(self.flying)))
        lost = self.random.random() < trouble
        if not lost or self.random.random() < 0.5:  # an answer may be lost after it took effect
            self.pager.take(task.message.action, task.thread.key)
        answer = Answer(status=None, reason="timeout") if lost else OK
        self.backlog.settle(task, answer, self.gates["pager"], self.now)


def episodes(seed: int) -> list[Alert]:
    """Incidents that overlap, some escalate, are acknowledged; and transitions that are sent again."""
    random = Random(seed)
    out: list[Alert] = []
    for number in range(6):
        middle = random.sample(["joined", "escalated", "acknowledged", "reminded", "unknown"], 2)
        for word in ("opened", *middle, "resolved"):
            out.insert(random.randint(max(0, len(out) - 4), len(out)), alert(f"i{number}", word))
    order = {"opened": 0, "resolved": 2}

    def lived(incident: str) -> list[Alert]:
        mine = [a for a in out if a.incident == incident]
        return sorted(mine, key=lambda a: order.get(a.transition, 1))

    per = {a.incident: lived(a.incident) for a in out}
    log = [per[a.incident].pop(0) for a in out]
    for _ in range(4):
        again = random.randrange(len(log) - 2)
        log[again + 2 : again + 2] = log[again : again + 2]  # a crashed alert agent repeats itself
    return log


@pytest.mark.parametrize("seed", range(200))
def test_whatever_fails_every_incident_is_opened_once_and_closed(seed: int) -> None:
    log = episodes(seed)
    world = World(log, seed)
    while world.end < len(log) or world.random.random() > 0.02:
        world.step(trouble=0.4)
    for _ in range(400):
        world.now += 30.0
        world.step(trouble=0.0)
    assert sorted(world.pager.opened) == sorted({a.incident for a in log})
    assert world.pager.open == set()
    assert world.backlog.lengths().get("pager", 0) == 0
