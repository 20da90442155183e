"""What to tell which sink, and when: the backlog of messages, its order, its retries.

Of one incident, one sink is told one thing after another: a message is sent only when the one before was
confirmed *and that is durable*.  After a crash therefore at most the last message is sent again, and
sending it again is harmless: a second trigger of an open alert, or a second resolve of none.  Without the
rule a trigger could be repeated after its resolve, and would open an alert that nobody ever closes.  That
a trigger is about to be sent is made durable as well: once it may have arrived, its resolve is never spared.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

from app.core.gates import LONGEST_PAUSE_SECONDS, Gate
from app.core.messages import Answer, Message, Subscription, Task, Thread, Verdict, action_of
from app.core.releases import BEGUN, ENDED
from schemas.codec import encode
from schemas.decisions import Alert, Delivery
from schemas.events import Deployment

ENDS = ("resolve", "change")
STALE_SECONDS = 900.0  # news that could not be told for so long is none
LONGEST_WAIT = 60.0  # times the first wait
KEPT = 1000  # threads that are over, so that what comes again is recognised
SEEN = 64
WAITING = 20
TOO_MANY_REQUESTS = 429
TRY_AGAIN = (408, 425, TOO_MANY_REQUESTS)


class Backlog:
    """All threads of one partition.  `now` is epoch seconds, given by the caller.  Restorable."""

    def __init__(self, *, wait_seconds: float = 2.0) -> None:
        self._wait = wait_seconds
        self._threads: dict[str, Thread] = {}
        self._flying: set[str] = set()
        self._unsaved: set[str] = set()
        self.revision = -1  # grows with every change

    def tell(self, alert: Alert, sinks: Mapping[str, Subscription], born: float) -> None:
        """Take over a transition that stood on its topic at `born`."""
        action = action_of(alert)
        for sink, subscription in sinks.items():
            heard = f"{sink}|{alert.incident}" in self._threads  # before its root was another's
            if not subscription.wants(alert, action) or not (heard or sink in (alert.sinks or sinks)):
                continue
            thread = self._thread(sink, alert.incident, alert.application)
            if alert.alert_id in thread.seen:
                continue
            thread.seen = [*thread.seen[-SEEN:], alert.alert_id]
            urgent = alert.severity == "critical" and action == "trigger"
            self._queue(thread, Message(action, alert.alert_id, encode(alert), born, urgent))

    def resume(
        self, alert: Alert, sinks: Mapping[str, Subscription], taken: Collection[Delivery], now: float
    ) -> None:
        """Take over an incident whose threads are lost: its latest transition, and what sinks took of it.

        Told is what nobody took: that it is open, or that it is over where somebody heard that it began.
        """
        over = alert.state == "resolved"
        for sink, subscription in sinks.items():
            own = [each for each in taken if each.sink == sink]
            heard = any(each.action == "trigger" for each in own)
            if not heard and (over or sink not in (alert.sinks or sinks)):
                continue
            thread = self._thread(sink, alert.incident, alert.application)
            thread.seen = [each.alert_id for each in own][-SEEN:]
            thread.told = "trigger" if heard else ""
            if any(each.action == "resolve" for each in own):
                thread.told = "resolve"
            action = action_of(alert) if heard else "trigger"
            if alert.alert_id not in thread.seen and subscription.wants(alert, action):
                urgent = alert.severity == "critical" and action == "trigger"
                self._queue(thread, Message(action, alert.alert_id, encode(alert), now, urgent))

    def announce(self, deployment: Deployment, sinks: Sequence[str], born: float) -> None:
        """Take over a deployment, as news without an end."""
        name = f"{deployment.deployment_id}:{deployment.status}"
        for sink in sinks:
            thread = self._thread(sink, f"{deployment.application}:{name}", deployment.application)
            if name not in thread.seen:
                self._turn(sink, deployment)
                thread.seen = [name]
                self._queue(thread, Message("change", deployment.deployment_id, encode(deployment), born))

    def _turn(self, sink: str, deployment: Deployment) -> None:
        """What ended may begin again, and the other way round: that is news once more."""
        for status in BEGUN if deployment.status in ENDED else ENDED:
            known = self._threads.get(f"{sink}|{deployment.application}:{deployment.deployment_id}:{status}")
            if known is not None:
                known.seen = []

    def _queue(self, thread: Thread, message: Message) -> None:
        self.revision += 1
        flying = 1 if _place(thread) in self._flying else 0
        held, free = thread.waiting[:flying], thread.waiting[flying:]
        if thread.told == "resolve":
            return
        begun = bool(thread.told) or any(m.action == "trigger" for m in held)
        triggers = [m for m in free if m.action == "trigger"][-1:]
        if message.action not in ("trigger", "change") and not (begun or triggers):
            thread.told = "resolve" if message.action == "resolve" else ""  # it never heard that it began
            thread.refused = None if message.action == "resolve" else thread.refused
            return
        if message.action == "resolve":
            free = [] if begun else triggers
        elif free and free[-1].action == message.action == "trigger":
            last = free.pop()
            message.born, message.attempts, message.tried = last.born, last.attempts, last.tried
        thread.waiting = [*held, *free[-WAITING:], message]

    def due(self, gates: Mapping[str, Gate], now: float) -> list[Task]:
        """What is to be sent now, at most one message a thread; the gates have counted it.

        A trigger that was never tried is only marked: `unsaved` asks to save that, then it is due.
        """
        held_up = self._flying | self._unsaved
        ready = [
            (place, thread)
            for place, thread in self._threads.items()
            if thread.waiting and thread.next_at <= now and place not in held_up
        ]
        ready.sort(key=lambda each: (not each[1].waiting[0].urgent, each[1].waiting[0].born))
        out: list[Task] = []
        for place, thread in ready:
            message, gate = thread.waiting[0], gates[thread.sink]
            if message.action == "trigger" and not message.tried:
                message.tried = True
                self.revision += 1
                self._unsaved.add(place)
            elif gate.admits(now):
                self._flying.add(place)
                out.append(Task(thread, message))
        return out

    def settle(self, task: Task, answer: Answer, gate: Gate, now: float) -> Verdict:
        """What a sink's answer means, for the message and for the sink."""
        thread, message = task.thread, task.message
        self.revision += 1
        self._flying.discard(_place(thread))
        message.attempts += 1
        if answer.dry_run or (answer.status is not None and 200 <= answer.status < 300):
            if gate.succeeded():
                self._hurry(thread.sink)
            self._confirm(thread, message)
            return Verdict(outcome="dry run" if answer.dry_run else "sent")
        if answer.status is not None and answer.status < 500 and answer.status not in TRY_AGAIN:
            gate.succeeded()  # it is there, and will say the same again
            self._drop(thread, message)
            if message.action == "trigger":
                thread.refused = message
            elif message.action == "resolve":
                thread.told = "resolve"
            return Verdict(outcome="refused", reason=answer.reason)
        wait = _backoff(message, self._wait)
        if answer.retry_after is not None:
            wait = max(wait, min(answer.retry_after, LONGEST_PAUSE_SECONDS))
        if answer.status == TOO_MANY_REQUESTS:
            gate.pause(now, wait)
        else:
            gate.failed(now)
        thread.next_at = now + wait
        return Verdict(outcome="retry", next_at=thread.next_at, reason=answer.reason)

    def expire(self, now: float) -> list[Task]:
        """Take out what is not worth telling any more: news that is old, and incidents over untold."""
        out: list[Task] = []
        for place, thread in self._threads.items():
            if place in self._flying:
                continue
            stale = _stale(thread, now)
            for message in stale:
                self._drop(thread, message)
                thread.told = message.action if message.action in ENDS else thread.told
                out.append(Task(thread, message))
        self.revision += len(out)
        return out

    def _confirm(self, thread: Thread, message: Message) -> None:
        self._drop(thread, message)
        thread.next_at = 0.0
        self._unsaved.add(_place(thread))
        if message.action in ENDS:
            thread.waiting.clear()
        if message.action in ("trigger", *ENDS):
            thread.told, thread.refused = message.action, None

    def _drop(self, thread: Thread, message: Message) -> None:
        thread.waiting = [m for m in thread.waiting if m is not message]

    def _hurry(self, sink: str) -> None:
        """A sink is back: nobody waits out what was a wait for it."""
        for thread in self._threads.values():
            if thread.sink == sink:
                thread.next_at = 0.0

    def _thread(self, sink: str, key: str, application: str) -> Thread:
        place = f"{sink}|{key}"
        if place not in self._threads:
            self._threads[place] = Thread(sink, key, application)
        return self._threads[place]

    def _prune(self) -> None:
        over = [p for p, t in self._threads.items() if t.told in ENDS and not t.waiting]
        for place in over[: max(0, len(over) - KEPT)]:
            del self._threads[place]

    @property
    def unsaved(self) -> bool:
        """Whether something was confirmed that is not durable yet; it holds up what comes after it."""
        return bool(self._unsaved)

    def saved(self) -> None:
        """What the last snapshot holds is durable."""
        self._unsaved.clear()
        self._prune()

    def released(self) -> None:
        """What was on its way was stopped."""
        self._flying.clear()

    def lengths(self) -> dict[str, int]:
        """Messages that wait, by sink."""
        out: dict[str, int] = {}
        for thread in self._threads.values():
            out[thread.sink] = out.get(thread.sink, 0) + len(thread.waiting)
        return out

    def snapshot(self) -> dict[str, Any]:
        """State as a value for msgpack."""
        return {"threads": self._threads, "revision": self.revision}

    def restore(self, state: dict[str, Any], sinks: Collection[str]) -> None:
        """Take over a snapshot, as far as there still are its sinks.

        What a sink refused is tried once more: its key may have been mended.
        """
        self.revision = state["revision"] + 1
        for place, saved in state["threads"].items():
            thread = msgspec.convert(saved, Thread)
            if thread.sink not in sinks:
                continue
            if thread.refused is not None and not thread.waiting:
                thread.waiting, thread.refused = [thread.refused], None
            thread.next_at = 0.0
            self._threads[place] = thread


def _stale(thread: Thread, now: float) -> list[Message]:
    """What is not worth telling: old news, and the beginning of what is over; both ends if neither was told.

    An incident that goes on is always worth it.  One that is over and may have been told must be resolved.
    """
    old = [m for m in thread.waiting if now - m.born > STALE_SECONDS]
    over = any(m.action == "resolve" for m in thread.waiting)
    heard = thread.told != "" or any(m.tried for m in thread.waiting)
    stale = [m for m in old if m.action not in ("trigger", "resolve") or (m.action == "trigger" and over)]
    if over and not heard and any(m.action == "trigger" for m in stale):
        return list(thread.waiting)
    return stale


def _place(thread: Thread) -> str:
    return f"{thread.sink}|{thread.key}"


def _backoff(message: Message, first: float) -> float:
    """Seconds to wait, doubled with each attempt, anywhere between a tenth and all of it.

    The place in that range derives from the message, so that many do not come back at one moment.
    """
    seed = hashlib.blake2b(f"{message.id}|{message.attempts}".encode(), digest_size=4).digest()
    part = 0.1 + 0.9 * int.from_bytes(seed, "big") / 2**32
    return float(part * first * min(2.0 ** (message.attempts - 1), LONGEST_WAIT))
