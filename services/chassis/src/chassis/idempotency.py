"""Remember the response to an idempotency key, in the transaction of the work itself.

A refusal rolls everything back, its key included: the caller may mend the request and
send it again under the same key.

The table holds neither the key nor a readable response: both are kept under a secret
that derives from the key, so that only who sends the key again can read the response.
A row therefore outlives no erasure.
"""

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    LargeBinary,
    MetaData,
    Table,
    Text,
    delete,
    insert,
)
from sqlalchemy.exc import IntegrityError

from chassis import direct
from chassis.clock import micros
from chassis.errors import Conflict, Rejected


class IdempotencyKeyReused(Rejected):
    """The idempotency key was used before, for another request."""

    code = "idempotency_key_reused"
    status = 422


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredResponse:
    """A response as it was sent the first time."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: str


def define_table(metadata: MetaData) -> Table:
    """Declare the table in a service's own metadata."""
    return Table(
        "idempotency",
        metadata,
        Column("tenant", Text, primary_key=True),
        Column("route", Text, primary_key=True),
        Column("key_digest", Text, primary_key=True),
        Column("request_digest", LargeBinary, nullable=False),
        Column("response", LargeBinary, nullable=False),
        Column("created_at", BigInteger, nullable=False, index=True),
    )


_TABLE = define_table(MetaData())
_FIND = """SELECT request_digest, response FROM idempotency
WHERE tenant = :tenant AND route = :route AND key_digest = :key"""
_REMEMBER = insert(_TABLE)


@dataclass(frozen=True, kw_only=True)
class Slot:
    """Where the response to one key of one tenant on one route is kept."""

    secret: bytes
    tenant: str
    route: str
    key: str

    @cached_property
    def digest(self) -> str:
        """What stands in for the key in the table."""
        return self._derived("name").hex()

    @cached_property
    def cipher(self) -> AESSIV:
        """What the response is sealed with."""
        return AESSIV(self._derived("seal"))

    def _derived(self, purpose: str) -> bytes:
        parts = ["idempotency", purpose, self.tenant, self.route, self.key]
        text = "\x1f".join(parts)
        return hmac.digest(self.secret, text.encode(), hashlib.sha512)


def find(db: Connection, slot: Slot, request_digest: bytes) -> StoredResponse | None:
    """Return the response that was given before.

    Raises:
        IdempotencyKeyReused: the key belongs to another request.
    """
    place = {"tenant": slot.tenant, "route": slot.route, "key": slot.digest}
    found = direct.rows(db, _FIND, place)
    if not found:
        return None
    (row,) = found
    if not hmac.compare_digest(bytes(row["request_digest"]), request_digest):
        raise IdempotencyKeyReused("This Idempotency-Key belongs to another request.")
    status, headers, body = json.loads(slot.cipher.decrypt(bytes(row["response"]), None))
    return StoredResponse(status=status, headers=tuple(map(tuple, headers)), body=body)


def remember(
    db: Connection, slot: Slot, request_digest: bytes, response: StoredResponse, now: datetime
) -> None:
    """Keep a response for the next request with the same key.

    Raises:
        Conflict: another request with the key was faster; trying again finds its response.
    """
    remember_all(db, [(slot, request_digest, response)], now)


def remember_all(
    db: Connection, answers: Sequence[tuple[Slot, bytes, StoredResponse]], now: datetime
) -> None:
    """Keep several responses, each with its slot and its request's digest; raises Conflict."""
    rows = [_row(slot, digest, response, now) for slot, digest, response in answers]
    try:
        if rows:
            db.execute(_REMEMBER, rows if len(rows) > 1 else rows[0])
    except IntegrityError as error:
        raise Conflict("the same Idempotency-Key is being served") from error


def forget(db: Connection, before: datetime) -> int:
    """Delete what is older than ``before``; returns how many rows went."""
    return db.execute(delete(_TABLE).where(_TABLE.c.created_at < micros(before))).rowcount


def _row(slot: Slot, digest: bytes, response: StoredResponse, now: datetime) -> dict[str, Any]:
    plain = json.dumps([response.status, response.headers, response.body])
    return {
        "tenant": slot.tenant,
        "route": slot.route,
        "key_digest": slot.digest,
        "request_digest": digest,
        "response": slot.cipher.encrypt(plain.encode(), None),
        "created_at": micros(now),
    }
