"""One way to reach Redis, and one way for it to fail."""

import re
from asyncio import LimitOverrunError
from collections.abc import Iterator
from contextlib import contextmanager

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from app.errors import DependencyError, SettingsError

CONNECTIONS = 20  # a fixed few: commands wait for one rather than fail
RETRIES = 2  # of a lost connection; a slow server is not asked again: it would only get slower
TIMEOUT_SECONDS = 3.0
REMEDIES: tuple[tuple[tuple[type[Exception], ...], str], ...] = (  # the first that fits
    ((OutOfMemoryError,), "It is full: raise its maxmemory, or let it evict keys that expire."),
    ((ReadOnlyError,), "It is a read-only replica: name the primary in redis.url."),
    ((BusyLoadingError,), "It is loading its data after a start: wait."),
    ((AuthenticationError, NoPermissionError), "Correct user and password in redis.url."),
    ((RedisTimeoutError, TimeoutError), "It is too slow, or the road to it is: see what it is doing."),
    ((RedisConnectionError, OSError), "Is it running, and is its URL right?"),
)
OTHERWISE = "See its log."
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
PASSWORD = re.compile(r"([?&]password=).*", re.DOTALL)


def connect(url: str) -> Redis:
    """A client that connects at its first command.  Raises SettingsError for what is no Redis URL."""
    try:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS,
            timeout=TIMEOUT_SECONDS,
            decode_responses=True,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            health_check_interval=30,
            client_name="promptdrift",
            retry=Retry(
                ExponentialBackoff(cap=0.5, base=0.05), RETRIES, supported_errors=(RedisConnectionError,)
            ),
        )
    except ValueError:  # its text may quote parts of a password
        raise SettingsError(
            f"{without_password(url)!r} is no Redis URL: write redis://host:port/db, "
            "and in a password %23 for #, %2F for / and %3F for ?"
        ) from None
    return Redis.from_pool(pool)


def without_password(url: str) -> str:
    """The URL as it may be shown; by text, since a password that is not escaped spoils its parts.

    >>> without_password("redis://app:secret@cache:6379/0?timeout=5&password=secret")
    'redis://***@cache:6379/0?timeout=5&password=***'
    >>> without_password("app:se#cr/et@cache:6379")
    '***@cache:6379'
    >>> without_password("redis://cache:6379/0")
    'redis://cache:6379/0'
    """
    scheme = found[0] if (found := SCHEME.match(url)) else ""
    before, at, after = url.removeprefix(scheme).rpartition("@")
    if PASSWORD.search(before):
        return f"{scheme}***"  # what follows the @ may be its end
    return scheme + (at and "***@") + PASSWORD.sub(r"\1***", after)


@contextmanager
def reaching(url: str) -> Iterator[None]:
    """Turn every failure of Redis, and of the road to it, into a DependencyError; `url` is shown."""
    try:
        yield
    except (RedisError, OSError, TimeoutError, ValueError) as error:
        if isinstance(error, ValueError) and not isinstance(error.__context__, LimitOverrunError):
            raise  # not of the road: a line without end is, and the client has closed that connection
        told = str(error).rstrip(".") or type(error).__name__
        raise DependencyError(f"Redis at {url}: {told}. {_remedy(error)}") from error


def _remedy(error: BaseException | None) -> str:
    """What to do, by the error or by what caused it: a transaction wraps the one that matters."""
    while error is not None:
        for kinds, remedy in REMEDIES:
            if isinstance(error, kinds):
                return remedy
        error = error.__cause__
    return OTHERWISE
