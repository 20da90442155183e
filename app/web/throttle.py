"""How often one address may ask: a bucket of tokens for each that asked lately."""

import time
from collections import OrderedDict
from collections.abc import Callable

BURST_SECONDS = 2.0  # a page fetches its parts all at once
MOST = 10_000  # addresses remembered; the one that asked longest ago is forgotten


class Throttle:
    """`rate` requests a second for each address, and twice as many at once."""

    def __init__(self, rate: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, max(1.0, BURST_SECONDS * rate), clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, and when

    def wait(self, address: str) -> float:
        """Seconds until this address may ask; 0 where it may now, and then one token is gone.

        >>> throttle = Throttle(1.0, clock=lambda: 0.0)
        >>> [throttle.wait("a") for _ in range(3)], throttle.wait("b")
        ([0.0, 0.0, 1.0], 0.0)
        """
        now = self._clock()
        tokens, since = self._buckets.pop(address, (self._burst, now))
        tokens = min(self._burst, tokens + (now - since) * self._rate)
        short = max(0.0, 1.0 - tokens)
        self._buckets[address] = (tokens if short else tokens - 1.0, now)
        if len(self._buckets) > MOST:
            self._buckets.popitem(last=False)
        return short / self._rate
