"""Identifiers: new ones that sort by time, and ones derived so that a repeat is the same."""

from uuid import UUID, uuid5
from zlib import crc32

from uuid_utils.compat import uuid7

LANES = 16
_NAMESPACE = UUID("5f0c1f0d-6f1d-5e55-9d0a-51f01d51f01d")


def new_id() -> UUID:
    """Return a fresh identifier; later ones sort after earlier ones."""
    return uuid7()


def derived_id(*parts: object) -> UUID:
    """Return the one identifier that belongs to ``parts``.

    >>> derived_id("a", 1) == derived_id("a", 1) != derived_id("a", 2)
    True
    """
    return uuid5(_NAMESPACE, "\x1f".join(map(str, parts)))


def lane_of(tenant: str, stream: str) -> int:
    """Return the lane, 0 to 15, in which everything of one stream stays in order.

    The number of lanes is permanent: changing it would break every chain.

    >>> lane_of("acme", "order-1")
    1
    """
    return crc32(f"{tenant}/{stream}".encode()) % LANES
