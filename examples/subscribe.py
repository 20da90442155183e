"""Subscribe to incidents: a program of yours on the topic of alerts.  Needs confluent-kafka, nothing of ours.

KAFKA_BOOTSTRAP_SERVERS=localhost:9092 python examples/subscribe.py

Headers are enough to choose by; the value is opened only for what is wanted.  Kafka delivers at least once:
`alert_id` names a transition, so one that comes again is recognised.  Offsets are committed after the work.
"""

import json
import os
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from confluent_kafka import Consumer

TOPIC = os.environ.get("ALERTS_TOPIC", "promptdrift.alerts.v1")
REMEMBERED = 10_000


def subscribe(group: str, **wanted: str) -> Iterator[dict[str, Any]]:
    """Alerts whose headers have these values, each once; acknowledged when the next one is asked for."""
    consumer = Consumer(
        {
            "bootstrap.servers": os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092"),
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([TOPIC])
    seen: OrderedDict[bytes, None] = OrderedDict()
    try:
        while True:
            message = consumer.poll(1.0)
            if message is None or message.error():
                continue
            headers = dict(message.headers() or [])
            fits = all(headers.get(name) == value.encode() for name, value in wanted.items())
            if fits and headers.get("alert_id", b"") not in seen:
                yield json.loads(message.value())
                seen[headers.get("alert_id", b"")] = None
                if len(seen) > REMEMBERED:
                    seen.popitem(last=False)
            consumer.commit(message, asynchronous=False)
    finally:
        consumer.close()


if __name__ == "__main__":
    for alert in subscribe("my-program", state="firing", muted="false"):
        print(alert["transition"], alert["severity"], alert["application"], repr(alert["summary"]))
