"""Slack incoming webhooks.  What came from outside is plain text there: no mention, no link, no markup."""

from typing import Any

import msgspec

from app.adapters.wire import facts_of, page_of, plain
from app.core.messages import Message
from schemas.decisions import Alert

HEADER, SECTION, FALLBACK = 150, 3000, 3000
SIGNS = {"critical": "🔴", "warning": "🟠", "resolved": "🟢", "unknown": "⚪"}


def body_of(message: Message, *, page_url: str | None, examples: bool) -> bytes:
    """The JSON of a message."""
    alert = msgspec.json.decode(message.value, type=Alert)
    sign = SIGNS["resolved" if alert.state == "resolved" else "unknown" if alert.unknown else alert.severity]
    title = plain(f"{alert.application}: {alert.transition or alert.state}, {alert.severity}", HEADER - 4)
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": _text(f"{sign} {title}")},
        {"type": "section", "text": _text(plain(alert.summary, SECTION))},
    ]
    facts = _facts(alert, examples=examples)
    if facts and message.action == "trigger":
        blocks.append({"type": "section", "text": _text(facts)})
    links = {"Live status": page_of(alert, page_url), "Runbook": alert.runbook}
    shown = [f"<{escaped(url)}|{name}>" for name, url in links.items() if url]
    if shown:
        blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": "  ".join(shown)}]})
    fallback = escaped(plain(f"{title}: {alert.summary}", FALLBACK // 5))
    return msgspec.json.encode({"text": fallback, "blocks": blocks, "unfurl_links": False})


def escaped(text: str) -> str:
    """For where Slack reads markup: https://docs.slack.dev/messaging/formatting-message-text

    >>> escaped("<!channel> & <https://x|y>")
    '&lt;!channel&gt; &amp; &lt;https://x|y&gt;'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _text(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _facts(alert: Alert, *, examples: bool) -> str:
    facts = facts_of(alert, examples=examples)
    lines = []
    for cluster in facts.get("clusters", []):
        lines.append(f"{cluster['name']}: {cluster['share_before']:.1%} → {cluster['share_now']:.1%}")
        lines += [f"    “{text}”" for text in cluster.get("examples", [])]
    if alert.deployment is not None:
        lines.append(f"after deployment {facts['deployment_before']}")
    return "\n".join(lines)[:SECTION]
