"""Keys that a process may keep for a moment, and no longer."""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock


class KeyCache:
    """At most ``limit`` keys, each for at most ``seconds``; the least recently read goes first."""

    def __init__(self, *, seconds: float, limit: int, monotonic: Callable[[], float]) -> None:
        self._seconds = seconds
        self._limit = limit
        self._monotonic = monotonic
        self._keys: OrderedDict[tuple[str, str], tuple[float, bytes]] = OrderedDict()
        self._lock = Lock()

    def get(self, tenant: str, subject: str) -> bytes | None:
        """Return a key that was put not too long ago."""
        with self._lock:
            until, key = self._keys.get((tenant, subject), (0.0, b""))
            if not key:
                return None
            if self._monotonic() >= until:
                del self._keys[tenant, subject]
                return None
            self._keys.move_to_end((tenant, subject))
            return key

    def put(self, tenant: str, subject: str, key: bytes) -> None:
        """Keep a key from now on."""
        with self._lock:
            self._keys[tenant, subject] = (self._monotonic() + self._seconds, key)
            self._keys.move_to_end((tenant, subject))
            if len(self._keys) > self._limit:
                self._keys.popitem(last=False)

    def forget(self, tenant: str, subject: str) -> None:
        """Drop a key at once."""
        with self._lock:
            self._keys.pop((tenant, subject), None)
