"""The newest samples in order of event time: what an explanation looks at."""

import math
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from app.core.ticks import in_time
from schemas.ticks import Sample

RECENT_SAMPLES = 512


class RecentSamples:
    """Samples wait until their bucket is observed, however many buckets close at once."""

    def __init__(self) -> None:
        self._waiting: list[Sample] = []
        self._recent: deque[Sample] = deque(maxlen=RECENT_SAMPLES)

    def __iter__(self) -> Iterator[Sample]:
        return iter(self._recent)

    def announce(self, samples: Sequence[Sample]) -> None:
        """Samples of buckets that closed just now and are still to be observed."""
        self._waiting += sorted(samples, key=in_time)

    def arrive(self, bucket: int, seconds: float) -> list[Sample]:
        """Those up to a bucket of that length are recent from now on; returns them."""
        count = 0
        while count < len(self._waiting) and math.floor(self._waiting[count].time / seconds) <= bucket:
            count += 1
        fresh, self._waiting = self._waiting[:count], self._waiting[count:]
        self._recent.extend(fresh)
        return fresh

    def snapshot(self) -> tuple[list[Sample], list[Sample]]:
        """State as a value for msgpack."""
        return self._waiting, list(self._recent)

    def restore(self, state: Any) -> None:  # noqa: ANN401  from msgpack
        """Take over a snapshot."""
        waiting, recent = msgspec.convert(state, tuple[list[Sample], list[Sample]])
        self._waiting, self._recent = waiting, deque(recent, maxlen=RECENT_SAMPLES)
