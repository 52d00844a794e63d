"""Routes for people who carry no token: the path itself is signed by us."""

from pathlib import Path

import pytest
from werkzeug import Request
from werkzeug.test import TestResponse

from chassis.auth import Unauthenticated
from chassis.clock import FixedClock
from chassis.routes import Call, Reply, Route
from chassis.storage import Storage
from chassis.testing.contexts import NOW, SECRET
from chassis.testing.notebook import notebook_storage
from chassis.testing.web import Tokens, Web
from chassis.unit_of_work import UnitOfWork

SEEN: list[str] = []


def signed(request: Request, secret: bytes) -> str:
    if secret != SECRET or not request.path.endswith("good"):
        raise Unauthenticated("The path is not signed.")
    return "acme"


ROUTE = Route(
    method="GET",
    path="/door/<token>",
    kind="command",
    summary="Open a door.",
    status=302,
    tenant_signed=signed,
    open_query=True,
    actor="visitor",
)


def answer(work: UnitOfWork, call: Call[None]) -> Reply:
    SEEN.append(f"{work.tenant} {work.context.actor} {call.path['token']}")
    return Reply(headers={"Location": "/inside"})


@pytest.fixture
def web(tmp_path: Path) -> Web:
    SEEN.clear()
    storage: Storage = notebook_storage(tmp_path, FixedClock(NOW))
    return Web(Tokens(tmp_path / "issuer"), storage, [(ROUTE, answer)])


def follow(web: Web, path: str, method: str = "GET") -> TestResponse:
    return web.client.open(path, method=method)


def test_a_signed_path_is_let_in_for_its_tenant(web: Web) -> None:
    """A shopper without an account would stand before a closed door."""
    found = follow(web, "/door/good")

    assert (found.status_code, found.headers["Location"]) == (302, "/inside")
    assert SEEN == ["acme user:visitor good"]


def test_an_unsigned_path_is_not(web: Web) -> None:
    """Anybody could act for any tenant."""
    assert follow(web, "/door/bad").status_code == 401
    assert SEEN == []


def test_parameters_that_others_append_do_not_close_the_door(web: Web) -> None:
    """Links would break on every platform that adds a click id."""
    assert follow(web, "/door/good?fbclid=1&fbclid=2").status_code == 302


def test_a_command_does_not_answer_head(web: Web) -> None:
    """A program that only looks would change something."""
    assert follow(web, "/door/good", method="HEAD").status_code == 405
    assert SEEN == []


@pytest.mark.parametrize(("size", "status"), [(3 << 20, 413), ((1 << 20) + 9, 401)])
def test_a_route_may_take_longer_bodies(tmp_path: Path, size: int, status: int) -> None:
    """Imports could not be sent, or one request could fill the memory."""
    storage = notebook_storage(tmp_path, FixedClock(NOW))
    secured = Route(method="POST", path="/wide", kind="command", summary="Take much.",
                    tenant_from=read_whole, body_bytes=2 << 20)  # fmt: skip
    web = Web(Tokens(tmp_path / "issuer"), storage, [(secured, answer)])

    assert web.client.post("/wide", data=b"x" * size).status_code == status


def read_whole(request: Request) -> str:
    request.get_data(cache=True)
    raise Unauthenticated("Nobody is let in here.")
