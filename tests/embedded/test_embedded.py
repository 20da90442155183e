"""The embedded servers behave like the real ones where we lean on them."""

import pytest
import redis
from confluent_kafka.admin import AdminClient

from app.adapters.embedded import Embedded
from schemas.topics import CATALOGUE

pytestmark = pytest.mark.embedded


def test_every_topic_is_there_and_redis_answers() -> None:
    with Embedded(partitions=4) as embedded:
        admin = AdminClient({"bootstrap.servers": embedded.bootstrap, "log_level": 0})
        found = admin.list_topics(timeout=10).topics
        client = redis.Redis.from_url(embedded.redis_url)
        assert client.ping()
        client.close()

    assert {f"promptdrift.{topic.name}" for topic in CATALOGUE} <= set(found)
    assert len(found["promptdrift.interactions.v1"].partitions) == 4


def test_leaving_ends_the_child_though_somebody_is_still_connected() -> None:
    with Embedded() as embedded:
        client = redis.Redis.from_url(embedded.redis_url)
        assert client.ping()

    assert embedded._process.returncode == 0  # by itself; it was not killed
    client.close()
