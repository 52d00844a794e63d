"""Translate a request into checked objects; whatever does not fit is refused here."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from marshmallow import fields
from werkzeug import Request
from werkzeug.datastructures import MultiDict

from chassis import forms, schemas
from chassis.auth import TENANT, Authority, Claims, ForeignTenant, Unauthenticated
from chassis.errors import Invalid, Rejected
from chassis.ids import new_id
from chassis.routes import Route

_DEEPEST = 32
_LARGEST = 2**63
_INTEGER = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_ETAG = re.compile(r'"([0-9]{1,18})"', re.ASCII)
_KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


class MalformedJson(Rejected):
    """The body is not a JSON document that we accept."""

    code = "malformed_json"
    status = 400


class UnsupportedMediaType(Rejected):
    """The body must be plain application/json."""

    code = "unsupported_media_type"
    status = 415


class MissingIdempotencyKey(Rejected):
    """A POST needs an Idempotency-Key header."""

    code = "missing_idempotency_key"
    status = 400


class MalformedIdempotencyKey(Rejected):
    """An Idempotency-Key is 1 to 255 printable ASCII characters without spaces."""

    code = "malformed_idempotency_key"
    status = 400


class MalformedIfMatch(Rejected):
    """If-Match holds one entity tag, as an ETag header gave it."""

    code = "malformed_if_match"
    status = 400


class PreconditionRequired(Rejected):
    """An If-Match header with the version that was read is needed."""

    code = "precondition_required"
    status = 428


class PreconditionFailed(Rejected):
    """It has changed since it was read."""

    code = "precondition_failed"
    status = 412


@dataclass(frozen=True, kw_only=True, slots=True)
class Json:
    """A JSON document, and the one form of it that digests are computed over."""

    value: Any
    canonical: str


def claims_of(route: Route, request: Request, authority: Authority, secret: bytes) -> Claims:
    """Return who asks.

    Raises:
        Unauthenticated: there is no valid token.
    """
    tenant = _tenant_without_token(route, request, secret)
    if tenant is not None:
        return Claims(tenant=tenant, subject=route.actor, scopes=frozenset())
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("Send Authorization: Bearer <token>.")
    return authority.claims(token.strip())


def acting_for(route: Route, claims: Claims, path: Mapping[str, Any]) -> Claims:
    """Return the claims of whom the request is about: an operator may name a tenant.

    Raises:
        Invalid: no tenant can be called like that.
    """
    if route.acts_for is None:
        return claims
    tenant = path[route.acts_for]
    if not TENANT.fullmatch(tenant):
        raise Invalid({route.acts_for: ["Not a valid identifier."]})
    return replace(claims, tenant=tenant)


def checked_path(path: Mapping[str, Any], claims: Claims) -> Mapping[str, Any]:
    """Return the path's arguments.

    Raises:
        ForeignTenant: the path names a tenant that is not the caller's.
        Invalid: an argument holds characters that no identifier has.
    """
    if path.get("tenant", claims.tenant) != claims.tenant:
        raise ForeignTenant("The path names another tenant.")
    wrong = [
        name
        for name, value in path.items()
        if not str(value).isprintable() or (isinstance(value, int) and value >= _LARGEST)
    ]
    if wrong:
        raise Invalid({name: ["Not a valid identifier."] for name in wrong})
    return path


def idempotency_key(route: Route, request: Request) -> str | None:
    """Return the key of the request; None where none is needed and none was sent.

    Raises:
        MissingIdempotencyKey: a POST without one.
        MalformedIdempotencyKey: one that is empty, too long or unprintable.
    """
    if route.key_from is not None:
        return route.key_from(request)
    key = request.headers.get("Idempotency-Key")
    if key is None and route.method == "POST":
        raise MissingIdempotencyKey("Send an Idempotency-Key.")
    if key is not None and not _KEY.fullmatch(key):
        raise MalformedIdempotencyKey("The Idempotency-Key is malformed.")
    return key


def if_match(route: Route, request: Request) -> int | None:
    """Return the version that the caller has seen; None when any will do.

    Raises:
        PreconditionRequired: the route needs one.
        PreconditionFailed: a weak tag, which never matches.
        MalformedIfMatch: not one of our tags.
    """
    header = request.headers.get("If-Match")
    if header is None and route.requires_match:
        raise PreconditionRequired("Send If-Match with the ETag that was read.")
    if header is None or header.strip() == "*":
        return None
    if header.strip().startswith("W/"):
        raise PreconditionFailed("A weak entity tag never matches.")
    tag = _ETAG.fullmatch(header.strip())
    if tag is None:
        raise MalformedIfMatch("If-Match is malformed.")
    return int(tag[1])


def correlation_id(request: Request) -> UUID | None:
    """Return the caller's correlation id, if it is a UUID."""
    try:
        return UUID(request.headers.get("X-Correlation-Id", ""))
    except ValueError:
        return None


