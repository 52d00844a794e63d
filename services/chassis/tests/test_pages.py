"""Pages at the edge: a form is a command once, a refusal is a page, a failure shows nothing."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from werkzeug import Response

from chassis import forms
from chassis.clock import FixedClock
from chassis.errors import Rejected
from chassis.page_edge import Refusal
from chassis.routes import Call, Reply, Route
from chassis.storage import Storage
from chassis.testing.contexts import NOW, SECRET
from chassis.testing.notebook import notebook_storage
from chassis.testing.web import Tokens, Web

ME = forms.new_visitor()


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """A form."""

    qty: int
    word: str | None = None


class TooMany(Rejected):
    """Ask for fewer."""

    code = "too_many"


def said(refusal: Refusal) -> Response:
    return Response(
        f"<p>{refusal.problem.code}", status=refusal.problem.status, mimetype="text/html"
    )


def broken(_: Refusal) -> Response:
    raise KeyError("secret")


def route(page: Any = said) -> Route:
    return Route(
        method="POST",
        path="/wish",
        kind="command",
        summary="A form.",
        tenant_from=lambda _: "acme",
        body=Wish,
        page=page,
        status=303,
    )


class Shop:
    """A page under test, which keeps what it was asked."""

    def __init__(self, directory: Path, storage: Storage, page: Any = said) -> None:
        self.asked: list[Wish] = []
        self.web = Web(Tokens(directory / "issuer"), storage, [(route(page), self.answer)])

    def answer(self, _work: Any, call: Call[Wish]) -> Reply:
        if call.body.qty > 9:
            raise TooMany("secret")
        self.asked.append(call.body)
        return Reply(headers={"Location": f"/done/{len(self.asked)}"})

    def send(self, form: str) -> Any:
        whole = forms.visitor_cookie(SECRET, "acme", ME, path="/", secure=True)
        self.web.client.set_cookie(forms.COOKIE, whole.partition(";")[0].partition("=")[2])
        return self.web.client.post("/wish", data=form, content_type=forms.MEDIA_TYPE)


def filled(**fields: object) -> str:
    token = forms.form_token(SECRET, "acme", ME, action="/wish", now=NOW)
    return urlencode({forms.TOKEN: token, **fields})


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return notebook_storage(tmp_path, FixedClock(NOW))


def test_a_form_is_carried_out_once(tmp_path: Path, storage: Storage) -> None:
    """A double click would act twice; a number would arrive as text."""
    shop, form = Shop(tmp_path, storage), filled(qty=3, word=" ")
    first, second = shop.send(form), shop.send(form)
    assert (first.status_code, first.headers["Location"]) == (303, "/done/1")
    assert second.headers["Location"] == "/done/1"
    assert shop.asked == [Wish(qty=3, word=None)]
    assert shop.send(filled(qty=3)).headers["Location"] == "/done/2"


@pytest.mark.parametrize(
    ("form", "status", "code"),
    [
        (filled(qty=10), 409, "too_many"),
        (filled(qty="many"), 400, "invalid"),
        (filled(qty=1, other=1), 400, "invalid"),
        ("qty=1", 403, "form_not_ours"),
    ],
)
def test_a_refusal_is_a_page_with_the_headers_of_every_page(
    tmp_path: Path, storage: Storage, form: str, status: int, code: str
) -> None:
    """A person would be shown a machine's report, or a page that may run anything."""
    shop = Shop(tmp_path, storage)
    page = shop.send(form)
    assert (page.status_code, page.get_data(as_text=True)) == (status, f"<p>{code}")
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["Cache-Control"] == "no-store"
    assert shop.asked == []


def test_a_page_that_fails_itself_shows_and_logs_nothing_of_the_inside(
    tmp_path: Path, storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    """A mistake in an error's page would leave a browser without any answer."""
    answer = Shop(tmp_path, storage, page=broken).send(filled(qty=10))
    assert (answer.status_code, answer.get_json()["code"]) == (409, "too_many")
    assert "KeyError" in "".join(str(record.__dict__) for record in caplog.records)
    assert "secret" not in "".join(str(record.__dict__) for record in caplog.records)
