"""The API under 1,000 listeners and 500 status requests a second, beside a running worker."""

import argparse
import asyncio
import contextlib
import os
import resource
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np

from app.adapters.embedded import Embedded
from app.adapters.status import RedisStatusStore
from app.settings import Settings
from benchmarks import page
from benchmarks.streams import rows
from benchmarks.workers import cpu
from schemas.events import Interaction
from schemas.readings import Reading
from tests.rig import process
from tests.rig.live import Live
from tests.rig.redis import RedisServer
from tests.web import samples

LISTENERS, REQUESTS_A_SECOND, READINGS_A_SECOND, PROMPTS_A_SECOND = 1000, 500, 2.0, 30
CONNECTIONS, WARM_SECONDS, SECONDS = 64, 3.0, 15.0
BAR_MS, PATIENCE_SECONDS = 100.0, 20.0
APPLICATION = "box-support"
PATH = f"/v1/status/{APPLICATION}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Of one server: latencies in ms from when each request was due; events a second that a listener got;
    CPU in ms for each request, the feeds' included."""

    latencies: list[float]
    failed: int
    listeners: int
    events: float
    cpu_ms: float
    answer_bytes: int

    def quantile(self, share: float) -> float:
        """Of the latencies."""
        return float(np.quantile(self.latencies, share))


class Listener(asyncio.Protocol):
    """One open feed; counts what comes."""

    def __init__(self, counted: list[int]) -> None:
        self._counted = counted
        self.opened = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(b"GET /v1/events HTTP/1.1\r\nHost: bench\r\n\r\n")

    def data_received(self, data: bytes) -> None:
        if not self.opened.done():
            self.opened.set_result(data.startswith(b"HTTP/1.1 200"))
        self._counted[0] += data.count(b"data: ")


class Asker:
    """Asks over a few connections that stay open, at fixed times, whether or not the last answer has come."""

    def __init__(self) -> None:
        self._free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
        self.latencies: list[float] = []
        self.sizes: list[int] = []
        self.failed = 0

    async def connect(self, port: int) -> None:
        """Open the connections."""
        for _ in range(CONNECTIONS):
            self._free.put_nowait(await asyncio.open_connection("127.0.0.1", port))

    async def ask_for(self, seconds: float) -> None:
        """Until everything asked in this time was answered."""
        loop = asyncio.get_running_loop()
        began, asked = loop.time(), []
        for number in range(round(seconds * REQUESTS_A_SECOND)):
            due = began + number / REQUESTS_A_SECOND
            await asyncio.sleep(max(0.0, due - loop.time()))
            asked.append(asyncio.create_task(self._ask(due)))
        done, never = await asyncio.wait(asked, timeout=PATIENCE_SECONDS)
        for each in never:
            each.cancel()
        self.failed += len(never)
        self.latencies += [1000 * PATIENCE_SECONDS] * len(never)
        for each in done:
            each.result()

    async def _ask(self, due: float) -> None:
        reader, writer = await self._free.get()
        try:
            writer.write(f"GET {PATH} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
            await reader.readexactly(length)
        finally:
            self._free.put_nowait((reader, writer))
        self.failed += not head.startswith(b"HTTP/1.1 200")
        self.latencies.append(1000 * (asyncio.get_running_loop().time() - due))
        self.sizes.append(length)

    async def close(self) -> None:
        """Give the connections back."""
        while not self._free.empty():
            self._free.get_nowait()[1].close()


async def load(port: int, pid: int, seconds: float) -> Loaded:
    """Open the feeds, warm up, then measure."""
    loop, counted = asyncio.get_running_loop(), [0]
    feeds = [
        await loop.create_connection(lambda: Listener(counted), "127.0.0.1", port) for _ in range(LISTENERS)
    ]
    opened = sum(await asyncio.gather(*(listener.opened for _, listener in feeds)))
    warming, asker = Asker(), Asker()
    for each, how_long in ((warming, WARM_SECONDS), (asker, seconds)):
        await each.connect(port)
        spent, heard, began = cpu(pid), counted[0], loop.time()
        await each.ask_for(how_long)
        await each.close()
    over = loop.time() - began
    for transport, _ in feeds:
        transport.close()
    return Loaded(
        latencies=asker.latencies,
        failed=asker.failed,
        listeners=opened,
        events=(counted[0] - heard) / LISTENERS / over,
        cpu_ms=1000 * (cpu(pid) - spent) / len(asker.latencies),
        answer_bytes=round(sum(asker.sizes) / len(asker.sizes)),
    )


@contextlib.contextmanager
def served(command: list[str], folder: Path, port: int) -> Iterator[int]:
    """A server of its own process; its id."""
    running = process.start(command, folder / f"{port}.log")
    try:
        deadline = time.monotonic() + 60
        while not process_listens(port):
            assert running.poll() is None, process.tail(folder / f"{port}.log")
            assert time.monotonic() < deadline, process.tail(folder / f"{port}.log")
            time.sleep(0.1)
        yield running.pid
    finally:
        process.stop(running)


def process_listens(port: int) -> bool:
    """Whether anybody takes connections there."""
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0


class Traffic:
    """Prompts to the worker, and readings of a large application to the store, until it is stopped."""

    def __init__(self, live: Live, redis_url: str) -> None:
        self._live, self._url = live, redis_url
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=each, daemon=True) for each in (self._prompts, self._readings)
        ]

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(20)

    def _prompts(self) -> None:
        texts = [row["text"] for row in rows("intents_hwu64.jsonl.gz")]
        number = 0
        while not self._stopped.wait(1.0):
            now = datetime.now(UTC)
            events = [
                Interaction(application="bench", time=now, prompt=texts[n % len(texts)], user_hash=str(n))
                for n in range(number, number + PROMPTS_A_SECOND)
            ]
            number += PROMPTS_A_SECOND
            self._live.send(events)

    def _readings(self) -> None:
        asyncio.run(self._tell())

    async def _tell(self) -> None:
        store = RedisStatusStore(self._url)
        now = datetime.now(UTC)
        await samples.fill(store, now)
        document = await store.status(APPLICATION)
        assert document is not None
        last = msgspec.convert(document["readings"]["change"], Reading)
        number = 0
        while not self._stopped.is_set():
            number += 1
            time_ = last.time + timedelta(seconds=number)
            await store.put_reading(msgspec.structs.replace(last, id=f"load-{number}", time=time_))
            await asyncio.sleep(1.0 / READINGS_A_SECOND)
        await store.close()


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Of `python -m benchmarks status_load`."""
    command.add_argument("--seconds", type=float, default=SECONDS)


def main(chosen: argparse.Namespace) -> None:
    """Ours, then the empty application; the page is written by the full form alone."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4 * LISTENERS)), hard))
    seconds = 5.0 if chosen.quick else float(getattr(chosen, "seconds", SECONDS))
    found = measure(seconds)
    section = table(found)
    sys.stdout.write(section + "\n")
    if not chosen.quick:
        page.write("status_load", section)


