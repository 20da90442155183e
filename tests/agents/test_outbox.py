"""What is sent, and how Kafka is reached."""

import asyncio
from typing import Any

import pytest

from agents.plumbing import REQUEST_BYTES, Outbox, client_options, credentials, make_app
from schemas.topics import TICKS
from tests.agents.doubles import settings


class Producer:
    """Faust's producer: sending gives a future, which the broker settles."""

    def __init__(self) -> None:
        self.sent: list[tuple[Any, ...]] = []
        self.futures: list[asyncio.Future[None]] = []

    async def maybe_start_producer(self) -> "Producer":
        return self

    async def send(self, *arguments: Any) -> "asyncio.Future[None]":
        self.sent.append(arguments)
        self.futures.append(asyncio.get_running_loop().create_future())
        return self.futures[-1]


def test_an_outbox_returns_when_the_broker_has_everything_and_raises_where_it_has_not() -> None:
    async def ran() -> list[tuple[Any, ...]]:
        producer = Producer()
        outbox = Outbox(producer, "p.")
        await outbox.send(TICKS, b"one", key=b"k", partition=2, headers={"h": b"v"})
        await outbox.send(TICKS, b"two")
        delivering = asyncio.create_task(outbox.deliver())
        producer.futures[0].set_result(None)
        await asyncio.sleep(0.01)
        assert not delivering.done()
        producer.futures[1].set_exception(ConnectionError("gone"))
        with pytest.raises(ConnectionError):
            await delivering
        await outbox.deliver()  # what failed is not waited for again
        return producer.sent

    assert asyncio.run(ran()) == [
        ("p.ticks.v1", b"k", b"one", 2, None, {"h": b"v"}),
        ("p.ticks.v1", None, b"two", None, None, {}),
    ]


def test_the_producer_leaves_it_to_the_broker_what_is_too_large() -> None:
    assert make_app(settings()).conf.producer_max_request_size == REQUEST_BYTES


def test_connection_options_are_those_of_the_settings() -> None:
    plain = settings(kafka={"bootstrap_servers": "a:1,b:2"})
    assert client_options(plain) == {"bootstrap_servers": "a:1,b:2", "security_protocol": "PLAINTEXT"}
    assert credentials(plain) is None
    secret = {"security_protocol": "SASL_SSL", "sasl_mechanism": "SCRAM-SHA-512", "sasl_username": "u"}
    guarded = settings(kafka={**secret, "sasl_password": "p"})
    options = client_options(guarded)
    assert (options["sasl_mechanism"], options["sasl_plain_username"], options["sasl_plain_password"]) == (
        "SCRAM-SHA-512",
        "u",
        "p",
    )
    assert options["ssl_context"].check_hostname
    held = credentials(guarded)
    assert (held.username, held.password, held.mechanism.value) == ("u", "p", "SCRAM-SHA-512")
