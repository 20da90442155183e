"""Which clusters are the same one: within an explanation, from window to window, from episode to episode."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from app.core.fixedpoint import WORDING_SCALE, Floats, pack, quantise, restore, unpack

KEPT = 64
ONE_TOPIC = 0.5  # likeness at which parts of one explanation are one topic
SAME_TOPIC = 0.8  # likeness at which a topic is one that was told before


@dataclass(frozen=True, slots=True)
class Place:
    """Where some units lie: their mean (d,), and how alike two of them are: their mean inner product."""

    mean: Floats
    cohesion: float
    units: int

    @classmethod
    def of(cls, rows: Floats, origin: Floats) -> "Place":
        """The place of m >= 1 unit vectors (m, d); of one unit the cohesion is its squared distance."""
        count, centred = len(rows), rows - origin
        total, squares = centred.sum(axis=0), float(np.square(centred).sum())
        pairs = count * (count - 1)
        cohesion = (float(total @ total) - squares) / pairs if pairs else squares
        return cls(rows.mean(axis=0), cohesion, count)


def likeness(one: Place, other: Place, origin: Floats) -> float:
    """How alike units of both are, where units of one are 1 and unrelated ones 0.

    Everything is seen from an origin, the baseline's mean: seen from 0, all prompts are alike.

    >>> a, b = Place.of(np.eye(3)[[0, 0]], np.zeros(3)), Place.of(np.eye(3)[[1, 1]], np.zeros(3))
    >>> likeness(a, a, np.zeros(3)), likeness(a, b, np.zeros(3))
    (1.0, 0.0)
    """
    if one.cohesion <= 0.0 or other.cohesion <= 0.0:
        return 0.0
    return float((one.mean - origin) @ (other.mean - origin)) / math.sqrt(one.cohesion * other.cohesion)


def joined(groups: Sequence[Floats], origin: Floats) -> list[list[int]]:
    """Numbers of the groups that are one topic, each with the first of its kind; in order."""
    places: list[Place] = []
    found: list[list[int]] = []
    for number, rows in enumerate(groups):
        place = Place.of(rows, origin)
        same = next(
            (k for k, known in enumerate(places) if likeness(place, known, origin) >= ONE_TOPIC), None
        )
        if same is None:
            places.append(place)
            found.append([number])
        else:
            found[same].append(number)
            places[same] = Place.of(np.concatenate([groups[i] for i in found[same]]), origin)
    return found


class Topics:
    """The clusters that were told last, at most KEPT, each with its id; about 50 KB.

    A cluster gets an id from its data when it is first told, and bears it whenever it is told again.
    """

    def __init__(self) -> None:
        self._known: dict[str, Place] = {}

    def identify(self, rows: Floats, origin: Floats) -> str:
        """The id of the topic whose units these are (m, d): of the most alike known one, or a new one."""
        place = Place.of(rows, origin)
        place = replace(place, mean=restore(quantise(place.mean, WORDING_SCALE), WORDING_SCALE))
        alike = {name: likeness(place, known, origin) for name, known in self._known.items()}
        name = max(alike, key=alike.__getitem__, default="")
        if alike.get(name, 0.0) >= SAME_TOPIC:
            known = self._known.pop(name)
            place = place if place.units >= known.units else known
        else:
            name = hashlib.blake2b(
                pack(quantise(place.mean, WORDING_SCALE), "<i2"), digest_size=6
            ).hexdigest()
        self._known[name] = place
        if len(self._known) > KEPT:
            del self._known[next(iter(self._known))]
        return name

    def copy(self) -> "Topics":
        """The same knowledge; what one learns the other does not."""
        other = Topics()
        other._known = dict(self._known)
        return other

    def snapshot(self) -> list[tuple[str, bytes, float, int]]:
        """State as plain types; exact."""
        return [
            (name, pack(quantise(p.mean, WORDING_SCALE), "<i2"), p.cohesion, p.units)
            for name, p in self._known.items()
        ]

    def restore(self, state: Sequence[tuple[str, bytes, float, int]]) -> None:
        """Take over a snapshot."""
        self._known = {
            name: Place(restore(unpack(mean, "<i2").astype(np.int16), WORDING_SCALE), cohesion, units)
            for name, mean, cohesion, units in state
        }
