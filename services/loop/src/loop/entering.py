"""The way in and out: sign in at the issuer, or in development with a token; sign out."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from werkzeug import Request, Response
from werkzeug.routing import Rule
from werkzeug.utils import redirect

from chassis import audit
from chassis.access import note_emergency
from chassis.audit import Deed
from chassis.auth import Claims, MissingScope, Unauthenticated
from chassis.browser_sessions import Session, SignInNeeded, check_site
from chassis.clients import address_of
from chassis.errors import Rejected, Unavailable
from chassis.sign_in import Grant, begun
from chassis.throttle import Limit, TooManyRequests
from chassis.wsgi import Endpoint
from loop.console import Console
from loop.rendering import page
from loop.session import CALLBACK

Page = Callable[[Console, Session, Request, Mapping[str, Any]], Response]


def doors(console: Console) -> list[tuple[Rule, Endpoint]]:
    """Return the pages that need no session."""
    return [
        (Rule("/session", methods=["POST"]), _limited(console, _with_token)),
        (Rule("/sign-in", methods=["GET"]), _limited(console, _begin)),
        (Rule(CALLBACK, methods=["GET"]), _limited(console, _finish)),
        (Rule("/sign-out", methods=["POST"]), signed_in(console, _leave)),
        (Rule("/signed-out", methods=["GET"]), _limited(console, _left, "address")),
    ]


def signed_in(console: Console, show: Page) -> Endpoint:
    """Serve a page to whoever is signed in; others see how to."""

    def answer(request: Request, path: Mapping[str, Any]) -> Response:
        try:
            console.throttle.client(request)
            session = console.sessions.of(request)
        except Rejected as refusal:
            return refused(console, request, refusal)
        except Unavailable:
            return page("signin.html", status=503, **_ways(console, request, _AWAY))
        note_emergency(console.storage, session.claims, _address(console, request))
        return show(console, session, request, path)

    return answer


def enter(console: Console, request: Request, show: Page, path: Mapping[str, Any]) -> Response:
    """Serve the first page; in development a token in its address signs in."""
    token = request.args.get("token")
    if token is not None and console.tokens_in_links:
        return _limited(console, partial(_take, token=token))(request, path)
    return signed_in(console, show)(request, path)


def refused(console: Console, request: Request, refusal: Rejected) -> Response:
    """Show how to sign in, and why it did not work if it was tried."""
    problem = None if isinstance(refusal, SignInNeeded) else str(refusal)
    response = page("signin.html", status=refusal.status, **_ways(console, request, problem))
    if isinstance(refusal, TooManyRequests):
        response.headers["Retry-After"] = str(refusal.retry_after)
        response.headers.update(refusal.allowance.headers)
    return response


_AWAY = "The issuer does not answer; try again in a minute."


def _limited(
    console: Console, enter: Callable[[Console, Request], Response], limit: Limit = "sign-in"
) -> Endpoint:
    def answer(request: Request, _path: Mapping[str, Any]) -> Response:
        try:
            console.throttle.client(request, limit)
            return enter(console, request)
        except Rejected as refusal:
            return refused(console, request, refusal)
        except Unavailable:
            return page("signin.html", status=503, **_ways(console, request, _AWAY))

    return answer


def _begin(console: Console, request: Request) -> Response:
    if console.sign_in is None:
        raise SignInNeeded("Bring a token.")
    wanted = begun(request.args.get("return_to", "/"))
    response = _to(console.sign_in.address(wanted))
    return console.sessions.await_answer(response, wanted)


def _finish(console: Console, request: Request) -> Response:
    if console.sign_in is None:
        raise SignInNeeded("Bring a token.")
    try:
        wanted = console.sessions.awaited(request)
        grant, claims = console.sign_in.finish(request.args, wanted)
    except Rejected as refusal:
        _note(console, request, "sign_in", None, refusal)
        raise
    return _open(console, request, grant, claims, wanted.return_to)


def _with_token(console: Console, request: Request) -> Response:
    check_site(request)
    return _take(console, request, token=request.form.get("token", ""))


def _take(console: Console, request: Request, *, token: str) -> Response:
    try:
        claims = console.authority.claims(token.strip())
        if not console.tokens_in_links and claims.break_glass is None:
            # Otherwise a token that was made for a program would open the pages to a person.
            raise SignInNeeded("Sign in at the issuer.")
    except Rejected as refusal:
        _note(console, request, "sign_in", None, refusal)
        raise
    return _open(console, request, Grant(access=token.strip()), claims, "/")


def _open(
    console: Console, request: Request, grant: Grant, claims: Claims, return_to: str
) -> Response:
    note_emergency(console.storage, claims, _address(console, request))
    try:
        response = console.sessions.begin(_to(return_to), grant, claims)
    except MissingScope as refusal:
        _note(console, request, "sign_in", claims, refusal)
        raise
    _note(console, request, "sign_in", claims)
    return response


def _leave(
    console: Console, session: Session, request: Request, _path: Mapping[str, Any]
) -> Response:
    try:
        console.sessions.check_form(request, session)
    except Rejected as refusal:
        return refused(console, request, refusal)
    _note(console, request, "sign_out", session.claims)
    return console.sessions.end(_to("/signed-out"), session)


def _left(console: Console, _request: Request) -> Response:
    # A link, and no redirect: the policy lets no form lead to another site.
    elsewhere = console.sign_in.elsewhere(console.public_url) if console.sign_in else None
    return page("signedout.html", elsewhere=elsewhere)


def _note(
    console: Console,
    request: Request,
    action: str,
    claims: Claims | None,
    refusal: Rejected | None = None,
) -> None:
    deed = Deed(
        action=action,
        subject=claims.subject if claims else "unknown",
        outcome="refused" if refusal else "done",
        detail={
            "address": _address(console, request),
            "code": refusal.code if refusal else None,
            "emergency": claims.break_glass if claims else None,
        },
    )
    audit.note(
        console.storage,
        deed,
        tenant=claims.tenant if claims else audit.INSTALLATION,
        actor=claims.actor if claims else "anonymous",
    )


def _address(console: Console, request: Request) -> str:
    return address_of(request, console.throttle.proxies)


def _ways(console: Console, request: Request, problem: str | None) -> dict[str, Any]:
    wanted = request.full_path.rstrip("?") if request.method == "GET" else "/"
    inside = wanted.startswith(("/sign", "/live", "/?token="))
    return {
        "problem": problem,
        "at_issuer": console.sign_in is not None,
        "with_token": console.tokens_in_links,
        "return_to": "/" if inside else wanted,
    }


def _to(address: str) -> Response:
    found = redirect(address, code=303)
    return Response(
        found.get_data(), status=303, headers={"Location": address, "Cache-Control": "no-store"}
    )


__all__ = ["Unauthenticated", "doors", "enter", "refused", "signed_in"]
