"""Forms that browsers send: who the visitor is, and that the form was made for him here.

A page shows forms to visitors without an account.  Two signed texts make them safe:

- a cookie that holds the visitor's subject, so that nobody can name himself as somebody else;
- a token in each form that binds it to the tenant, the visitor, the address it is sent to and
  one idempotency key, so that no other site can send it and a double click is one command.
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

from werkzeug import Request
from werkzeug.http import dump_cookie, parse_cookie

from chassis.errors import Forbidden, Invalid

TOKEN = "form_token"  # noqa: S105  # the field's name
COOKIE = "visitor"
MEDIA_TYPE = "application/x-www-form-urlencoded"
GOOD_FOR = timedelta(hours=12)
_COOKIE_SECONDS = 90 * 24 * 3600
_MOST_FIELDS = 200
_TEXT = re.compile(r"[A-Za-z0-9_=-]{1,1000}\.[A-Za-z0-9_=-]{1,100}", re.ASCII)
_VISITOR = re.compile(r"visitor-[0-9a-f]{32}", re.ASCII)


class FormNotOurs(Forbidden):
    """The form was not made here for this visitor; open the page again and send it from there."""

    code = "form_not_ours"


class FormTooOld(Forbidden):
    """The form was made too long ago; open the page again and send it from there."""

    code = "form_too_old"


def new_visitor() -> str:
    """Return the subject of a visitor who has not been here before; it says nothing of him."""
    return f"visitor-{uuid4().hex}"


def visitor_cookie(secret: bytes, tenant: str, visitor: str, *, path: str, secure: bool) -> str:
    """Return the ``Set-Cookie`` header that lets a tenant know a visitor again.

    Args:
        secret: The deployment's key.
        tenant: Whose visitor; another tenant cannot read the cookie as its own.
        visitor: The visitor's subject.
        path: Below which the cookie is sent.
        secure: Over TLS only.
    """
    return dump_cookie(
        COOKIE,
        _sealed(secret, "visitor", [tenant, visitor]),
        max_age=_COOKIE_SECONDS,
        path=path,
        secure=secure,
        httponly=True,
        samesite="Lax",
    )


def no_visitor_cookie(*, path: str, secure: bool) -> str:
    """Return the ``Set-Cookie`` header that has the browser forget who the visitor is."""
    return dump_cookie(COOKIE, max_age=0, path=path, secure=secure, httponly=True, samesite="Lax")


def visitor_of(secret: bytes, tenant: str, cookie_header: str) -> str | None:
    """Return who a request's cookies say the visitor is; None if they prove nobody."""
    for text in parse_cookie(cookie_header).getlist(COOKIE):
        said = _opened(secret, "visitor", text)
        if isinstance(said, list) and said[:1] == [tenant] and _VISITOR.fullmatch(str(said[-1])):
            return str(said[-1])
    return None


def form_token(secret: bytes, tenant: str, visitor: str, *, action: str, now: datetime) -> str:
    """Return the token of a new form.

    Args:
        secret: The deployment's key.
        tenant: Whose page shows the form.
        visitor: Who sees it.
        action: The path it will be sent to.
        now: The moment; the form is good for ``GOOD_FOR``.
    """
    until = int((now + GOOD_FOR).timestamp())
    return _sealed(secret, "form", [tenant, visitor, action, uuid4().hex, until])


def key_of(request: Request, secret: bytes, tenant: str, *, now: datetime) -> str:
    """Return the idempotency key of a form, once everything about it is found to be right.

    Raises:
        FormNotOurs: another site sent it, or it is somebody else's.
        FormTooOld: it lay about for too long.
    """
    if request.headers.get("Sec-Fetch-Site") == "cross-site":
        raise FormNotOurs("Another site sent this form.")
    said = _opened(secret, "form", fields_of(request).get(TOKEN, ""))
    visitor = visitor_of(secret, tenant, request.headers.get("Cookie", ""))
    here = [tenant, visitor, request.path]
    if visitor is None or not isinstance(said, list) or said[:-2] != here:
        raise FormNotOurs("Allow cookies here, open the page again and send it from there.")
    key, until = said[-2:]
    if until < now.timestamp():
        raise FormTooOld("Open the page again and send it from there.")
    return str(key)


def fields_of(request: Request) -> Mapping[str, str]:
    """Return a form's fields, without those that were left empty.

    Raises:
        Invalid: it is not a form, has too many fields, or one of them twice.
    """
    raw = request.get_data(cache=True)
    if request.mimetype != MEDIA_TYPE:
        raise Invalid({"_schema": [f"Send {MEDIA_TYPE}."]})
    try:
        pairs = parse_qsl(
            raw.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError:
        raise Invalid({"_schema": ["The form is malformed."]}) from None
    found = dict(pairs)
    if len(found) != len(pairs) or any("\0" in text for pair in pairs for text in pair):
        raise Invalid({"_schema": ["A field is given twice, or holds a NUL character."]})
    return {name: text.strip() for name, text in found.items() if text.strip()}


def signed_text(secret: bytes, purpose: str, said: Any) -> str:
    """Return a short proof that this deployment said something, to put into a link."""
    return base64.urlsafe_b64encode(_mac(secret, purpose, _json(said))).decode().rstrip("=")


def is_signed(secret: bytes, purpose: str, said: Any, proof: str) -> bool:
    """Say whether a link's proof is ours."""
    return hmac.compare_digest(signed_text(secret, purpose, said).encode(), proof.encode())


def _sealed(secret: bytes, purpose: str, said: Any) -> str:
    content = _json(said)
    parts = (content, _mac(secret, purpose, content))
    return ".".join(base64.urlsafe_b64encode(part).decode() for part in parts)


def _opened(secret: bytes, purpose: str, text: str) -> Any:
    if not _TEXT.fullmatch(text):
        return None
    try:
        content, given = (base64.urlsafe_b64decode(part) for part in text.split("."))
    except binascii.Error:
        return None
    known = hmac.compare_digest(_mac(secret, purpose, content), given)
    return json.loads(content) if known else None


def _json(said: Any) -> bytes:
    return json.dumps(said, separators=(",", ":")).encode()


def _mac(secret: bytes, purpose: str, content: bytes) -> bytes:
    return hmac.digest(secret, f"forms {purpose}\x1f".encode() + content, hashlib.sha256)
