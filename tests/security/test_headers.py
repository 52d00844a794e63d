"""What every answer tells browsers: no framing, no sniffing, no script but ours, TLS only."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from repository import services
from werkzeug import Response
from werkzeug.test import Client

from bus_service import embedded
from chassis.entrypoints import handlers_of
from chassis.errors import NotFound
from chassis.roles import blueprint_of, edge_of
from chassis.routes import Route
from chassis.testing.web import Tokens
from chassis.wsgi import Service, wsgi_app
from four_logs import MONDAY, FourLogs
from loop.main import app_of
from loop.pages import pages
from loop_service import LoopUnderTest

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def pages_of_services() -> list[tuple[str, Route, Any]]:
    """Return every page route of the services that nameko serves."""
    return [
        (name, route, handler)
        for name in services()
        if isinstance(edge := edge_of(blueprint_of(name)), type)
        for route, handler in handlers_of(edge())
        if route.page is not None
    ]


PAGES = pages_of_services()


def check(response: Any, *, tls: bool) -> None:
    """Look at the headers that each answer must have."""
    headers = response.headers
    for name, value in ALWAYS.items():
        assert headers[name] == value
    assert headers["Referrer-Policy"] in ("same-origin", "no-referrer")
    assert ("Strict-Transport-Security" in headers) is tls
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["base-uri"] == "'none'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "*" not in headers["Content-Security-Policy"]


def test_there_are_pages_to_look_at() -> None:
    """The tests below would pass by looking at nothing."""
    assert len(PAGES) >= 8


@pytest.mark.parametrize(
    ("name", "route", "handler"), PAGES, ids=[f"{name} {route.name}" for name, route, _ in PAGES]
)
def test_every_page_of_a_service_is_guarded(
    tmp_path: Path, name: str, route: Route, handler: Any
) -> None:
    """A page could be framed, or run what somebody wrote into a name."""
    del handler

    def fails(*_: Any) -> Any:
        raise NotFound("There is none.")

    def shows(*_: Any) -> Response:
        return Response("<p>shown", content_type="text/html")

    tokens, storage = Tokens(tmp_path / "issuer"), embedded(tmp_path, name)
    open_to_all = replace(route, tenant_from=lambda _: "acme", tenant_signed=None)
    for answer in (shows, fails):
        app = wsgi_app(
            Service(name=name, tls=True), [(open_to_all, answer)], storage, tokens.authority
        )
        path = re.sub(r"<uuid:\w+>", "0198c0de-0000-7000-8000-000000000001", route.path)
        path = re.sub(r"<int:\w+>", "7", path)
        path = re.sub(r"<\w+>", "x", path)
        check(Client(app).open(path, method=route.method), tls=True)
    storage.database.close()


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[LoopUnderTest]:
    logs = FourLogs(tmp_path)
    made = LoopUnderTest(tmp_path, logs, MONDAY)
    yield made
    made.close()
    logs.close()


def test_every_page_of_the_loop_is_guarded(loop: LoopUnderTest) -> None:
    """A page could be framed, or run what somebody wrote into a name."""
    production = app_of(replace(loop.console, tokens_in_links=False), [])
    development = loop.app
    for rule, _ in pages(loop.console):
        path = rule.rule.replace("<int:position>", "1").replace("<service>", "commerce")
        path = path.replace("/static/<name>", "/static/loop.css").replace("<name>", "gmv")
        for app, tls in ((production, True), (development, False)):
            for method in rule.methods or {"GET"}:
                if method != "HEAD":
                    check(Client(app).open(path, method=method), tls=tls)


@pytest.mark.parametrize("path", ["/healthz", "/openapi.json", "/v1/me", "/nothing", "/v1/audit"])
def test_what_is_no_page_runs_nothing_either(loop: LoopUnderTest, path: str) -> None:
    """An answer that somebody opens in a browser could be taken for a page."""
    answer = Client(loop.app).get(path)
    check(answer, tls=False)
    assert "script-src" not in answer.headers["Content-Security-Policy"]
