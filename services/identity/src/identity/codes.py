"""One-time codes that are computed, never kept: who has the secret can say what was sent."""

import hashlib
import hmac
import json
from uuid import UUID

DIGITS = 6


def code_of(secret: bytes, tenant: str, challenge_id: UUID) -> str:
    """Return the code of one challenge, by the truncation of RFC 4226.

    >>> len(code_of(b"k" * 32, "acme", UUID(int=1)))
    6
    """
    message = json.dumps(["one-time code", tenant, str(challenge_id)]).encode()
    digest = hmac.digest(secret, message, hashlib.sha256)
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4]) & 0x7FFFFFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


def is_right(secret: bytes, tenant: str, challenge_id: UUID, code: str) -> bool:
    """Say whether a code is the challenge's, in the same time for every wrong one."""
    expected = code_of(secret, tenant, challenge_id)
    return hmac.compare_digest(expected.encode(), code.strip().encode())
