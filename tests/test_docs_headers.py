"""The headers that docs/topics.md tells of each topic are those that are sent."""

import asyncio
import re
from typing import Any

import pytest

from agents.alert import Alerting
from agents.checkpoint import Checkpoints
from agents.dead_letters import bury
from agents.plumbing import Outbox, Record
from app.adapters.references import wire_records
from app.settings import Settings
from schemas.codec import Rejection, SchemaError
from tests.rig import made, tables
from tests.rig.pages import page
from tests.rig.sinks import alert

TOPICS = page("docs/topics.md")


class Caught(Outbox):
    """Remembers the names of headers instead of sending."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    async def send(self, topic: Any, value: bytes, **more: Any) -> None:
        self.names |= set(more.get("headers") or {})

    async def deliver(self) -> None:
        """Nothing is on its way."""


def told_headers(topic: str) -> set[str]:
    row = next(cells for cells in tables.rows(TOPICS) if f"`{topic}`" in cells[0] and len(cells) == 2)
    return {name for name in re.findall(r"`([\w.]+)`", row[1]) if name}


async def sent_headers(topic: str) -> set[str]:
    outbox = Caught()
    checkpoints = Checkpoints("measure", 1, outbox=outbox, settings=Settings())
    if topic == "alerts.v1":
        await Alerting(Settings(), outbox=outbox, checkpoints=checkpoints)._send(alert())
    elif topic == "state.v1":
        await checkpoints.write(0, dict, 0)
    else:
        record = Record("t", 0, 0, None, b"", {})
        await bury(outbox, record, Rejection(SchemaError("value", "is empty", "send one"), b""))
    return outbox.names


@pytest.mark.parametrize("topic", ["alerts.v1", "state.v1", "dead-letters.v1"])
def test_headers_are_those_that_are_sent(topic: str) -> None:
    assert told_headers(topic) == asyncio.run(sent_headers(topic))


def test_headers_of_references_are_those_that_are_sent() -> None:
    sent = {name for _, _, headers in wire_records("app", made.reference(120)) for name in headers}
    assert told_headers("references.v1") == sent
