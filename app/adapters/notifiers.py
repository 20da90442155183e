"""Sinks: who they are by the settings, and one way to speak HTTP to them."""

import contextlib
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import msgspec

from app.adapters import pagerduty, slack, webhook
from app.adapters.wire import plain
from app.core.messages import Answer, Message, Subscription
from app.errors import SettingsError
from app.settings import NotifySettings, SinkSettings

READ_BYTES = 4096  # of an answer
CONNECT_SECONDS = 5.0
SLACK_WORD = re.compile(rb"[a-z_]{1,40}")
PAGING = frozenset({"trigger", "acknowledge", "resolve"})
EVERYTHING = PAGING | {"update"}
ACTIONS = {"pagerduty": PAGING, "slack": EVERYTHING, "webhook": EVERYTHING, "log": EVERYTHING}
FAMILIAR = (
    SinkSettings(name="pagerduty", kind="pagerduty", secret_env="PAGERDUTY_ROUTING_KEY"),
    SinkSettings(name="slack", kind="slack", secret_env="SLACK_WEBHOOK_URL"),
)


@dataclass(frozen=True, slots=True)
class Request:
    """One POST."""

    url: str
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sink:
    """Somebody to tell.  `request` renders a message; None only for the log."""

    name: str
    kind: str
    subscription: Subscription
    changes: bool
    secret: str = field(default="", repr=False)
    request: Callable[[Message], Request] | None = None


def sinks_of(settings: NotifySettings, environment: Mapping[str, str] = os.environ) -> dict[str, Sink]:
    """Every sink by its name: those of the settings, else those whose familiar variables are set.

    Raises: SettingsError naming the setting and the remedy.
    """
    given = settings.sinks or [sink for sink in FAMILIAR if environment.get(str(sink.secret_env))]
    sinks: dict[str, Sink] = {}
    for i, sink in enumerate(given):
        place = f"notify.sinks[{i}]"
        if sink.name in sinks:
            raise SettingsError(f"{place}.name: {sink.name!r} is taken; names must differ")
        sinks[sink.name] = _sink(sink, settings, _secret(sink, place, environment), place)
    return sinks


def _sink(sink: SinkSettings, settings: NotifySettings, secret: str, place: str) -> Sink:
    requests: dict[str, Callable[..., Callable[[Message], Request] | None]] = {
        "pagerduty": _pagerduty,
        "slack": _slack,
        "webhook": _webhook,
        "log": lambda *_: None,
    }
    return Sink(
        name=sink.name,
        kind=sink.kind,
        subscription=Subscription(
            actions=ACTIONS[sink.kind], severity=sink.severity, muted=sink.kind == "log"
        ),
        changes=sink.changes and sink.kind == "pagerduty" and pagerduty.takes_changes(secret),
        secret=secret,
        request=requests[sink.kind](sink, settings, secret, place),
    )


def _pagerduty(
    sink: SinkSettings, settings: NotifySettings, key: str, place: str
) -> Callable[[Message], Request]:
    if len(key) != pagerduty.KEY_LENGTH or not key.isalnum():
        raise SettingsError(
            f"{place}: the secret is no routing key of PagerDuty: 32 letters and digits, from "
            "the service's integration `Events API v2`; set it with secret_env or secret_file"
        )
    host = (sink.url or pagerduty.HOSTS[sink.region]).rstrip("/")

    def request(message: Message) -> Request:
        body = pagerduty.body_of(
            message, routing_key=key, page_url=settings.page_url, examples=settings.examples
        )
        return Request(host + pagerduty.path_of(message), body, {"Content-Type": "application/json"})

    return request


def _slack(
    sink: SinkSettings, settings: NotifySettings, url: str, place: str
) -> Callable[[Message], Request]:
    if not url.startswith(("https://", "http://")):
        raise SettingsError(f"{place}: the secret of a slack sink is the whole URL of its incoming webhook")

    def request(message: Message) -> Request:
        body = slack.body_of(message, page_url=settings.page_url, examples=settings.examples)
        return Request(url, body, {"Content-Type": "application/json"})

    return request


