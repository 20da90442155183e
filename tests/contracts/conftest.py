"""Every status store: in memory, on a fake Redis, on Redis and on Valkey."""

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from fakeredis import TcpFakeServer
from redis import Redis

from app.adapters.status import InMemoryStatusStore, RedisStatusStore
from tests.contracts.stores import Make
from tests.rig.redis import RedisServer


@pytest.fixture(scope="module")
def fake_url() -> Iterator[str]:
    server = TcpFakeServer(("127.0.0.1", 0), server_version=(7, 0))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"redis://127.0.0.1:{server.server_address[1]}/0"
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture(scope="module")
def servers() -> Iterator[Callable[[str], str]]:
    """Starts each program once, at its first use."""
    running: dict[str, RedisServer] = {}
    with ExitStack() as stack:

        def url_of(name: str) -> str:
            program = shutil.which(name)
            if program is None:
                pytest.skip(f"no {name} on PATH")
            if name not in running:
                running[name] = stack.enter_context(RedisServer(program))
            return running[name].url

        yield url_of


@pytest.fixture(
    params=[
        "memory",
        "fake",
        pytest.param("redis-server", marks=pytest.mark.redis),
        pytest.param("valkey-server", marks=pytest.mark.valkey),
    ]
)
def make(request: pytest.FixtureRequest, servers: Callable[[str], str]) -> Make:
    """Makes stores that share nothing with those of other tests."""
    if request.param == "memory":
        return lambda limits: InMemoryStatusStore(limits=limits)
    fake = request.param == "fake"
    url: str = request.getfixturevalue("fake_url") if fake else servers(request.param)
    with Redis.from_url(url) as client:
        client.flushall()
    return lambda limits: RedisStatusStore(url, limits=limits)
