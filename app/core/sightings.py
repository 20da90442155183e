"""Versions that nobody told of: which of those seen in traffic count as deployments.

A version counts once it has served FEWEST_SERVED different users, from its first sight on.  So a name for
each request, and a system prompt that names its user, count for nothing; and where system prompts keep
changing by themselves (the date is in them) none of them is news.
"""

from typing import Any

from app.core.units import hash64
from schemas.ticks import Sample

PROMPT = "prompt:"  # of a deployment that is known by the hash of its system prompt
FEWEST_SERVED = 8
MOST_KNOWN, MOST_CANDIDATES = 512, 64
NEAR_SECONDS = 3600.0  # a system prompt that changes with a release is that release
MONTH_SECONDS, MOST_A_MONTH = 30 * 86_400.0, 8


class Sightings:
    """Names seen in the samples of one application.  Restorable between calls."""

    def __init__(self) -> None:
        self._known: dict[str, float] = {}  # name -> when it began; told, standing, or counted already
        self._candidates: dict[str, tuple[float, list[int]]] = {}  # name -> first sight, users
        self._counted: list[float] = []  # system prompts of the last month

    def tell(self, name: str, time: float) -> None:
        """A version that is known otherwise is no news."""
        self._candidates.pop(name, None)
        self._known.pop(name, None)
        self._known[name] = time
        if len(self._known) > MOST_KNOWN:
            del self._known[next(iter(self._known))]

    def observe(self, sample: Sample, *, standing: bool = False) -> list[tuple[str, float]]:
        """Names that count from this sample on, with their first sight.

        `standing`: whatever serves now stood before anything was deployed.
        """
        found = []
        for name in names_of(sample):
            if standing and name not in self._known:
                self.tell(name, float("-inf"))
            elif name not in self._known and self._enough(name, sample):
                first = round(self._candidates[name][0], 3)
                if self._is_news(name, first):
                    found.append((name, first))
                self.tell(name, first)
        return found

    def _enough(self, name: str, sample: Sample) -> bool:
        users = self._candidates.setdefault(name, (sample.time, []))[1]
        user = hash64(sample.id) if sample.key is None else sample.key
        if user not in users:
            users.append(user)
        if len(self._candidates) > MOST_CANDIDATES:
            del self._candidates[next(iter(self._candidates))]
        return len(users) >= FEWEST_SERVED

    def _is_news(self, name: str, first: float) -> bool:
        """Not the first of its kind; of system prompts, neither a release's nor one of too many."""
        prompt = name.startswith(PROMPT)
        if not any(known.startswith(PROMPT) == prompt for known in self._known):
            return False
        if not prompt:
            return True
        if any(abs(at - first) <= NEAR_SECONDS for at in self._known.values()):
            return False
        month = [at for at in self._counted if at > first - MONTH_SECONDS]
        self._counted = [*month[-MOST_A_MONTH:], first]
        return len(self._counted) <= MOST_A_MONTH

    def snapshot(self) -> dict[str, Any]:
        """State as a value for msgpack."""
        # Hashes of users have 64 bits, more than msgpack's signed integers hold everywhere.
        waiting = [(n, first, [str(u) for u in users]) for n, (first, users) in self._candidates.items()]
        return {"known": list(self._known.items()), "candidates": waiting, "counted": self._counted}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a snapshot."""
        self._known = {name: at for name, at in state["known"]}
        self._candidates = {n: (first, [int(u) for u in users]) for n, first, users in state["candidates"]}
        self._counted = list(state["counted"])


def names_of(sample: Sample) -> list[str]:
    """What a sample names as having served it: its deployment, its system prompt."""
    named = [] if sample.deployment_id is None else [sample.deployment_id]
    return named if sample.system_prompt is None else [*named, PROMPT + sample.system_prompt]
