"""Alerts for tests of sinks, the worst of them too, and a fake to send them to."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiohttp import web

from app.adapters.fake_pagerduty import Desk, FakePagerDuty
from app.core.messages import Action, Message
from schemas.codec import encode
from schemas.decisions import Alert, Member
from schemas.events import Deployment
from schemas.readings import ClusterMove, DescriptorMove
from tests.rig.made import START
from tests.rig.process import LOOPBACK

KEY = "0123456789abcdef0123456789abcdef"
HOSTILE = (
    "<script>alert(1)</script>",
    "\x1b[2J\x1b]0;owned\x07",
    "safe\u202egnp.exe\u202c",
    "=HYPERLINK('http://evil','x')",
    "<!channel> <@U123> *bold* <http://evil|click>",
    "word" * 250_000,
    "\x00\ud800 lone and null",
    "zero\u200bwidth\ufeff",
)
EXAMPLE = "PRIVATE my password is hunter2"


def alert(transition: str = "opened", text: str = "bread · oven", **more: Any) -> Alert:
    facts = {
        "alert_id": f"a-{transition}",
        "incident": "0123456789abcdef01234567",
        "application": "support-bot",
        "monitor": "change",
        "kind": "change",
        "state": "resolved" if transition == "resolved" else "firing",
        "severity": "warning",
        "started_at": START,
        "detected_at": START,
        "updated_at": START,
        "summary": f"support-bot: live prompts changed (mix); '{text}' went from 0.1 % to 12.0 %",
        "transition": transition,
        "value": 9.5,
        "threshold": 8.0,
        "clusters": [ClusterMove(name=text, share_before=0.001, share_now=0.12, examples=[EXAMPLE])],
        "descriptors": [DescriptorMove(name=text, share_before=0.1, share_now=0.2)],
        "members": [
            Member(
                monitor="change",
                state="alarm",
                severity="warning",
                detected_at=START,
                updated_at=START,
                segment=text,
                value=9.5,
                threshold=8.0,
            )
        ],
        "deployment": text,
        "labels": {"team": text},
        "annotations": {text: text},
        **more,
    }
    return msgspec.structs.replace(
        Alert(**{name: facts[name] for name in facts}),  # as it stands: a text may be what JSON cannot hold
    )


def message(action: Action = "trigger", given: Alert | Deployment | None = None) -> Message:
    words: dict[str, str] = {"trigger": "opened", "acknowledge": "acknowledged", "resolve": "resolved"}
    subject = given or alert(words.get(action, "opened"))
    name = subject.alert_id if isinstance(subject, Alert) else subject.deployment_id
    return Message(action, name, encode(subject), START.timestamp())


@asynccontextmanager
async def served(fake: FakePagerDuty, *, ssl_context: Any = None) -> AsyncIterator[str]:
    """A fake on a spare port of loopback; its address."""
    runner = web.AppRunner(Desk(fake).application(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, LOOPBACK, 0, ssl_context=ssl_context)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield f"{'http' if ssl_context is None else 'https'}://{LOOPBACK}:{port}"
    finally:
        await runner.cleanup()
