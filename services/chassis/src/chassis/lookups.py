"""Find a subject by a value that may not be stored: keyed hashes, in rows that can be deleted.

The log and the bus hold personal values only as ciphertext, so nothing can be
searched by them.  A service that must find somebody by a value keeps the value's
keyed hash here; erasing a subject deletes its rows.
"""

import hashlib
import hmac
import json
from uuid import UUID

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Column, Connection, Index, MetaData, String, Table, delete, select

from chassis.insertion import insert_once

_UUID_BYTES = 16


def define_table(metadata: MetaData) -> Table:
    """Add the look-up table to a service's own tables."""
    return Table(
        "lookup",
        metadata,
        Column("tenant", String, primary_key=True),
        Column("kind", String, primary_key=True),
        Column("token", String(64), primary_key=True),
        Column("subject", String, nullable=False),
        Index("lookup_by_subject", "tenant", "subject"),
    )


def token(secret: bytes, tenant: str, kind: str, value: str) -> str:
    """Return the keyed hash under which a value is found; of use to nobody without the secret.

    >>> token(b"k" * 32, "acme", "code", "42") == token(b"k" * 32, "acme", "code", "42")
    True
    >>> token(b"k" * 32, "acme", "code", "42") == token(b"k" * 32, "other", "code", "42")
    False
    """
    return hmac.new(secret, _joined(tenant, kind, value), hashlib.sha256).hexdigest()


def pseudonym(secret: bytes, tenant: str, kind: str, value: str, generation: int = 0) -> UUID:
    """Return the opaque id that every service derives for one outside value by itself.

    Args:
        secret: The deployment's key; whoever lacks it cannot link id and value.
        tenant: The same value has unrelated ids for two tenants.
        kind: What the value is.
        value: What must not be stored in the clear.
        generation: Counts erasures, so that who returns after one is somebody new.

    >>> pseudonym(b"k" * 32, "acme", "shop", "42").version
    8
    """
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=_joined("pseudonym", tenant))
    message = _joined(kind, value, str(generation))
    digest = hmac.digest(key.derive(secret), message, hashlib.sha256)
    return _as_uuid(digest[:_UUID_BYTES])


def find(db: Connection, table: Table, *, tenant: str, kind: str, token: str) -> str | None:
    """Return the subject known under a token, if any."""
    row = table.c
    found = select(row.subject).where(row.tenant == tenant, row.kind == kind, row.token == token)
    return db.execute(found).scalar()


def remember(
    db: Connection, table: Table, *, tenant: str, kind: str, token: str, subject: str
) -> str:
    """Make a subject findable and return it; of two subjects for one token the first stays."""
    row = {"tenant": tenant, "kind": kind, "token": token, "subject": subject}
    if insert_once(db, table, row):
        return subject
    return find(db, table, tenant=tenant, kind=kind, token=token) or subject


def forget_subject(db: Connection, table: Table, *, tenant: str, subject: str) -> int:
    """Delete every way to find a subject and return how many there were."""
    row = table.c
    return db.execute(delete(table).where(row.tenant == tenant, row.subject == subject)).rowcount


def _joined(*parts: str) -> bytes:
    # A plain separator could occur inside a part and make two different lists equal.
    return json.dumps(parts, separators=(",", ":")).encode()


def _as_uuid(raw: bytes) -> UUID:
    bits = int.from_bytes(raw)
    bits = bits & ~(0xF << 76) | (8 << 76)
    bits = bits & ~(0x3 << 62) | (0x2 << 62)
    return UUID(int=bits)