def document_of(route: Route, request: Request) -> Json:
    """Return the body, which is a form where the route is a page; raises what those raise."""
    return json_body(route, request) if route.page is None else form_body(route, request)


def form_body(route: Route, request: Request) -> Json:
    """Return a form's fields as a document, numbers as numbers; raises Invalid."""
    fields = forms.fields_of(request)
    known = schemas.fields_of(route.body) if route.body is not None else {}
    value = {
        name: _scalar(known.get(name), text) for name, text in fields.items() if name != forms.TOKEN
    }
    return Json(value=value, canonical=canonical(value))


def json_body(route: Route, request: Request) -> Json:
    """Return the body.

    Raises:
        UnsupportedMediaType: it is declared to be something else.
        MalformedJson: it is not JSON, or not JSON that every part of us can hold.
        RequestEntityTooLarge: it is longer than the request's limit.
    """
    raw = request.get_data(cache=True)
    if not raw and route.body is None:
        return Json(value={}, canonical="{}")
    encoding = request.headers.get("Content-Encoding", "identity")
    if request.mimetype != "application/json" or encoding != "identity":
        raise UnsupportedMediaType("Send Content-Type: application/json.")
    return parsed(raw)


def parsed(raw: bytes) -> Json:
    """Parse one JSON document strictly; raises MalformedJson.

    >>> parsed(b'{"b": 1, "a": [true]}').canonical
    '{"a":[true],"b":1}'
    """
    try:
        value = json.loads(
            raw.decode(),
            object_pairs_hook=_object,
            parse_int=_whole,
            parse_float=_finite,
            parse_constant=_finite,
        )
        text = canonical(value)
    except (ValueError, RecursionError) as error:
        raise MalformedJson("The body is not well-formed JSON.") from error
    if _deeper(value, _DEEPEST) or _NUL.search(text):
        raise MalformedJson("The body is nested too deeply or holds a NUL character.")
    return Json(value=value, canonical=text)


def canonical(value: Any) -> str:
    """Return the one text of a JSON value; a ValueError where UTF-8 cannot hold it."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    text.encode()
    return text


def body_object(route: Route, body: Json) -> Any:
    """Return the route's body object; raises Invalid."""
    if route.body is not None:
        return schemas.load(route.body, body.value)
    if body.value != {}:
        raise Invalid({"_schema": ["No body is expected."]})
    return None


def query_object(route: Route, arguments: MultiDict[str, str]) -> Any:
    """Return the route's query object; raises Invalid.

    Raises:
        Invalid: an unknown or doubled parameter, or one of the wrong type.
    """
    if route.query is None:
        if arguments and not route.open_query:
            raise Invalid({name: ["Unknown field."] for name in arguments})
        return None
    known = schemas.fields_of(route.query)
    names = [name for name in arguments if name in known or not route.open_query]
    given = {name: _argument(known.get(name), arguments.getlist(name)) for name in names}
    if _NUL.search(canonical(given)):
        raise Invalid({"_schema": ["A NUL character is not allowed."]})
    return schemas.load(route.query, given)


def request_key() -> str:
    """Return a key for a command that is never repeated."""
    return str(new_id())


def _tenant_without_token(route: Route, request: Request, secret: bytes) -> str | None:
    if route.tenant_from is not None:
        return route.tenant_from(request)
    if route.tenant_signed is not None:
        return route.tenant_signed(request, secret)
    return None


def _argument(field: "fields.Field[Any] | None", texts: Sequence[str]) -> Any:
    if isinstance(field, fields.List):
        return [_scalar(field.inner, text) for text in texts]
    return _scalar(field, texts[0]) if len(texts) == 1 else list(texts)


def _scalar(field: "fields.Field[Any] | None", text: str) -> Any:
    if isinstance(field, fields.Integer) and _INTEGER.fullmatch(text):
        return int(text)
    if isinstance(field, fields.Boolean):
        return {"true": True, "false": False}.get(text, text)
    return text


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a field is given twice")
    return made


def _whole(text: str) -> int:
    # The databases hold 64-bit integers: a longer one would fail deep inside.
    number = int(text)
    if not -_LARGEST <= number < _LARGEST:
        raise ValueError("an integer has more than 64 bits")
    return number


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is not finite")
    return number


def _deeper(value: Any, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels == 0 or any(_deeper(item, levels - 1) for item in inner)
