"""What is said to sinks: messages, the threads that they stand in, and the answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from schemas.decisions import Alert, Severity

Action = Literal["trigger", "acknowledge", "update", "resolve", "change"]
ACTIONS: Mapping[str, Action] = {
    "opened": "trigger",
    "escalated": "trigger",
    "unmuted": "trigger",
    "reminded": "trigger",
    "acknowledged": "acknowledge",
    "resolved": "resolve",
}


def action_of(alert: Alert) -> Action:
    """What a transition asks a sink to do; alerts from before there were transitions have a state."""
    word = alert.transition or ("resolved" if alert.state == "resolved" else "opened")
    return ACTIONS.get(word, "update")


@dataclass(slots=True)
class Message:
    """One thing to be told; `value` is the JSON of an alert or a deployment."""

    action: Action
    id: str  # of the alert, or of the deployment
    value: bytes
    born: float  # epoch seconds at which it stood on its topic
    urgent: bool = False
    tried: bool = False  # it may have arrived
    attempts: int = 0


@dataclass(slots=True)
class Thread:
    """What one sink is told of one incident."""

    sink: str
    key: str
    application: str
    told: str = ""  # the last trigger or resolve that was confirmed
    waiting: list[Message] = field(default_factory=list)
    next_at: float = 0.0
    refused: Message | None = None  # a trigger that the sink would not take
    seen: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """What a sink is told."""

    actions: frozenset[str]
    severity: Severity = "warning"  # from which on
    muted: bool = False  # also what nobody is to be told

    def wants(self, alert: Alert, action: Action) -> bool:
        """Whether a transition is for it.  That something is over is for whoever heard that it began."""
        if action not in self.actions:
            return False
        heard = self.severity == "warning" or alert.severity == "critical"
        return action == "resolve" or (heard and (self.muted or not alert.muted))


@dataclass(frozen=True, slots=True)
class Task:
    """A message on its way."""

    thread: Thread
    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How a sink took a message: the HTTP status, or None and the reason why there is none."""

    status: int | None
    reason: str | None = None
    retry_after: float | None = None  # seconds
    seconds: float = 0.0
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What becomes of a message: sent, retry (at `next_at`), refused, dropped or dry run."""

    outcome: str
    next_at: float | None = None
    reason: str | None = None
