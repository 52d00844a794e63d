"""Keyed seals over documents that are kept where others can write: lists, manifests, marks."""

import hashlib
import hmac
from typing import TypeVar

import msgspec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

S = TypeVar("S", bound=msgspec.Struct)
UNSEALED = ""
_KEY_BYTES = 32


def key_for(secret: bytes, purpose: str) -> bytes:
    """Return the key of one purpose, from which neither the secret nor another key can be found.

    >>> key_for(b"k" * 32, "lists") == key_for(b"k" * 32, "manifests")
    False
    """
    derive = HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=purpose.encode())
    return derive.derive(secret)


def sealed(document: S, key: bytes) -> S:
    """Return a document, which has a field ``seal``, with the seal that belongs to the rest."""
    return msgspec.structs.replace(document, seal=_seal(document, key))


def fits(document: msgspec.Struct, key: bytes) -> bool:
    """Say whether a document's seal was made by this key over what it says now."""
    found: str = document.seal  # type: ignore[attr-defined]  # every sealed document has one
    return hmac.compare_digest(found, _seal(document, key))


def _seal(document: msgspec.Struct, key: bytes) -> str:
    unsealed = msgspec.structs.replace(document, seal=UNSEALED)
    return hmac.digest(key, encoded(unsealed), hashlib.sha256).hex()


def encoded(document: msgspec.Struct) -> bytes:
    """Return a document in its one byte form."""
    return msgspec.json.encode(document, order="deterministic")
