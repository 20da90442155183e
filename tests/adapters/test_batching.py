"""Token-budget batches, and the memory of vectors."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.adapters.batching import padded, token_batches
from app.adapters.vector_memory import ENTRY_BYTES, VectorMemory


@given(st.lists(st.integers(1, 300), max_size=60), st.integers(1, 600))
def test_every_row_is_in_one_batch_of_one_padded_length_within_the_budget_and_lengths_rise(
    lengths: list[int], budget: int
) -> None:
    found = token_batches(lengths, budget)
    assert Counter(row for batch in found for row in batch) == Counter(range(len(lengths)))
    for batch in found:
        (width,) = {padded(lengths[row]) for row in batch}
        assert len(batch) * width <= budget or len(batch) == 1
    ordered = [lengths[row] for batch in found for row in batch]
    assert ordered == sorted(lengths)


def vector(value: float) -> np.ndarray:
    return np.full(100, value, np.float32)


SIZE = 400 + ENTRY_BYTES


def test_what_is_kept_is_found_and_counted() -> None:
    memory = VectorMemory(10 * SIZE)
    told: list[tuple[int, int]] = []
    memory.tell = lambda hits, misses: told.append((hits, misses))
    memory.keep({"a": vector(1), "b": vector(2)})
    found = memory.find(["a", "c", "b"])
    assert {text: float(v[0]) for text, v in found.items()} == {"a": 1.0, "b": 2.0}
    assert told == [(2, 1)]
    assert (len(memory), memory.bytes) == (2, 2 * SIZE)


def test_the_least_recently_used_goes_first_and_bytes_stay_bounded() -> None:
    memory = VectorMemory(3 * SIZE)
    memory.keep({name: vector(0) for name in "abc"})
    memory.find(["a"])
    memory.keep({"d": vector(0), "a": vector(5)})
    assert set(memory.find("abcd")) == {"a", "c", "d"}
    for i in range(100):
        memory.keep({str(i): vector(i)})
        assert memory.bytes <= 3 * SIZE


@pytest.mark.parametrize("limit", [0, SIZE - 1])
def test_too_small_a_memory_remembers_nothing(limit: int) -> None:
    memory = VectorMemory(limit)
    memory.keep({"a": vector(1)})
    assert memory.find(["a"]) == {}
    assert memory.bytes == 0


def test_a_row_does_not_keep_its_batch_alive_and_nobody_changes_it() -> None:
    batch = np.ones((1000, 100), np.float32)
    memory = VectorMemory(10 * SIZE)
    memory.keep({"a": batch[0]})
    batch[0] = 7.0
    (kept,) = memory.find(["a"]).values()
    assert kept.base is None
    assert kept[0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        kept[0] = 2.0
