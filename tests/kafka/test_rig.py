"""The rig itself: a real broker carries records of both client libraries and survives a crash."""

import asyncio
import os
import uuid
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from confluent_kafka import Consumer, KafkaError, Message, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from redis import Redis

from tests.rig import process
from tests.rig.broker import BrokerError, ClasspathError, KafkaBroker, classpath
from tests.rig.process import free_ports

RECORDS = [(f"key-{n % 7}".encode(), f"value-{n}".encode()) for n in range(100)]


def create_topic(bootstrap: str, partitions: int = 3) -> str:
    name = f"rig.{uuid.uuid4().hex}"
    admin = AdminClient({"bootstrap.servers": bootstrap})
    wanted = NewTopic(name, partitions, -1)  # -1: as many copies as the broker makes by default
    admin.create_topics([wanted])[name].result(timeout=60)
    return name


def produce_all(bootstrap: str, topic: str) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "partitioner": "murmur2_random"})
    for key, value in RECORDS:
        producer.produce(topic, key=key, value=value)
    assert producer.flush(20) == 0


def consume_all(bootstrap: str, topic: str) -> list[tuple[bytes, bytes]]:
    settings = {"bootstrap.servers": bootstrap, "group.id": f"{topic}.group", "auto.offset.reset": "earliest"}
    consumer = Consumer(settings)
    try:
        consumer.subscribe([topic])
        seen: list[tuple[bytes, bytes]] = []
        while len(seen) < len(RECORDS):
            batch = consumer.consume(len(RECORDS), timeout=60)
            assert batch, f"the broker sent nothing for 20 s after {len(seen)} records"
            seen += [(message.key(), message.value()) for message in batch]
        consumer.commit(asynchronous=False)
        return seen
    finally:
        consumer.close()


@pytest.mark.kafka
def test_confluent_kafka_round_trip(kafka_bootstrap: str) -> None:
    topic = create_topic(kafka_bootstrap)
    produce_all(kafka_bootstrap, topic)
    assert sorted(consume_all(kafka_bootstrap, topic)) == sorted(RECORDS)


@pytest.mark.kafka
def test_aiokafka_round_trip(kafka_bootstrap: str) -> None:
    topic = create_topic(kafka_bootstrap)

    async def there_and_back() -> list[tuple[bytes, bytes]]:
        async with AIOKafkaProducer(bootstrap_servers=kafka_bootstrap, acks="all") as producer:
            for key, value in RECORDS:
                await producer.send(topic, key=key, value=value)
        settings = {"bootstrap_servers": kafka_bootstrap, "group_id": f"{topic}.group"}
        async with AIOKafkaConsumer(topic, auto_offset_reset="earliest", **settings) as consumer:
            seen = [await asyncio.wait_for(consumer.getone(), 60) for _ in RECORDS]
            await consumer.commit()
            return [(record.key, record.value) for record in seen]

    assert sorted(asyncio.run(there_and_back())) == sorted(RECORDS)


@pytest.mark.kafka
def test_both_libraries_put_a_key_on_the_same_partition(kafka_bootstrap: str) -> None:
    """Ticks and state are kept by partition: two partitioners would scatter one user over both."""
    topic = create_topic(kafka_bootstrap, partitions=8)
    landed: dict[bytes, int] = {}

    def note(_: object, message: Message) -> None:
        landed[message.key()] = message.partition()

    producer = Producer({"bootstrap.servers": kafka_bootstrap, "partitioner": "murmur2_random"})
    for key, value in RECORDS[:7]:
        producer.produce(topic, key=key, value=value, on_delivery=note)
    assert producer.flush(20) == 0

    async def partitions() -> dict[bytes, int]:
        async with AIOKafkaProducer(bootstrap_servers=kafka_bootstrap) as client:
            sent = [await client.send_and_wait(topic, value, key) for key, value in RECORDS[:7]]
            return {key: record.partition for (key, _), record in zip(RECORDS, sent, strict=False)}

    assert asyncio.run(partitions()) == landed


@pytest.mark.kafka
def test_an_unknown_topic_is_refused(kafka_bootstrap: str) -> None:
    admin = AdminClient({"bootstrap.servers": kafka_bootstrap})
    name = f"rig.{uuid.uuid4().hex}"
    found = admin.list_topics(name, timeout=60).topics[name]
    assert found.error is not None
    assert found.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART


@pytest.mark.kafka
def test_a_port_taken_by_another_broker_is_not_mistaken_for_ours(
    broker: KafkaBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    offers = [[int(broker.nodes[0].address.split(":")[1]), *free_ports(1)], free_ports(2)]
    monkeypatch.setattr("tests.rig.broker.free_ports", lambda _: offers.pop(0))
    with KafkaBroker() as second:
        assert offers == []
        assert second.bootstrap != broker.bootstrap
        pid = second.nodes[0].pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.kafka
@pytest.mark.usefixtures("kafka_jars")
def test_a_broker_that_cannot_start_says_why_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(BrokerError, match=r"no\.such\.Authorizer"):
        KafkaBroker(settings={"authorizer.class.name": "no.such.Authorizer"}).start()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.kafka
def test_the_class_path_is_resolved_once(kafka_jars: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.rig.broker.shutil.which", lambda _: None)
    assert classpath() == kafka_jars


def test_without_maven_and_cache_the_reason_is_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PROMPTDRIFT_TEST_CACHE", str(tmp_path))
    monkeypatch.setattr("tests.rig.broker.shutil.which", lambda _: None)
    with pytest.raises(ClasspathError, match="mvn"):
        classpath()


@pytest.mark.redis
def test_redis_answers_and_keeps_nothing_on_disk(redis_url: str) -> None:
    with Redis.from_url(redis_url, decode_responses=True) as client:
        client.set("rig", "here", ex=60)
        assert client.get("rig") == "here"
        assert client.config_get("save") == {"save": ""}
        assert client.config_get("bind") == {"bind": process.LOOPBACK}
        client.delete("rig")


def test_ports_are_free_and_different() -> None:
    assert len(set(free_ports(20))) == 20
