"""Identifiers: new ones that sort by time, and ones derived so that a repeat is the same."""

from hashlib import sha1
from uuid import UUID
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
    return UUID(derived_text(*parts))


def derived_text(*parts: object) -> str:
    r"""Return the same identifier as text, as a bulk append needs it by the thousand.

    >>> from uuid import uuid5
    >>> derived_text("a", 1) == str(uuid5(_NAMESPACE, "a\x1f1"))
    True
    """
    name = "\x1f".join(map(str, parts)).encode()
    # RFC 9562, version 5: SHA-1 names it, nothing is kept safe by it.
    digest = bytearray(sha1(_NAMESPACE.bytes + name, usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def lane_of(tenant: str, stream: str) -> int:
    """Return the lane, 0 to 15, in which everything of one stream stays in order.

    The number of lanes is permanent: changing it would break every chain.

    >>> lane_of("acme", "order-1")
    1
    """
    return crc32(f"{tenant}/{stream}".encode()) % LANES
