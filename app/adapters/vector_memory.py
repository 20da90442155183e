"""Vectors that were computed before, by text: bounded in bytes, the least recently used go first."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from threading import Lock

import numpy as np
from numpy.typing import NDArray

ENTRY_BYTES = 250  # of Python's own around a key and a vector


class VectorMemory:
    """At most `limit_bytes` of vectors; 0 remembers nothing.  Threads may share one.

    A text is known by 128 bits of its hash: nobody reads a prompt here.

    >>> memory = VectorMemory(10_000)
    >>> memory.keep({"a": np.ones(3, np.float32)})
    >>> memory.find(["a", "b"]).keys()
    dict_keys(['a'])
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self.tell: Callable[[int, int], None] = _nobody  # called with hits and misses of each search
        self._vectors: OrderedDict[bytes, NDArray[np.float32]] = OrderedDict()
        self._lock = Lock()
        self.bytes = 0

    def find(self, texts: Iterable[str]) -> dict[str, NDArray[np.float32]]:
        """The vectors of those texts that are remembered.  Cost: 2 us a text."""
        found: dict[str, NDArray[np.float32]] = {}
        misses = 0
        with self._lock:
            for text in texts:
                key = _key(text)
                vector = self._vectors.get(key)
                if vector is None:
                    misses += 1
                else:
                    self._vectors.move_to_end(key)
                    found[text] = vector
        self.tell(len(found), misses)
        return found

    def keep(self, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        """Remember vectors; a vector larger than the limit is not kept."""
        with self._lock:
            for text, vector in vectors.items():
                own = vector.copy()  # a row of a batch would keep the batch alive
                own.flags.writeable = False
                before = self._vectors.pop(key := _key(text), None)
                self.bytes += _size(own) - (0 if before is None else _size(before))
                self._vectors[key] = own
            while self.bytes > self._limit:
                _, oldest = self._vectors.popitem(last=False)
                self.bytes -= _size(oldest)

    def __len__(self) -> int:
        return len(self._vectors)


def _nobody(hits: int, misses: int) -> None:
    """Nobody counts."""


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).digest()


def _size(vector: NDArray[np.float32]) -> int:
    return vector.nbytes + ENTRY_BYTES
