"""A scorer of the user's own behind HTTP.

POST {"prompt": ..., "response": ..., "expected": ...}, answered by {"score": a number in [0, 1], or null}.
"""

import math
from dataclasses import asdict

from app.adapters.calls import Caller, Failure
from app.core.scorers import Answered, Score
from app.errors import SettingsError


class HttpScorer:
    """One URL.  What is no score is a Failure; `null` is a score that does not apply."""

    def __init__(self, url: str, *, caller: Caller | None = None) -> None:
        if not url.startswith(("http://", "https://")):
            raise SettingsError(f"scorer {url!r} must begin with http:// or https://")
        self._url, self._caller = url, caller or Caller()

    async def score(self, answered: Answered) -> Score | Failure:
        """Ask.  The texts go there as they are here: redacted."""
        known = {name: value for name, value in asdict(answered).items() if value is not None}
        found = await self._caller.post(self._url, known)
        if isinstance(found, Failure):
            return found
        score = found.get("score", math.nan)
        if score is None:
            return None
        number = isinstance(score, int | float) and not isinstance(score, bool)
        return float(score) if number and 0 <= score <= 1 else Failure("unusable", "score is not in [0, 1]")

    async def close(self) -> None:
        """Give the connections back."""
        await self._caller.close()
