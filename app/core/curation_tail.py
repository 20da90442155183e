"""The enriched tail: what is rare in traffic and matters more than its share."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from app.core.curation_draw import spread
from schemas.evalsets import Shortfall


@dataclass(frozen=True, slots=True)
class Floor:
    """So many items of the whole set should have this reason; `firm`: or the version is not ready."""

    reason: str
    items: int
    firm: bool


@dataclass(frozen=True, slots=True)
class Offer:
    """Questions that may be added, in order: of the version before and of the samples.

    `keep`: share of what is added that the former should have.
    """

    kept: Sequence[int]
    fresh: Sequence[int]
    keep: float


def top_up(
    floors: Sequence[Floor],
    reasons: Sequence[Sequence[str]],
    *,
    core: Sequence[int],
    offer: Offer,
    seed: int,
) -> tuple[list[int], list[Shortfall]]:
    """Which questions to add so that each floor is held, and what is short of a firm one.

    Args: reasons of every question; core, those that are in already.
    """
    held = Counter(reason for i in core for reason in set(reasons[i]))
    added: dict[int, None] = {}
    short: list[Shortfall] = []
    for floor in floors:
        need = floor.items - held[floor.reason]
        old = [i for i in offer.kept if floor.reason in reasons[i] and i not in added]
        new = [i for i in offer.fresh if floor.reason in reasons[i] and i not in added]
        from_old = min(len(old), max(ceil(need * offer.keep), need - len(new), 0))
        chosen = old[:from_old] + spread(new, max(need - from_old, 0), seed)
        added |= dict.fromkeys(chosen)
        held.update(reason for i in chosen for reason in set(reasons[i]))
        if floor.firm and held[floor.reason] < floor.items:
            short.append(Shortfall(name=floor.reason, wanted=floor.items, found=held[floor.reason]))
    return list(added), short
