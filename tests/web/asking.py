"""When the server is asked, and how it refuses."""

from datetime import UTC, datetime

NOW = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)
PROBLEM = "application/problem+json"


class Clock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now
