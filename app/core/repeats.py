"""A user who asks nearly the same again soon after was not content: an inferred correction.

Of each key only a 64-bit fingerprint of its last prompt is kept (simhash over character 4-grams: Charikar,
2002, STOC): two texts differ in about angle/pi of the bits, unrelated ones in half of them.
"""

from collections.abc import Sequence

import numpy as np

from app.core.units import canonical

SOON_SECONDS = 600.0
NEAR_BITS = 16  # of 64: nine in ten edits of a word are nearer, one in a thousand unrelated prompts
FEWEST_BYTES = 16  # "yes", "go on": said again without anything being wrong
LONGEST_BYTES = 1024
MIXER, SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(32)


def fingerprint(text: str) -> int | None:
    """64 bits that are alike for texts that are alike; None for a text too short to tell.  About 30 us.

    >>> one, other = fingerprint("how do I return a parcel"), fingerprint("How do I return a parcel?")
    >>> (one ^ other).bit_count() <= NEAR_BITS, fingerprint("go on")
    (True, None)
    """
    raw = canonical(text).encode("utf-8", "replace")[:LONGEST_BYTES]
    if len(raw) < FEWEST_BYTES:
        return None
    shifted = (raw[i : i + (len(raw) - i) // 4 * 4] for i in range(4))
    grams = np.frombuffer(b"".join(shifted), "<u4").astype("<u8")
    grams.sort()
    grams = grams[np.append(grams[1:] != grams[:-1], True)]  # each once
    mixed = (grams + SHIFT) * MIXER  # wraps
    mixed ^= mixed >> SHIFT
    mixed *= MIXER
    ones = np.add.reduce(np.unpackbits(mixed.view(np.uint8).reshape(-1, 8), axis=1), axis=0, dtype=np.int32)
    return int.from_bytes(np.packbits(2 * ones > len(mixed)).tobytes(), "big")


class Repeats:
    """The last prompt of each key, as a fingerprint: at most `capacity` keys, 32 bytes each on the wire."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._last: dict[int, tuple[int, int, float]] = {}

    def corrected(self, key: int, identity: int, text: str, time: float) -> int | None:
        """The key's last interaction, where this one nearly repeats it soon after.

        >>> repeats = Repeats(10)
        >>> [repeats.corrected(1, n, f"please cancel my order {n}", 60.0 * n) for n in (5, 6)]
        [None, 5]
        """
        print_ = fingerprint(text)
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
