import asyncio
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from aiohttp import ClientSession, web
from prometheus_client.parser import text_string_to_metric_families

from agents import health, telemetry
from agents.worker import not_ready
from tests.agents.doubles import HeldLibrary


def fetched(path: str, ready: Callable[[], str | None] = lambda: None) -> tuple[int, str, str]:
    async def ran() -> tuple[int, str, str]:
        runner = await health.serve("127.0.0.1", 0, ready=ready)
        try:
            assert isinstance(runner, web.AppRunner)
            host, port = runner.addresses[0][:2]
            async with ClientSession() as session, session.get(f"http://{host}:{port}{path}") as answer:
                return answer.status, await answer.text(), answer.headers["Content-Type"]
        finally:
            await runner.cleanup()

    return asyncio.run(ran())


def test_a_worker_that_serves_is_alive() -> None:
    assert fetched("/livez", lambda: "not yet")[:2] == (200, "alive\n")


def test_a_worker_says_whether_it_is_ready_and_why_not() -> None:
    assert fetched("/readyz")[:2] == (200, "ready\n")
    assert fetched("/readyz", lambda: "references are still being read")[:2] == (
        503,
        "references are still being read\n",
    )


def test_metrics_are_what_prometheus_reads() -> None:
    telemetry.RECORDS.labels("measure").inc(0)
    code, text, kind = fetched("/metrics")
    assert code == 200
    assert kind.startswith("text/plain")
    found = {family.name for family in text_string_to_metric_families(text)}
    assert {"promptdrift_records_consumed", "promptdrift_record_processing_duration_seconds"} <= found


def test_nothing_else_is_served() -> None:
    assert fetched("/")[0] == 404


@pytest.mark.parametrize(
    ("read", "unassigned", "rebalancing", "reason"),
    [
        (True, False, False, None),
        (False, False, False, "references are still being read"),
        (True, True, False, "no partitions assigned"),
        (True, False, True, "no partitions assigned"),
    ],
)
def test_readiness_is_references_and_partitions(
    read: bool, unassigned: bool, rebalancing: bool, reason: str | None
) -> None:
    library = HeldLibrary()
    if not read:
        library.ready.clear()
    app = SimpleNamespace(unassigned=unassigned, rebalancing=rebalancing)
    assert not_ready(app, library) == reason  # type: ignore[arg-type]
