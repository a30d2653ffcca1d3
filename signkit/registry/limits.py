"""How often a caller may ask: a bucket for each token, and for each address without a good one.

A bucket holds two seconds' worth of requests and fills by the rate (control SK-REGISTRY-LIMITS).
Buckets are in memory: each process counts for itself, and a restart forgets.

Spec: docs/formats/registry-protocol.md section 2.2.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable

from signkit.registry.problems import TOO_MANY, refuse

_BURST_SECONDS = 2
_MOST_BUCKETS = 10_000


class RateLimit:
    """Buckets by key; used from the event loop alone.

    Args:
        rate: Requests a second, or 0: no limit.
        clock: Seconds, rising.
    """

    def __init__(self, rate: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._size = max(rate * _BURST_SECONDS, 1.0)
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # left, since when

    def check(self, key: str) -> None:
        """Check that a request is left in a bucket.

        Raises:
            RefusedError: 429, with the seconds after which there is one.
        """
        left = self._left(key)
        if self._rate and left < 1:
            seconds = math.ceil((1 - left) / self._rate)
            # The contract's client looks for these very words (contract section 1.3).
            detail = f"too_many_requests: at most {self._rate:g} a second, try again in {seconds} s"
            raise refuse(TOO_MANY, detail, headers={"retry-after": str(seconds)})

    def count(self, key: str) -> None:
        """Take a request out of a bucket."""
        if not self._rate:
            return
        self._buckets[key] = (self._left(key) - 1, self._clock())
        self._buckets.move_to_end(key)
        if len(self._buckets) > _MOST_BUCKETS:
            self._buckets.popitem(last=False)

    def _left(self, key: str) -> float:
        left, since = self._buckets.get(key, (self._size, 0.0))
        return min(left + (self._clock() - since) * self._rate, self._size)
