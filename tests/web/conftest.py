"""A plausible day, served: the store, its clock and a client."""

import asyncio
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from app.adapters.status import InMemoryStatusStore
from app.settings import ApiSettings
from app.web.server import create_app
from tests.web import samples
from tests.web.asking import NOW, Clock

AT_ONCE = ApiSettings(fresh_seconds=0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> InMemoryStatusStore:
    filled = InMemoryStatusStore(clock=clock)
    asyncio.run(samples.fill(filled, NOW))
    return filled


@pytest.fixture
def client(store: InMemoryStatusStore, clock: Clock) -> Iterator[TestClient]:
    with TestClient(create_app(store, AT_ONCE, clock=clock)) as client:
        yield client
