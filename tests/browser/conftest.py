"""One Chromium and one server for the whole browser tier; each test finds the day of tests/web/samples.py."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from app.adapters.status import InMemoryStatusStore
from app.settings import ApiSettings
from app.web.hub import Hub
from app.web.server import create_app
from tests.browser.visit import Visit, chromium
from tests.web import samples
from tests.web.served import Served


class Site:
    """The page over a store in memory; `restart` ends the server and starts another on the same port."""

    def __init__(self) -> None:
        self.store = InMemoryStatusStore()
        self.start()

    def start(self, port: int = 0) -> None:
        hub = Hub(self.store, poll_seconds=0.05)
        self._served = Served(create_app(self.store, ApiSettings(fresh_seconds=0), hub=hub), port)
        self._served.__enter__()

    @property
    def base(self) -> str:
        return self._served.base

    def stop(self) -> int:
        """End it; its port, to start again."""
        port = self._served.port
        self._served.stop()
        return port

    def put(self, *facts: Any) -> None:
        """Write readings, alerts, deployments, deliveries."""
        for fact in facts:
            self.run(samples.put(self.store, fact))

    @staticmethod
    def run(story: Coroutine[Any, Any, object], seconds: float = 20) -> None:
        """Run aside: playwright keeps a loop of its own in this thread."""
        with ThreadPoolExecutor(1) as aside:
            aside.submit(asyncio.run, story).result(seconds)

    def refill(self) -> None:
        """As at the beginning."""
        InMemoryStatusStore.__init__(self.store)
        self.run(samples.fill(self.store, datetime.now(UTC)))


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="package")
def one_site() -> Iterator[Site]:
    site = Site()
    yield site
    site.stop()


@pytest.fixture
def site(one_site: Site) -> Site:
    one_site.refill()
    return one_site


@pytest.fixture
def visit(browser: Any, site: Site) -> Iterator[Visit]:
    """A desktop in light; whatever happens that should not is in its `troubles`."""
    visiting = Visit(browser, site.base)
    yield visiting
    visiting.close()


@pytest.fixture
def visits(browser: Any, site: Site) -> Iterator[Callable[..., Visit]]:
    """Makes visits with other screens."""
    opened: list[Visit] = []

    def visit(**options: Any) -> Visit:
        opened.append(Visit(browser, site.base, **options))
        return opened[-1]

    yield visit
    for each in opened:
        each.close()
