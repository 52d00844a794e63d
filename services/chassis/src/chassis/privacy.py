"""Personal fields: sealed from the first event on, readable only while their key exists."""

import base64
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_MARK = "sealed:v1:"
_NONCE = 12


@dataclass(frozen=True, slots=True)
class Personal:
    """Mark, in ``Annotated``, a field that belongs to a person.

    Args:
        subject: Name of the sibling field that holds the subject's id.

    The field's type must allow ``None``: that is what remains after erasure.
    """

    subject: str


class KeyStore(Protocol):
    """Holds one key for each (tenant, subject), outside the log and its backups."""

    def seal_key(self, tenant: str, subject: str) -> bytes:
        """Return the subject's key, making one at first use.

        Raises:
            SubjectErased: the key was destroyed.
        """

    def open_key(self, tenant: str, subject: str) -> bytes | None:
        """Return the subject's key, or None when it was destroyed or never made."""

    def destroy(self, tenant: str, subject: str) -> None:
        """Forget the key for ever; remembers only that it was destroyed."""


class SubjectErased(Exception):
    """The subject asked to be forgotten; nothing new can be sealed for it."""


def is_erased(keys: KeyStore, tenant: str, subject: str) -> bool:
    """Say whether a subject asked to be forgotten; one that is new gets its key by this."""
    try:
        keys.seal_key(tenant, subject)
    except SubjectErased:
        return True
    return False


class MemoryKeys:
    """Keys in memory, for tests of the pure parts."""

    def __init__(self) -> None:
        self._keys: dict[tuple[str, str], bytes | None] = {}

    def seal_key(self, tenant: str, subject: str) -> bytes:
        """Return or make a key; raises SubjectErased."""
        key = self._keys.setdefault((tenant, subject), AESGCM.generate_key(256))
        if key is None:
            raise SubjectErased(subject)
        return key

    def open_key(self, tenant: str, subject: str) -> bytes | None:
        """Return the key, if it still exists."""
        return self._keys.get((tenant, subject))

    def destroy(self, tenant: str, subject: str) -> None:
        """Forget the key."""
        self._keys[tenant, subject] = None


def seal(
    value: Any, key: bytes, bound_to: bytes, random: Callable[[int], bytes] = os.urandom
) -> str:
    """Encrypt a JSON value (AES-256-GCM); it opens only with the same key and ``bound_to``."""
    nonce = random(_NONCE)
    plain = json.dumps(value, ensure_ascii=False).encode()
    return _MARK + base64.b64encode(nonce + AESGCM(key).encrypt(nonce, plain, bound_to)).decode()


def unseal(sealed: Any, key: bytes | None, bound_to: bytes) -> Any:
    """Return the JSON value, or None when its key is gone."""
    if not is_sealed(sealed) or key is None:
        return None
    raw = base64.b64decode(sealed.removeprefix(_MARK))
    try:
        return json.loads(AESGCM(key).decrypt(raw[:_NONCE], raw[_NONCE:], bound_to))
    except InvalidTag:
        return None


def is_sealed(value: Any) -> bool:
    """Say whether a JSON value is one of ours, sealed."""
    return isinstance(value, str) and value.startswith(_MARK)


def seal_fields(
    data: dict[str, Any], personal: Mapping[str, str], tenant: str, keys: KeyStore
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Seal the personal fields of one event's data.

    Returns:
        The data with sealed fields, and the subjects whose keys protect it.
    """
    sealed, subjects = dict(data), set()
    for name, owner in personal.items():
        if sealed.get(name) is None:
            continue
        subject = str(data[owner])
        key = keys.seal_key(tenant, subject)
        sealed[name] = seal(sealed[name], key, _binding(tenant, subject, name))
        subjects.add(subject)
    return sealed, tuple(sorted(subjects))


def unseal_fields(
    data: dict[str, Any], personal: Mapping[str, str], tenant: str, keys: KeyStore
) -> dict[str, Any]:
    """Open the personal fields of one event's data; those without a key become None."""
    opened = dict(data)
    for name, owner in personal.items():
        if opened.get(name) is not None:
            subject = str(data[owner])
            key = keys.open_key(tenant, subject)
            opened[name] = unseal(opened[name], key, _binding(tenant, subject, name))
    return opened


def _binding(tenant: str, subject: str, field: str) -> bytes:
    return f"{tenant}\x1f{subject}\x1f{field}".encode()
