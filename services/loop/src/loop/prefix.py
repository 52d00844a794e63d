"""How far a log is known without gaps, while its lanes arrive at different speeds."""

from collections.abc import Iterable


class Prefix:
    """The gapless beginning of positions that come in any order.

    >>> prefix = Prefix()
    >>> prefix.add([1, 3]), prefix.add([2])
    (1, 3)
    """

    def __init__(self, positions: Iterable[int] = ()) -> None:
        self.end = 0
        self._beyond: set[int] = set()
        self.add(positions)

    def __contains__(self, position: int) -> bool:
        """Say whether a position was noted."""
        return position <= self.end or position in self._beyond

    def add(self, positions: Iterable[int]) -> int:
        """Note positions and return the last one before the first gap."""
        self._beyond.update(positions)
        while self.end + 1 in self._beyond:
            self.end += 1
            self._beyond.remove(self.end)
        return self.end
