"""Forms and pages at the edge: who may send one, what it is, what every page says."""

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from werkzeug import Request, Response
from werkzeug.test import EnvironBuilder

from chassis import forms, openapi, page_edge
from chassis.errors import Invalid
from chassis.routes import Route
from chassis.testing.contexts import NOW, SECRET

OTHER = bytes(reversed(SECRET))


def sent(body: str, *, path: str = "/buy", cookie: str = "", **headers: str) -> Request:
    builder = EnvironBuilder(
        path=path,
        method="POST",
        data=body,
        content_type=forms.MEDIA_TYPE,
        headers={"Cookie": cookie, **headers},
    )
    return Request(builder.get_environ())


def cookie(visitor: str, *, secret: bytes = SECRET, tenant: str = "acme") -> str:
    whole = forms.visitor_cookie(secret, tenant, visitor, path="/", secure=True)
    return whole.partition(";")[0]


def filled(visitor: str, *, secret: bytes = SECRET, tenant: str = "acme") -> str:
    token = forms.form_token(secret, tenant, visitor, action="/buy", now=NOW)
    return urlencode({forms.TOKEN: token, "qty": "1"})


def test_a_form_gives_its_key_to_its_visitor_and_nobody_else() -> None:
    """Another site, person or company could act in a visitor's name."""
    me, you = forms.new_visitor(), forms.new_visitor()
    mine = sent(filled(me), cookie=cookie(me))
    key = forms.key_of(mine, SECRET, "acme", now=NOW)
    assert key == forms.key_of(mine, SECRET, "acme", now=NOW)
    assert key != forms.key_of(sent(filled(me), cookie=cookie(me)), SECRET, "acme", now=NOW)
    for refused in (
        sent(filled(me)),
        sent(filled(me), cookie=cookie(you)),
        sent(filled(me), cookie=cookie(me), path="/other"),
        sent(filled(me), cookie=cookie(me, secret=OTHER)),
        sent(filled(me, secret=OTHER), cookie=cookie(me)),
        sent(filled(me, tenant="globex"), cookie=cookie(me)),
        sent(filled(me), cookie=cookie(me, tenant="globex")),
        sent("qty=1", cookie=cookie(me)),
        sent(filled(me), cookie=cookie(me), **{"Sec-Fetch-Site": "cross-site"}),
    ):
        with pytest.raises(forms.FormNotOurs):
            forms.key_of(refused, SECRET, "acme", now=NOW)


def test_a_visitors_cookie_cannot_stand_in_for_a_forms_token() -> None:
    """One signature would open what another was made for."""
    me = forms.new_visitor()
    value = cookie(me).partition("=")[2]
    with pytest.raises(forms.FormNotOurs):
        forms.key_of(
            sent(urlencode({forms.TOKEN: value}), cookie=cookie(me)), SECRET, "acme", now=NOW
        )


def test_a_form_ends() -> None:
    """A page from last week would still order."""
    me = forms.new_visitor()
    late = NOW + forms.GOOD_FOR + timedelta(seconds=1)
    with pytest.raises(forms.FormTooOld):
        forms.key_of(sent(filled(me), cookie=cookie(me)), SECRET, "acme", now=late)


def test_of_several_cookies_the_one_that_is_proven_counts() -> None:
    """A cookie that another part of the site set would hide the visitor's own."""
    me = forms.new_visitor()
    both = f"visitor=forged.x; {cookie(me)}"
    assert forms.visitor_of(SECRET, "acme", both) == me
    assert forms.visitor_of(SECRET, "acme", "visitor=forged.x") is None


@pytest.mark.parametrize(
    "body", ["a=1&a=2", "a=%00", "a=%ff", "é=1", "&".join(f"f{n}=1" for n in range(300))]
)
def test_a_form_that_no_browser_sends_is_refused(body: str) -> None:
    """A field could be read in two ways, or not be stored."""
    with pytest.raises(Invalid):
        forms.fields_of(sent(body))


def test_a_page_is_guarded_and_no_part_of_the_api() -> None:
    """A new page would run what somebody injected; a client would be generated for HTML."""
    page = page_edge.guarded(Response("<p>"))
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["Cache-Control"] == "no-store"
    route = Route(
        method="GET",
        path="/p",
        kind="query",
        summary="A page.",
        tenant_from=lambda _: "acme",
        page=lambda _: Response("refused"),
    )
    assert openapi.document("shop", "1", [route])["paths"] == {}
