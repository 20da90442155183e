"""Probes: a few frozen questions, asked again and again, whose answers should stay as they first were.

Providers swap what stands behind a name.  `same_answer` compares texts, not meanings: another model says the
same in other words, which is what is looked for (docs/method.md, Probes).
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from app.core.curation_pool import rank
from schemas.evalsets import CuratedItem

SAME_ANSWER = "same_answer"
SCORER = "dice4"  # fingerprint
GRAM = 4  # characters
READ = 20_000  # characters of each answer


def same_answer(first: str, now: str) -> float:
    """How much two answers share, in [0, 1]: Dice's coefficient (1945) of their runs of 4 characters.

    Of any language, for nothing is split into words; spacing does not count.  Cost: O(length).

    >>> same_answer("The parcel left on Monday.", "The parcel  left on Monday.")
    1.0
    >>> round(same_answer("The parcel left on Monday.", "It was sent on Monday."), 2)
    0.43
    >>> same_answer("4", "4"), same_answer("4", "5"), same_answer("", "")
    (1.0, 0.0, 1.0)
    """
    one, other = _grams(first), _grams(now)
    return 2 * (one & other).total() / (one.total() + other.total())


def drawn(items: Sequence[CuratedItem], count: int) -> list[CuratedItem]:
    """Items of a version that make good probes: kept from the version before, answers verified, by rank.

    The tail serves too: what matters more than its share should not move unseen.
    """
    order = sorted(items, key=lambda item: (not item.anchor, not item.verified, rank(item.id, 0), item.id))
    return sorted((item for item in order[:count]), key=lambda item: item.id)


def slot(now: datetime, *, every_seconds: float) -> str:
    """Number of the pass that a moment belongs to: whoever else is started within it goes on with it.

    >>> from datetime import UTC
    >>> slot(datetime(2026, 1, 1, 8, 59, tzinfo=UTC), every_seconds=3600)
    '490904'
    """
    return str(int(now.timestamp() // every_seconds))


def _grams(text: str) -> Counter[str]:
    clean = " ".join(text[:READ].split())
    if len(clean) < GRAM:
        return Counter([clean])
    return Counter(clean[at : at + GRAM] for at in range(len(clean) - GRAM + 1))
