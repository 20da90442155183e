"""The history of an application's eval set: what state its versions are in, and what may be done next.

Versions never change; only this list grows, one entry at a time, so two people who act at once are told
apart by who wrote the next number first (`adapters/evalsets`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from schemas.evalsets import Action, Entry, Manifest

State = Literal["draft", "approved", "promoted", "withdrawn"]


class NotAllowed(ValueError):
    """The history forbids it; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a history comes to: state of each version, and the promoted ones, oldest first."""

    states: dict[str, State]
    promoted: tuple[str, ...]
    published: bool  # whether workers were told of the current one

    @property
    def current(self) -> str | None:
        """The version in force."""
        return self.promoted[-1] if self.promoted else None


def standing(entries: Iterable[Entry]) -> Standing:
    """Fold a history.

    >>> from datetime import UTC, datetime
    >>> acts: list[Action] = ["built", "approved", "promoted"]
    >>> now = datetime(2026, 3, 2, tzinfo=UTC)
    >>> found = standing(Entry(number=i, time=now, action=a, version="v") for i, a in enumerate(acts, 1))
    >>> found.states, found.current, found.published
    ({'v': 'promoted'}, 'v', False)
    """
    states: dict[str, State] = {}
    promoted: list[str] = []
    published: str | None = None
    for entry in entries:
        match entry.action:
            case "built":
                states.setdefault(entry.version, "draft")
            case "approved":
                states[entry.version] = "approved"
            case "promoted":
                states[entry.version] = "promoted"
                promoted = [*(v for v in promoted if v != entry.version), entry.version]
            case "published":
                published = entry.version
            case "withdrawn":
                states[entry.version] = "withdrawn"
                promoted = [v for v in promoted if v != entry.version]
    current = promoted[-1] if promoted else None
    return Standing(states, tuple(promoted), current is not None and published == current)


def due(entries: Sequence[Entry], *, now: datetime, every: timedelta, began: datetime | None) -> bool:
    """Whether it is time for another version; the first one is due so long after traffic `began`.

    >>> from datetime import UTC
    >>> monday, week = datetime(2026, 3, 2, tzinfo=UTC), timedelta(days=7)
    >>> built = [Entry(number=1, time=monday, action="built", version="v")]
    >>> [due(built, now=monday + days * week / 7, every=week, began=None) for days in (6, 7)]
    [False, True]
    >>> due([], now=monday, every=week, began=None), due([], now=monday + week, every=week, began=monday)
    (False, True)
    """
    last = max((entry.time for entry in entries if entry.action == "built"), default=began)
    return last is not None and now - last >= every


FROM: dict[Action, tuple[State | None, ...]] = {
    "built": (None, "draft", "approved", "promoted"),
    "approved": (None, "draft", "approved"),
    "promoted": ("approved",),
    "published": ("promoted",),
    "withdrawn": ("promoted",),
}


def check(action: Action, manifest: Manifest, entries: Sequence[Entry]) -> None:
    """Whether an action on a version may be the next entry.  Raises: NotAllowed."""
    found, name = standing(entries), manifest.id
    state = found.states.get(name)
    if state not in FROM[action]:
        wanted = " or ".join(s for s in FROM[action] if s)
        raise NotAllowed(f"{name} is {state or 'not in the history'}; only what is {wanted} can be {action}")
    if action in ("approved", "promoted"):
        _demand_filled(manifest)
    force = found.current or "no version"
    if action in ("published", "withdrawn") and found.current != name:
        raise NotAllowed(f"{force} is in force, not {name}")
    stale = manifest.previous != found.current
    if stale and (action == "built" or (action == "promoted" and found.current is not None)):
        base = manifest.previous or "no version"
        raise NotAllowed(f"{name} was built on {base}, and {force} is in force; build again")


def built_since(number: int, manifest: Manifest, entries: Sequence[Entry]) -> Entry | None:
    """The entry by which another curator built the same version, after the entry `number`; None without one.

    One proposal at a time is what a reviewer can look at.  Raises: NotAllowed where he built another version.
    """
    others = [entry for entry in entries if entry.number > number and entry.action == "built"]
    if others and others[-1].version != manifest.id:
        by = f" by {others[-1].by}" if others[-1].by else ""
        raise NotAllowed(f"{others[-1].version} was built meanwhile{by}; look at it, or build again")
    return others[-1] if others else None


def _demand_filled(manifest: Manifest) -> None:
    if manifest.underfilled:
        short = "; ".join(f"{s.name}: {s.found} of {s.wanted}" for s in manifest.underfilled)
        raise NotAllowed(f"{manifest.id} is not ready ({short}); give more samples, or change the plan")
