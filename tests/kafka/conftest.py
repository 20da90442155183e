"""One real broker and one real Redis for all tests that ask, or a skip that says why there is none."""

from collections.abc import Iterator

import pytest

from tests.rig import probe
from tests.rig.broker import ClasspathError, KafkaBroker, classpath
from tests.rig.redis import RedisServer


@pytest.fixture(scope="session")
def kafka_jars() -> str:
    """Kafka's class path, for tests that start (and crash) brokers; downloaded at first use."""
    if reason := probe.why_no_own_kafka():
        pytest.skip(f"no real Kafka: {reason}")
    try:
        return classpath()
    except ClasspathError as error:
        pytest.skip(f"no real Kafka: {error}")


@pytest.fixture(scope="session")
def broker(kafka_jars: str) -> Iterator[KafkaBroker]:
    """A real Kafka of ours, which a test may crash if it brings it back."""
    with KafkaBroker() as started:  # from here on a failure is a failure
        yield started


@pytest.fixture(scope="session")
def kafka_bootstrap(request: pytest.FixtureRequest) -> str:
    """Bootstrap servers of a real Kafka; tests use topic and group names of their own, for it is shared."""
    if given := probe.given_kafka():
        return given
    started: KafkaBroker = request.getfixturevalue("broker")
    return started.bootstrap


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """URL of a real Redis, empty at the start of the session."""
    if reason := probe.why_no_redis():
        pytest.skip(f"no real Redis: {reason}")
    with RedisServer() as server:
        yield server.url