def _webhook(
    sink: SinkSettings, settings: NotifySettings, secret: str, place: str
) -> Callable[[Message], Request]:
    url = sink.url
    if url is None:
        raise SettingsError(f"{place}.url: a webhook needs one")
    if not secret:
        raise SettingsError(f"{place}: a webhook is signed; set its secret with secret_env or secret_file")

    def request(message: Message) -> Request:
        body = webhook.body_of(message, examples=settings.examples)
        signed = webhook.signature(secret, body, int(time.time()))
        return Request(url, body, {"Content-Type": webhook.MEDIA_TYPE, **signed})

    return request


def _secret(sink: SinkSettings, place: str, environment: Mapping[str, str]) -> str:
    if sink.secret_file is not None:
        try:
            return sink.secret_file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(
                f"{place}.secret_file: {sink.secret_file} cannot be read ({type(error).__name__})"
            ) from None
    if sink.secret_env is not None:
        found = environment.get(sink.secret_env, "").strip()
        if not found:
            raise SettingsError(f"{place}.secret_env: the variable {sink.secret_env} is not set")
        return found
    return ""


class Notifier:
    """Speaks to sinks over HTTP; one connection pool.  Every failure becomes an `Answer`, none is raised."""

    def __init__(self, settings: NotifySettings) -> None:
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None

    async def tell(self, sink: Sink, message: Message) -> Answer:
        """Send one message.  Cost: at most `timeout_seconds`."""
        if self._settings.dry_run or sink.request is None:
            return Answer(status=None if sink.request else 200, dry_run=self._settings.dry_run)
        began = time.monotonic()
        try:
            status, retry_after, said = await self._post(sink.request(message))
        except TimeoutError:
            status, retry_after, said = None, None, f"no answer within {self._settings.timeout_seconds:g} s"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            status, retry_after, said = None, None, f"{type(error).__name__}: {error}"
        reason = plain(said.replace(sink.secret, "***") if sink.secret else said, 300) or None
        return Answer(status=status, reason=reason, retry_after=retry_after, seconds=time.monotonic() - began)

    async def _post(self, request: Request) -> tuple[int, float | None, str]:
        async with self._opened().post(
            request.url, data=request.body, headers=dict(request.headers), allow_redirects=False
        ) as answer:
            if answer.status < 300:
                async for _ in answer.content.iter_chunked(READ_BYTES):
                    """To its end: half an answer is none."""
                return answer.status, None, ""
            retry_after = retry_seconds(answer.headers.get("Retry-After"))
            said = await answer.content.read(READ_BYTES)
            return answer.status, retry_after, _reason(answer.status, answer.reason or "", said)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=self._settings.timeout_seconds, connect=CONNECT_SECONDS)
            self._session = aiohttp.ClientSession(
                timeout=timeout, trust_env=True, connector=aiohttp.TCPConnector(ssl=_trust(self._settings))
            )
        return self._session

    async def close(self) -> None:
        """Give the connections back."""
        if self._session is not None:
            await self._session.close()


def _reason(status: int, phrase: str, said: bytes) -> str:
    """What a refusal says, as far as it can be no echo of what was sent: nobody's words come into a log.

    PagerDuty answers with `errors`, Slack with one word; anything else is left out.

    >>> _reason(400, "Bad Request", b'{"errors": ["Invalid routing key"], "echo": "what a user wrote"}')
    'HTTP 400 Bad Request: Invalid routing key'
    >>> _reason(404, "Not Found", b"no_service"), _reason(500, "", b"what a user wrote")
    ('HTTP 404 Not Found: no_service', 'HTTP 500')
    """
    told = said.decode("utf-8", "replace") if SLACK_WORD.fullmatch(said) else ""
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
        told = "; ".join(msgspec.json.decode(said, type=_Refusal).errors[:3])
    return f"HTTP {status} {phrase}".strip() + (f": {told}" if told else "")


class _Refusal(msgspec.Struct):
    errors: list[str] = []


def _trust(settings: NotifySettings) -> Any:  # noqa: ANN401  aiohttp's own
    if settings.ca_file is None:
        return True
    import ssl

    return ssl.create_default_context(cafile=str(settings.ca_file))


def retry_seconds(retry_after: str | None) -> float | None:
    """Seconds of a Retry-After header, which may be a date; None for what is neither.

    >>> retry_seconds("7"), retry_seconds("soon"), retry_seconds("Wed, 21 Oct 2015 07:28:00 GMT")
    (7.0, None, 0.0)
    """
    if retry_after is None:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None
