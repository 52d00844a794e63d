"""Cursors that say where a page ended, and that only we can read or make."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from chassis.errors import Rejected

_LONGEST = 2048


class WrongCursor(Rejected):
    """The cursor does not come from this list."""

    code = "wrong_cursor"
    status = 400


@dataclass(frozen=True, kw_only=True, slots=True)
class Cursors:
    """Makes and reads the cursors of one tenant's view of one route.

    The same place always gives the same cursor.  One that was made for another tenant or
    another route does not open.

    >>> cursors = Cursors(secret=b"...", tenant="acme", route="GET /v1/orders")
    >>> cursors.read(cursors.write([7, "order-1"]))
    [7, 'order-1']
    """

    secret: bytes
    tenant: str
    route: str

    def write(self, place: Any) -> str:
        """Return the cursor for a place, which may be any JSON value."""
        plain = json.dumps(place, ensure_ascii=False, separators=(",", ":")).encode()
        sealed = self._cipher().encrypt(plain, self._binding())
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def read(self, cursor: str | None) -> Any:
        """Return the place a cursor stands for; None for the beginning.

        Raises:
            WrongCursor: we did not make it, or not for this list.
        """
        if cursor is None:
            return None
        if len(cursor) > _LONGEST:
            raise WrongCursor("The cursor is too long.")
        try:
            sealed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
            return json.loads(self._cipher().decrypt(sealed, self._binding()))
        except (InvalidTag, ValueError) as error:
            raise WrongCursor("The cursor cannot be read.") from error

    def _cipher(self) -> AESSIV:
        return AESSIV(hmac.digest(self.secret, b"cursor", hashlib.sha512))

    def _binding(self) -> list[bytes]:
        return [self.tenant.encode(), self.route.encode()]
