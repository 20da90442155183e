"""PagerDuty Events API v2: https://developer.pagerduty.com/docs/events-api-v2-overview

One deduplication key per incident; a body of at most 512 kB, a summary of at most 1,024 characters.
"""

from typing import Any

import msgspec

from app.adapters.wire import facts_of, page_of, plain
from app.core.messages import Message
from schemas.decisions import Alert
from schemas.events import Deployment

HOSTS = {"us": "https://events.pagerduty.com", "eu": "https://events.eu.pagerduty.com"}
SUMMARY, SOURCE, DEDUP_KEY = 1024, 255, 255
LARGEST_BODY = 400_000  # bytes; PagerDuty takes 512 kB
KEY_LENGTH = 32


def path_of(message: Message) -> str:
    """Where a message goes, below the host."""
    return "/v2/change/enqueue" if message.action == "change" else "/v2/enqueue"


def takes_changes(routing_key: str) -> bool:
    """Keys of rulesets, which begin with R, take no change events."""
    return not routing_key.startswith("R")


def body_of(message: Message, *, routing_key: str, page_url: str | None, examples: bool) -> bytes:
    """The JSON of a message."""
    if message.action == "change":
        return msgspec.json.encode(_change(message.value, routing_key))
    alert = msgspec.json.decode(message.value, type=Alert)
    event: dict[str, Any] = {
        "routing_key": routing_key,
        "event_action": message.action,
        "dedup_key": dedup_key(alert),
    }
    if message.action != "trigger":
        return msgspec.json.encode(event)
    event |= {"client": "promptdrift", "payload": _payload(alert), "links": _links(alert, page_url)}
    if page_url is not None:
        event["client_url"] = page_of(alert, page_url)
    body = msgspec.json.encode(_with_details(event, facts_of(alert, examples=examples)))
    if len(body) > LARGEST_BODY:
        body = msgspec.json.encode(_with_details(event, {"incident": alert.incident, "cut": "too large"}))
    return body


def dedup_key(alert: Alert) -> str:
    """One per incident; its parts are bounded, so that it always fits."""
    return f"promptdrift/{alert.application}/{alert.incident}"[:DEDUP_KEY]


def _payload(alert: Alert) -> dict[str, Any]:
    return {
        "summary": plain(f"[{alert.severity}] {alert.summary}", SUMMARY),
        "source": plain(alert.application, SOURCE),
        "severity": "error" if alert.kind == "health" else alert.severity,
        "timestamp": alert.updated_at.isoformat(),
        "component": plain(alert.monitor, SOURCE),
        "group": plain(alert.labels.get("environment", "production"), SOURCE),
        "class": plain(f"drift/{alert.kind}", SOURCE),
    }


def _with_details(event: dict[str, Any], details: dict[str, Any]) -> dict[str, Any]:
    return event | {"payload": event["payload"] | {"custom_details": details}}


def _links(alert: Alert, page_url: str | None) -> list[dict[str, str]]:
    links = []
    page = page_of(alert, page_url)
    if page is not None:
        links.append({"href": page, "text": "Live status"})
    if alert.runbook is not None:
        links.append({"href": alert.runbook, "text": "Runbook"})
    return links


def _change(value: bytes, routing_key: str) -> dict[str, Any]:
    deployment = msgspec.json.decode(value, type=Deployment)
    told = f"{deployment.application}: {deployment.kind} {deployment.version} {deployment.status}"
    if deployment.summary:
        told += f": {deployment.summary}"
    details = msgspec.to_builtins(deployment)
    details.pop("summary", None)
    change: dict[str, Any] = {
        "routing_key": routing_key,
        "payload": {
            "summary": plain(told, SUMMARY),
            "source": plain(deployment.application, SOURCE),
            "timestamp": deployment.time.isoformat(),
            "custom_details": {name: plain(str(each), 300) for name, each in details.items()},
        },
    }
    if deployment.url and deployment.url.startswith(("https://", "http://")):
        change["links"] = [{"href": deployment.url, "text": "Deployment"}]
    return change
