"""Which versions serve an application, when a new one came, and how users fell into them."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import msgspec

from schemas.events import Deployment
from schemas.outcomes import Served

MOST_VERSIONS = 8
ENOUGH = 20  # interactions of a new version until it counts as a release: a name per request makes none
MOST_USERS = 20_000
MOST_CUTS = 4096
NOBODY = -1  # the number of versions that are not kept


class Version(msgspec.Struct, array_like=True):
    """One deployment, perhaps one variant of it."""

    deployment_id: str | None
    variant: str | None
    rows: int = 0  # interactions served
    first: float = 0.0
    last: float = 0.0
    released: int | None = None  # the bucket after which it counts as serving

    @property
    def name(self) -> str:
        """As people read it."""
        return "/".join(part for part in (self.deployment_id, self.variant) if part) or "unnamed"


class Versions:
    """At most MOST_VERSIONS, by number; numbers are never used again."""

    def __init__(self) -> None:
        self.known: dict[int, Version] = {}
        self._next = 0
        self._releases: list[int] = []  # buckets after which a new version could serve, the latest last

    def sight(self, row: Served) -> int:
        """The number of the version that served, which is counted."""
        number = self.find(row.deployment_id, row.variant)
        if number is None:
            number = self._admit(Version(row.deployment_id, row.variant, first=row.at, last=row.at))
        if number != NOBODY:
            version = self.known[number]
            version.rows += 1
            version.last = max(version.last, row.at)
        return number

    def find(self, deployment_id: str | None, variant: str | None) -> int | None:
        """The number of a version that is known."""
        wanted = deployment_id, variant
        return next((n for n, v in self.known.items() if (v.deployment_id, v.variant) == wanted), None)

    def named(self, deployment_id: str, time: float) -> int:
        """The version of a deployment that an outcome at a time names: its only variant, or all of them."""
        fit = [n for n, v in self.known.items() if v.deployment_id == deployment_id and v.first <= time]
        if len(fit) == 1:
            return fit[0]
        whole = self.find(deployment_id, None)
        return self._admit(Version(deployment_id, None, first=time, last=time)) if whole is None else whole

    def _admit(self, version: Version) -> int:
        if len(self.known) >= MOST_VERSIONS:
            small = [n for n, v in self.known.items() if v.released is None]
            oldest = min(self.known, key=lambda n: (self.known[n].last, n))
            gone = min(small, key=lambda n: (self.known[n].last, n)) if small else oldest
            if self.known[gone].last >= version.first:
                return NOBODY
            del self.known[gone]
        number, self._next = self._next, self._next + 1
        self.known[number] = version
        return number

    def close(self, bucket: int) -> bool:
        """At the end of a bucket: whether a version beside those that served before has come."""
        fresh = [v for v in self.known.values() if v.released is None and v.rows >= ENOUGH]
        standing = any(v.released is not None for v in self.known.values())
        for version in fresh:
            version.released = bucket
        if fresh and (standing or len(fresh) > 1):
            self._releases = [*self._releases, bucket][-MOST_VERSIONS:]
            return True
        return False

    def release(self, bucket: int) -> int | None:
        """The last bucket before this one in which a version came; None: there was always one."""
        return max((each for each in self._releases if each < bucket), default=None)

    def snapshot(self) -> dict[str, Any]:
        """State as a value for msgpack."""
        return {"known": self.known, "next": self._next, "releases": self._releases}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a snapshot."""
        self.known = {int(n): msgspec.convert(v, Version) for n, v in state["known"].items()}
        self._next, self._releases = state["next"], list(state["releases"])


@dataclass(frozen=True, slots=True)
class Split:
    """Users of each version since a release, and users that several served."""

    users: dict[int, int]
    both: int


class Splits:
    """Where each user was first served since the last release; at most MOST_USERS users.

    What it was at each bucket is remembered, at most MOST_CUTS times, for outcomes are read later than that.
    """

    def __init__(self) -> None:
        self._first: dict[int, int] = {}
        self._counts: Counter[int] = Counter()
        self._both: set[int] = set()
        self._cuts: list[tuple[int, list[tuple[int, int]], int]] = []
        self._moved = False

    def observe(self, user: int, version: int) -> None:
        """One interaction of a user."""
        first = self._first.get(user)
        if first is None and len(self._first) < MOST_USERS:
            self._first[user] = version
            self._counts[version] += 1
            self._moved = True
        elif first is not None and first != version and user not in self._both:
            self._both.add(user)
            self._moved = True

    def close(self, bucket: int, *, released: bool) -> None:
        """End of a bucket; after a release everything is counted anew."""
        if self._moved:
            self._cuts = [*self._cuts, (bucket, sorted(self._counts.items()), len(self._both))][-MOST_CUTS:]
            self._moved = False
        if released:
            self._first, self._counts, self._both = {}, Counter(), set()
            self._moved = True

    def at(self, bucket: int) -> Split:
        """As it was at the end of a bucket."""
        for number, counts, both in reversed(self._cuts):
            if number <= bucket:
                return Split(dict(counts), both)
        return Split({}, 0)

    def snapshot(self) -> dict[str, Any]:
        """State as a value for msgpack."""
        return {
            "first": list(self._first.items()),
            "both": sorted(self._both),
            "cuts": self._cuts,
            "moved": self._moved,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a snapshot."""
        self._first = {user: version for user, version in state["first"]}
        self._counts = Counter(self._first.values())
        self._both, self._moved = set(state["both"]), state["moved"]
        self._cuts = [(b, [(n, c) for n, c in counts], both) for b, counts, both in state["cuts"]]


class Plans:
    """Which share of users a version should get, as deployments told."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, str | None], float] = {}

    def record(self, deployment: Deployment) -> None:
        """Remember the share of a deployment that tells one; at most 64."""
        place = deployment.deployment_id, deployment.variant
        self._told.pop(place, None)
        if deployment.traffic_percent is not None and 0 < deployment.traffic_percent < 100:
            self._told[place] = deployment.traffic_percent / 100
        if len(self._told) > 64:
            del self._told[next(iter(self._told))]

    def shares(self, old: Version, new: Version) -> list[float]:
        """Of the users of both: [old, new]; empty where nobody told."""
        mine, other = self._place(new), self._place(old)
        if mine is None:
            return []
        own = self._told[mine]
        rest = 1 - own if other is None or other == mine else self._told[other]
        return [rest / (own + rest), own / (own + rest)]

    def _place(self, version: Version) -> tuple[str, str | None] | None:
        """Where the share of a version is told: its own, else its deployment's."""
        if version.deployment_id is None:
            return None
        places = (version.deployment_id, version.variant), (version.deployment_id, None)
        return next((place for place in places if place in self._told), None)

    def snapshot(self) -> list[tuple[str, str | None, float]]:
        """State as a value for msgpack."""
        return [(*place, share) for place, share in self._told.items()]

    def restore(self, state: list[tuple[str, str | None, float]]) -> None:
        """Take over a snapshot."""
        self._told = {(deployment, variant): share for deployment, variant, share in state}
