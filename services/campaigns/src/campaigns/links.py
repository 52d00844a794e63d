"""Tracked links: a token that we signed names the tenant and the link, never the target.

Where a link leads stands in our own table, written when the content was published.  Nothing
in the request can change it, so the redirect is of no use to who wants to lead people
elsewhere under our name.
"""

import base64
import hmac
import json
import re
from uuid import UUID

from werkzeug import Request

from chassis.errors import NotFound, Rejected

PREFIX = "/r/"
_NAME_BYTES, _SIGNATURE_BYTES = 12, 16
_TOKEN = re.compile(r"([A-Za-z0-9_-]{2,90})\.([A-Za-z0-9_-]{16})\.([A-Za-z0-9_-]{22})", re.ASCII)
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)


class UnknownLink(NotFound):
    """The link is not one of ours."""

    code = "unknown_link"


class LinkWithdrawn(Rejected):
    """The content behind the link was taken back."""

    code = "link_withdrawn"
    status = 410


def token_for(secret: bytes, tenant: str, *, content_id: UUID, platform: str, slot: str) -> str:
    """Return the one token of a content in a slot of a platform.

    >>> slot = {"content_id": UUID(int=1), "platform": "weibo", "slot": "a"}
    >>> token = token_for(b"k" * 32, "acme", **slot)
    >>> token == token_for(b"k" * 32, "acme", **slot), tenant_in(token, b"k" * 32)
    (True, 'acme')
    """
    name = _text(_mac(secret, "name", tenant, str(content_id), platform, slot)[:_NAME_BYTES])
    return f"{_text(tenant.encode())}.{name}.{_signature(secret, tenant, name)}"


def tenant_in(token: str, secret: bytes) -> str:
    """Return the tenant that a token was signed for.

    Raises:
        UnknownLink: we did not sign it.
    """
    parts = _TOKEN.fullmatch(token)
    if parts is None:
        raise UnknownLink("The link is malformed.")
    tenant = _tenant(parts[1])
    if not hmac.compare_digest(_signature(secret, tenant, parts[2]), parts[3]):
        raise UnknownLink("The link was not made here.")
    return tenant


def tenant_of_request(request: Request, secret: bytes) -> str:
    """Return the tenant whose link is followed; raises UnknownLink."""
    return tenant_in(request.path.removeprefix(PREFIX), secret)


def _tenant(text: str) -> str:
    try:
        tenant = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
    except ValueError as error:
        raise UnknownLink("The link is malformed.") from error
    # More than one text decodes to the same bytes; only the one that we write is ours.
    if not _TENANT.fullmatch(tenant) or _text(tenant.encode()) != text:
        raise UnknownLink("The link is malformed.")
    return tenant


def _signature(secret: bytes, tenant: str, name: str) -> str:
    return _text(_mac(secret, "link", tenant, name)[:_SIGNATURE_BYTES])


def _mac(secret: bytes, *parts: str) -> bytes:
    message = json.dumps(["tracked link", *parts], separators=(",", ":"))
    return hmac.digest(secret, message.encode(), "sha256")


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