def measure(seconds: float) -> dict[str, Loaded]:
    """Every server under the same load, one after another."""
    found: dict[str, Loaded] = {}
    with Embedded(partitions=4) as broker, RedisServer() as redis, tempfile.TemporaryDirectory() as folder:
        kafka = {"bootstrap_servers": broker.bootstrap, "partitions": 4}
        live = Live(Settings.model_validate({"kafka": kafka, "redis": {"url": redis.url}}), Path(folder))
        live.start_worker()
        try:
            with Traffic(live, redis.url):
                time.sleep(20.0)  # the worker has its partitions, and prompts to measure
                ours, empty = process.free_ports(2)
                environment = ["env", f"REDIS_URL={redis.url}", "PROMPTDRIFT_API__REQUESTS_PER_SECOND=0"]
                api = [*environment, sys.executable, "-m", "app.cli", "api", "--port", str(ours)]
                with served(api, Path(folder), ours) as pid:
                    found["promptdrift"] = asyncio.run(load(ours, pid, seconds))
                size = str(found["promptdrift"].answer_bytes)
                command = [sys.executable, "-m", "benchmarks.empty_app", str(empty), size, "700"]
                with served([*command, str(READINGS_A_SECOND)], Path(folder), empty) as pid:
                    found["empty FastAPI"] = asyncio.run(load(empty, pid, seconds))
        finally:
            live.close()
    return found


def table(found: dict[str, Loaded]) -> str:
    """A row a server, and the ratio of the two."""
    header = [
        "server", "listeners", "events a second each", "requests", "failed", "bytes an answer",
        "p50 ms", "p95 ms", "p99 ms", f"p99 under {BAR_MS:.0f}", "CPU ms a request",
    ]  # fmt: skip
    lines = [
        [
            name,
            f"{one.listeners:,}",
            f"{one.events:.1f}",
            f"{len(one.latencies):,}",
            str(one.failed),
            f"{one.answer_bytes:,}",
            *(f"{one.quantile(share):.1f}" for share in (0.5, 0.95, 0.99)),
            "yes" if one.quantile(0.99) < BAR_MS else "**no**",
            f"{one.cpu_ms:.2f}",
        ]
        for name, one in found.items()
    ]
    ours, empty = found.values()
    ratios = [f"{ours.quantile(share) / empty.quantile(share):.1f}x" for share in (0.5, 0.95, 0.99)]
    lines.append(["ratio", "", "", "", "", "", *ratios, "", f"{ours.cpu_ms / empty.cpu_ms:.1f}x"])
    load = os.getloadavg()[0]
    return page.table(header, lines) + f"\n\n{os.cpu_count()} cores; load average at the end {load:.1f}."
