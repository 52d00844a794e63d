"""What every page of a service has in common: its headers, and a page for each refusal."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from werkzeug import Request, Response

from chassis import problems
from chassis.problems import Problem
from chassis.routes import Route
from chassis.storage import Storage

_log = logging.getLogger(__name__)
POLICY: Mapping[str, str] = {
    "default-src": "'none'",
    "style-src": "'self'",
    "img-src": "'self'",
    "media-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
_HEADERS = {
    "Cache-Control": "no-store",
    # Not no-referrer: browsers then send a form without saying where it comes from.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
}
# For what is no page: JSON that somebody opens in a browser, a picture, a script.
_ALWAYS = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
_TLS_ONLY = "max-age=31536000; includeSubDomains"


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """A request to a page that was not carried out, for the page that says so.

    Args:
        error: Why.
        problem: The same in words that may be shown.
        request: As it came.
        path: The path's arguments.
        storage: To show the form again with what it was about.
    """

    error: Exception
    problem: Problem
    request: Request
    path: Mapping[str, Any]
    storage: Storage


def policy(**more: str) -> str:
    """Return a content security policy.

    Args:
        more: Sources to add to a directive, ``img_src="https://cdn.example"``.

    >>> policy(img_src="https://cdn.example").split("; ")[2]
    "img-src 'self' https://cdn.example"
    >>> policy(script_src="'self'").split("; ")[-1]
    "script-src 'self'"
    """
    added = {name.replace("_", "-"): sources for name, sources in more.items() if sources}
    whole = {name: f"{POLICY.get(name, '')} {sources}".strip() for name, sources in added.items()}
    return "; ".join(f"{name} {sources}" for name, sources in {**POLICY, **whole}.items())


def guarded(response: Response, **more: str) -> Response:
    """Give a page the headers that it does not set itself.

    Args:
        response: The page.
        more: What its policy has besides, as ``policy`` takes it.
    """
    response.headers.setdefault("Content-Security-Policy", policy(**more))
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def hardened(response: Response, *, tls: bool) -> Response:
    """Give any answer, page or not, what no browser may do with it.

    Args:
        response: The answer.
        tls: Browsers reach us over TLS only, so they may be told to insist on it.
    """
    for name, value in _ALWAYS.items():
        response.headers.setdefault(name, value)
    if tls:
        response.headers.setdefault("Strict-Transport-Security", _TLS_ONLY)
    return response


def refused(
    route: Route, error: Exception, request: Request, path: Mapping[str, Any], storage: Storage
) -> Response:
    """Return the answer to a failed request: a page where one was asked for."""
    response = problems.response_to(error)
    if route.page is None:
        return response
    refusal = Refusal(
        error=error,
        problem=problems.problem_of(error),
        request=request,
        path=path,
        storage=storage,
    )
    try:
        page = route.page(refusal)
    except Exception as failure:  # noqa: BLE001 -- the edge answers whatever happens
        # Never the message: it may quote what the visitor typed.
        _log.error("a refusal's page failed", extra={"error": type(failure).__qualname__})
        return response
    for name in ("Retry-After", "WWW-Authenticate"):
        if name in response.headers:
            page.headers[name] = response.headers[name]
    return page
