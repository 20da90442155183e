"""Traces lead from a source's record to the alert, say no prompt text, and are nothing where they are off."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from agents import tracing
from agents.plumbing import Outbox, Record
from agents.tracing import Tracing, configured
from app.errors import SettingsError
from schemas.topics import ALERTS
from tests.agents.doubles import FakeApp, FakeStream, events
from tests.agents.test_plumbing import Notebook, lane, running, until

STAGES = ("ingest", "measure", "detect", "alert", "notify")
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CANARY = "cAnArY prompt"


def record(headers: dict[str, bytes], topic: str = "t") -> Record:
    return Record(topic, 0, 0, None, CANARY.encode(), {"baggage": CANARY.encode(), **headers})


def parent(span: int = 1, trace: str = TRACE) -> dict[str, bytes]:
    return {"traceparent": f"00-{trace}-{span:016x}-01".encode()}


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """What an exporter in memory was given."""
    export = pytest.importorskip("opentelemetry.sdk.trace.export", reason="the extra otel is not installed")
    memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    sdk = pytest.importorskip("opentelemetry.sdk.trace")
    exporter, provider = memory.InMemorySpanExporter(), sdk.TracerProvider()
    provider.add_span_processor(export.SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing, "current", Tracing(provider.get_tracer("test")))
    yield exporter
    provider.shutdown()


class Producer:
    """Takes what an outbox sends."""

    def __init__(self) -> None:
        self.headers: list[dict[str, bytes]] = []

    async def maybe_start_producer(self) -> "Producer":
        return self

    async def send(self, *sent: Any) -> Any:
        self.headers.append(sent[-1])
        return asyncio.sleep(0)


def test_a_trace_leads_from_the_first_stage_to_the_last(spans: Any) -> None:
    async def road() -> None:
        headers = parent()
        for stage in STAGES:
            producer = Producer()
            with tracing.current.batch(stage, [record(headers)]):
                outbox = Outbox(producer, "p.")
                await outbox.send(ALERTS, b"", headers={"severity": b"critical"})
                await outbox.deliver()
            headers = producer.headers[0]
            assert headers["severity"] == b"critical"

    asyncio.run(road())
    found = spans.get_finished_spans()
    assert [span.name for span in found] == [f"{stage} process" for stage in STAGES]
    assert {f"{span.context.trace_id:032x}" for span in found} == {TRACE}
    assert [span.parent.span_id for span in found] == [1, *(span.context.span_id for span in found[:-1])]
    assert CANARY not in "".join(span.to_json() for span in found)


def test_a_batch_of_several_traces_begins_its_own_and_names_them(spans: Any) -> None:
    others = [parent(2), parent(3, "a" * 32), parent(2), {}, {"traceparent": b"nonsense \xff"}]
    with tracing.current.batch("measure", [record(each) for each in others]):
        pass
    (span,) = spans.get_finished_spans()
    assert span.parent is None
    assert {link.context.span_id for link in span.links} == {2, 3}
    assert span.attributes["messaging.batch.message_count"] == 5


def test_an_error_is_named_by_its_kind_and_not_by_its_words(spans: Any) -> None:
    with pytest.raises(ValueError, match=CANARY), tracing.current.batch("detect", [record({})]):
        raise ValueError(CANARY)
    (span,) = spans.get_finished_spans()
    assert (span.status.is_ok, span.status.description, span.events) == (False, "ValueError", ())
    assert CANARY not in span.to_json()


def test_a_lane_gives_each_batch_its_span_and_silence_none(spans: Any) -> None:
    async def ran() -> None:
        stream = FakeStream()
        async with running(lane(FakeApp(), Notebook(stream), batch_events=2), stream):
            stream.put(*events(4))
            await until(lambda: len(stream.acks) == 4)

    asyncio.run(ran())
    counts = [span.attributes["messaging.batch.message_count"] for span in spans.get_finished_spans()]
    assert (sum(counts), min(counts) > 0) == (4, True)


def test_off_it_does_nothing_and_imports_nothing() -> None:
    assert configured("worker", {}) is tracing.OFF
    asked = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"}
    assert configured("worker", asked) is tracing.OFF
    with tracing.OFF.batch("measure", [record(parent())]):
        assert tracing.OFF.carried() == {}
    told = "import sys, agents.tracing as t; t.start('w', {}); print('opentelemetry.sdk' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_what_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(SettingsError, match="extra `otel`"):
        configured("worker", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"})
