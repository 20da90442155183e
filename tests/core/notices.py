"""What there is to tell, and a pager to tell it to."""

import msgspec

from app.core.gates import Gate
from app.core.messages import Answer, Subscription
from schemas.decisions import Alert
from tests.rig.made import START

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
