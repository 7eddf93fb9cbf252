"""One region of the table: which of its places are taken."""

import heapq


class Region:
    """Gives out neighbouring places in whole blocks, the lowest first, so that the table stays dense.

    Block 0 is never given: what has no place counts there, and nobody reads it.
    """

    def __init__(self, capacity: int, block: int) -> None:
        self._capacity = capacity
        self._block = block
        self._end = 1
        self._free: list[int] = []
        self._fresh_from = 0

    def is_fresh(self, first: int) -> bool:
        """Whether a place was never used before: then it holds nothing, and looking would only cost memory."""
        return first >= self._fresh_from

    def take(self, count: int) -> int | None:
        """The first of so many places; None if there is no room."""
        blocks = self._blocks(count)
        if blocks == 1 and self._free:
            return heapq.heappop(self._free) * self._block
        if (self._end + blocks) * self._block > self._capacity:
            return None
        first = self._end
        self._end += blocks
        return first * self._block

    def claim(self, first: int, count: int) -> None:
        """Mark places as taken that somebody uses already; any other may have been used as well."""
        self._fresh_from = self._capacity
        start, end = first // self._block, first // self._block + self._blocks(count)
        for block in range(self._end, start):
            heapq.heappush(self._free, block)
        taken = set(range(start, min(end, self._end))) & set(self._free)
        if taken:
            self._free = [block for block in self._free if block not in taken]
            heapq.heapify(self._free)
        self._end = max(self._end, end)

    def give_back(self, first: int, count: int) -> None:
        """Free places for another use."""
        for block in range(first // self._block, first // self._block + self._blocks(count)):
            heapq.heappush(self._free, block)
            self._fresh_from = max(self._fresh_from, (block + 1) * self._block)

    def _blocks(self, count: int) -> int:
        return -(-count // self._block)
