"""A user who asks nearly the same again soon after was not content: an inferred correction.

Of each key only a 64-bit fingerprint of its last prompt is kept (simhash over character 4-grams: Charikar,
2002, STOC): two texts differ in about angle/pi of the bits, unrelated ones in half of them.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.core.units import canonical

SOON_SECONDS = 600.0
NEAR_BITS = 16  # of 64: nine in ten edits of a word are nearer, one in a thousand unrelated prompts
FEWEST_BYTES = 16  # "yes", "go on": said again without anything being wrong
LONGEST_BYTES = 1024
GRAM, AT_ONCE = 4, 64  # bytes; texts
MIXER, SHIFT, LOW = np.uint64(0x9E3779B97F4A7C15), np.uint64(32), np.uint64(2**32 - 1)


def fingerprint(text: str) -> int | None:
    """64 bits that are alike for texts that are alike; None for a text too short to tell.

    >>> one, other = fingerprint("how do I return a parcel"), fingerprint("How do I return a parcel?")
    >>> (one ^ other).bit_count() <= NEAR_BITS, fingerprint("go on")
    (True, None)
    """
    return fingerprints([text])[0]


def fingerprints(texts: Sequence[str]) -> list[int | None]:
    """`fingerprint` of each text.  About 5 us a text in a list of 64, 50 us alone."""
    return [
        bits for first in range(0, len(texts), AT_ONCE) for bits in _at_once(texts[first : first + AT_ONCE])
    ]


def _at_once(texts: Sequence[str]) -> list[int | None]:
    raw = [canonical(text).encode("utf-8", "replace")[:LONGEST_BYTES] for text in texts]
    told = [row for row, each in enumerate(raw) if len(each) >= FEWEST_BYTES]
    out: list[int | None] = [None] * len(texts)
    if not told:
        return out
    owners, grams = _grams([raw[row] for row in told])
    mixed = (grams + SHIFT) * MIXER  # wraps
    mixed ^= mixed >> SHIFT
    mixed *= MIXER
    ones = np.unpackbits(mixed.view(np.uint8).reshape(-1, 8), axis=1)
    firsts = owners.searchsorted(np.arange(len(told), dtype=np.uint64))
    counts = np.diff(firsts, append=len(owners))
    most = 2 * np.add.reduceat(ones, firsts, axis=0, dtype=np.int32) > counts[:, None]
    for row, bits in zip(told, np.packbits(most, axis=1).view(">u8")[:, 0].tolist(), strict=True):
        out[row] = bits
    return out


def _grams(raw: Sequence[bytes]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """The different 4-grams of each text: which text it is, ascending, and the gram."""
    byte = np.frombuffer(b"".join(raw), np.uint8).astype(np.uint64)
    owner = np.repeat(np.arange(len(raw), dtype=np.uint64), [len(each) for each in raw])
    gram = owner[: 1 - GRAM] << SHIFT
    for place in range(GRAM):
        gram |= byte[place : len(byte) - GRAM + 1 + place] << np.uint64(8 * place)
    gram = gram[owner[: 1 - GRAM] == owner[GRAM - 1 :]]  # those that lie within one text
    gram.sort()
    gram = gram[np.append(gram[1:] != gram[:-1], True)]  # each once
    return gram >> SHIFT, gram & LOW


class Repeats:
    """The last prompt of each key, as a fingerprint: at most `capacity` keys, 32 bytes each on the wire."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._last: dict[int, tuple[int, int, float]] = {}

    def corrected(self, key: int, identity: int, print_: int | None, time: float) -> int | None:
        """The key's last interaction, where this one (its text's fingerprint) nearly repeats it soon after.

        >>> repeats = Repeats(10)
        >>> prints = fingerprints([f"please cancel my order {n}" for n in (5, 6)])
        >>> [repeats.corrected(1, n, prints[n - 5], 60.0 * n) for n in (5, 6)]
        [None, 5]
        """
        if print_ is None:
            return None
        before = self._last.pop(key, None)
        self._last[key] = (print_, identity, time)
        if len(self._last) > self._capacity:
            del self._last[next(iter(self._last))]
        if before is None or not 0 <= time - before[2] <= SOON_SECONDS or before[1] == identity:
            return None
        return before[1] if (before[0] ^ print_).bit_count() <= NEAR_BITS else None

    def snapshot(self) -> list[tuple[int, int, int, float]]:
        """State as plain types, the longest silent first."""
        return [(key, *last) for key, last in self._last.items()]

    def restore(self, state: Sequence[tuple[int, int, int, float]]) -> None:
        """Take over a snapshot."""
        self._last = {key: (print_, identity, time) for key, print_, identity, time in state}
