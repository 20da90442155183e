"""Where in the traffic a change happens: segments whose units moved more than all others did.

A segment is what a unit's event says of itself, as `model=m2` or `tag=beta`.  Values come from outside, so
they are names or hashes, never text, and few.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from app.core.contributions import Members
from app.core.effect import difference, difference_of_changes, effective_units
from app.core.fixedpoint import Floats
from app.core.units import hash64
from schemas.events import Interaction
from schemas.readings import SegmentMove

MOST_TAGS, MOST_VALUES = 4, 12  # of one unit; of one key in one comparison
FEWEST = 10  # units of a segment that say something about it
ERROR = 0.05  # of all comparisons together
MOST_MOVES = 6
SPOKEN = "language"  # its share of traffic is told as a descriptor
_NAME = re.compile(r"[\w .:/+-]{1,64}")
Labels = Sequence[Sequence[str]]
Group = tuple[str, Members]  # of a cluster: its name, its units


def segments_of(event: Interaction, language: str | None) -> list[str]:
    """The segments of one event; `language` is what was detected, where the event says nothing.

    What is no name (longer than 64 characters, or with others than letters, digits and ` .:/+-_`) is told as
    a hash: it may be a person's.

    >>> from datetime import UTC, datetime
    >>> event = Interaction(application="a", time=datetime.now(UTC), prompt="?", model="m2", tags=["x@y.org"])
    >>> segments_of(event, "de")
    ['model=m2', 'language=de', 'tag=#522aa7a4']
    """
    template = event.prompt_template
    said = {
        "model": event.model,
        "deployment": event.deployment_id,
        "variant": event.variant,
        "template": template and ":".join(part for part in (template.name, template.version) if part),
        SPOKEN: event.language or language,
        "channel": event.channel,
    }
    pairs = [*said.items(), *(("tag", tag) for tag in (event.tags or [])[:MOST_TAGS])]
    return list(dict.fromkeys(f"{key}={_named(value)}" for key, value in pairs if value))


def _named(value: str) -> str:
    return value if _NAME.fullmatch(value) else f"#{hash64(value) >> 32:08x}"


@dataclass(frozen=True, slots=True)
class _Segment:
    """Which units are in it; `name` joins the names of segments with the same units."""

    name: str
    key: str
    before: NDArray[np.bool_]
    now: NDArray[np.bool_]


def segment_moves(before: Labels, now: Labels, weights: Floats, groups: Sequence[Group]) -> list[SegmentMove]:
    """Segments in which a group moved more than elsewhere, then those whose share of traffic moved.

    Args: labels of n and of m units, weights (m,) of the latter; groups of them that moved.
    Intervals are simultaneous, 95 % over all comparisons made here (Bonferroni).  The change inside a
    segment is compared with that of all other units: where clusters merely follow the traffic's mix, it is
    the mix that is told.  A segment that is new is compared with the whole of the first sample.
    """
    held = list(_segments(before, now))
    inside = [(segment, *group) for group in groups for segment in held if _tells(segment)]
    shares = [segment for segment in held if segment.key != SPOKEN]
    z = -float(ndtri(ERROR / 2 / max(len(inside) + len(shares), 1)))
    told = [_inside(segment, name, members, weights=weights, z=z) for segment, name, members in inside]
    clear = sorted((m for m in told if m is not None), key=lambda m: -max(m.low, -m.high))
    whole = [(segment.key, _share(segment, weights, z)) for segment in shares]
    grown = [(key, move) for key, move in whole if move.low > 0]
    keys = {key for key, _ in grown}  # what the others of that key lost is no news
    mixed = [*grown, *((key, m) for key, m in whole if m.high < 0 and key not in keys)]
    traffic = sorted((m for _, m in mixed), key=lambda m: -max(m.low, -m.high))
    room = max(MOST_MOVES - len(traffic), MOST_MOVES // 2)
    return [*clear[:room], *traffic][:MOST_MOVES]


def _segments(before: Labels, now: Labels) -> Iterator[_Segment]:
    """Segments with enough units, at most MOST_VALUES a key; those of the same units are one."""
    old, new = _counted(before), _counted(now)
    often = {name: old[name] / max(len(before), 1) + new[name] / len(now) for name in {*old, *new}}
    ranked = sorted(often, key=lambda name: (-often[name], name))
    places: dict[bytes, list[str]] = {}
    columns: dict[bytes, tuple[NDArray[np.bool_], NDArray[np.bool_]]] = {}
    taken = Counter[str]()
    for name in ranked:
        key = name.partition("=")[0]
        if max(old[name], new[name]) < FEWEST or taken[key] == MOST_VALUES:
            continue
        taken[key] += 1
        mine = np.array([name in labels for labels in before]), np.array([name in labels for labels in now])
        place = np.packbits(np.concatenate(mine)).tobytes()
        places.setdefault(place, []).append(name)
        columns[place] = mine
    for place, names in places.items():
        inside_before, inside_now = columns[place]
        if not (inside_before.all() and inside_now.all()):
            joined = " · ".join(sorted(names))
            yield _Segment(joined, names[0].partition("=")[0], inside_before, inside_now)


def _counted(units: Labels) -> Counter[str]:
    return Counter(name for labels in units for name in labels)


def _tells(segment: _Segment) -> bool:
    """Whether there is enough inside and outside of it now to compare."""
    return FEWEST <= int(segment.now.sum()) <= len(segment.now) - FEWEST


def _share(segment: _Segment, weights: Floats, z: float) -> SegmentMove:
    """Its share of the traffic."""
    was, known = float(segment.before.mean()), len(segment.before)
    share = float(weights[segment.now].sum() / weights.sum())
    low, high = difference(was, known, share, effective_units(weights), z)
    return SegmentMove(name=segment.name, share_before=was, share_now=share, low=low, high=high)


def _inside(
    segment: _Segment, cluster: str, members: Members, *, weights: Floats, z: float
) -> SegmentMove | None:
    """The share of a cluster's units in a segment and elsewhere, where they moved apart in its direction."""
    was, is_now = np.zeros(len(segment.before), np.bool_), np.zeros(len(weights), np.bool_)
    was[members[0]], is_now[members[1]] = True, True
    seen = []
    for before, now in ((segment.before, segment.now), (~segment.before, ~segment.now)):
        known = before if before.sum() >= FEWEST else np.ones_like(before)  # new: as all the others were
        share = float(weights[now & is_now].sum() / weights[now].sum())
        seen.append((float(was[known].mean()), float(known.sum()), share, effective_units(weights[now])))
    low, high = difference_of_changes(*seen, z=z)
    grew = weights[is_now].sum() / weights.sum() > was.mean()
    if (low if grew else -high) <= 0.0:
        return None
    new = segment.before.sum() < FEWEST
    return SegmentMove(
        name=segment.name,
        cluster=cluster,
        share_before=None if new else seen[0][0],
        share_now=seen[0][2],
        elsewhere_before=seen[1][0],
        elsewhere_now=seen[1][2],
        low=low,
        high=high,
    )
