"""A webhook of yours: one CloudEvent a transition, structured JSON, signed.

X-Promptdrift-Timestamp: 1772355600
X-Promptdrift-Signature-256: sha256=HMAC-SHA256(secret, timestamp + "." + body), in hex

Check the signature in constant time, refuse what is older than some minutes, and count each `id` once.
"""

import hashlib
import hmac
from typing import Any

import msgspec

from app.adapters.wire import without_examples
from app.core.messages import Message
from schemas.decisions import Alert

MEDIA_TYPE = "application/cloudevents+json; charset=utf-8"
LONGEST = 2000  # characters of any text


def body_of(message: Message, *, examples: bool) -> bytes:
    """The CloudEvent of a message: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md"""
    alert = msgspec.json.decode(message.value, type=Alert)
    shown = alert if examples else without_examples(alert)
    event = {
        "specversion": "1.0",
        "id": alert.alert_id,
        "type": f"io.promptdrift.alert.{alert.transition or alert.state}",
        "source": f"/promptdrift/{alert.application}",
        "subject": alert.incident,
        "time": alert.updated_at.isoformat(),
        "datacontenttype": "application/json",
        "dataschema": "urn:promptdrift:alerts.v1",
        "data": _cut(msgspec.to_builtins(shown)),
    }
    return msgspec.json.encode(event)


def signature(secret: str, body: bytes, now: int) -> dict[str, str]:
    """The headers that prove where a body comes from, and when.

    >>> signature("secret", b"{}", 1)["X-Promptdrift-Signature-256"][:23]
    'sha256=1122767b193110cf'
    """
    signed = hmac.new(secret.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Promptdrift-Timestamp": str(now), "X-Promptdrift-Signature-256": f"sha256={signed}"}


def _cut(value: Any) -> Any:  # noqa: ANN401  any JSON value
    """Long texts cut; everything else as it is on the topic: the reader is a program."""
    if isinstance(value, str):
        return value[:LONGEST]
    if isinstance(value, dict):
        return {name[:LONGEST]: _cut(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_cut(each) for each in value]
    return value
