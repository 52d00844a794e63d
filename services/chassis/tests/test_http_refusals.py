"""What the HTTP edge refuses, and that a refusal leaves nothing behind."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from chassis.clock import FixedClock
from chassis.entrypoints import handlers_of
from chassis.http import Limits
from chassis.routes import Reply, Route
from chassis.storage import Storage, log_on
from chassis.testing.contexts import NOW
from chassis.testing.notebook import NotebookService, notebook_storage, responses
from chassis.testing.web import Tokens, Web

SCOPES = ("notes:read", "notes:write")
JSON = "application/json"


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return notebook_storage(tmp_path, FixedClock(NOW))


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    return Tokens(tmp_path / "issuer")


@pytest.fixture
def web(tokens: Tokens, storage: Storage) -> Web:
    return Web(tokens, storage, handlers_of(NotebookService()), scopes=SCOPES)


@pytest.fixture
def nothing_recorded(storage: Storage) -> Callable[[], bool]:
    def check() -> bool:
        with storage.system.read() as db:
            remembered = db.execute(select(func.count()).select_from(responses)).scalar_one()
            return log_on(db).head() == 0 and remembered == 0

    return check


def problem(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.get_data(as_text=True)
    assert response.mimetype == "application/problem+json"
    body: dict[str, Any] = json.loads(response.get_data())
    assert body["code"] == code
    assert body["status"] == status
    assert body["type"] == f"urn:sixfold:problem:{code}"
    assert body["title"]
    assert "trace_id" in body
    return body


@pytest.mark.parametrize(
    "body",
    [
        b'{"title": ',
        b"",
        b"\xff\xfe{}",
        b'{"title": NaN}',
        b'{"title": "a", "title": "b"}',
        b'{"title": "\\ud800"}',
        b'{"title": "a\\u0000b"}',
        b'{"title": "a", "pages": 99999999999999999999999}',
        b'{"title": "a", "pages": 1e999}',
        b"[" * 100_000,
        b'{"title":' + b"[" * 40 + b"]" * 40 + b"}",
    ],
)
def test_what_is_not_json_is_refused(
    web: Web, body: bytes, nothing_recorded: Callable[[], bool]
) -> None:
    """A broken client is told that its body is broken, and nothing is stored."""
    response = web.send("POST", "/v1/notes", data=body, content_type=JSON)

    problem(response, 400, "malformed_json")
    assert nothing_recorded()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"title": "a", "surprise": 1}, "surprise"),
        ({}, "title"),
        ({"title": 7}, "title"),
        ({"title": ""}, "title"),
        ({"title": "a", "pages": "2"}, "pages"),
        ({"title": "a", "pages": 2.0001}, "pages"),
        ({"title": "a", "loud": 1}, "loud"),
        ({"title": "a", "colour": "pink"}, "colour"),
        ({"title": "a", "price": "much"}, "price"),
        ({"title": "a", "occurred_at": "yesterday"}, "occurred_at"),
        ([], "_schema"),
        ("text", "_schema"),
        (7, "_schema"),
    ],
)
def test_what_does_not_fit_the_schema_is_refused_by_field(
    web: Web, body: object, field: str, nothing_recorded: Callable[[], bool]
) -> None:
    """A client reads which field is wrong; an unknown field is never dropped in silence."""
    response = web.post("/v1/notes", body)

    assert field in problem(response, 400, "invalid")["errors"]
    assert nothing_recorded()


def test_an_oversized_body_is_refused(
    tokens: Tokens, storage: Storage, nothing_recorded: Callable[[], bool]
) -> None:
    """Nobody fills the memory with one request."""
    routes = handlers_of(NotebookService())
    web = Web(tokens, storage, routes, scopes=SCOPES, limits=Limits(body_bytes=64))

    problem(web.post("/v1/notes", {"title": "x" * 64}), 413, "request_entity_too_large")
    assert nothing_recorded()


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", None])
def test_another_media_type_is_refused(
    web: Web, content_type: str | None, nothing_recorded: Callable[[], bool]
) -> None:
    """A form posted from a foreign page cannot become a command."""
    response = web.send("POST", "/v1/notes", data=b'{"title":"a"}', content_type=content_type)

    problem(response, 415, "unsupported_media_type")
    assert nothing_recorded()


def test_a_missing_token_is_refused(web: Web, nothing_recorded: Callable[[], bool]) -> None:
    """Without a token nobody gets in, and the answer says what to send."""
    response = web.client.post("/v1/notes", json={"title": "a"}, headers={"Idempotency-Key": "k"})

    problem(response, 401, "unauthenticated")
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert nothing_recorded()


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Basic dTpw", "Bearer a.b.c", "Bearer é"])
def test_a_bad_token_is_refused(web: Web, header: str) -> None:
    """A made-up token is worth nothing."""
    response = web.client.get("/v1/notes", headers={"Authorization": header})

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_missing_scope_is_named(
    tokens: Tokens, web: Web, nothing_recorded: Callable[[], bool]
) -> None:
    """Who lacks a permission learns which one to ask for."""
    headers = tokens.bearer("notes:read") | {"Idempotency-Key": "k"}
    response = web.client.post("/v1/notes", json={"title": "a"}, headers=headers)

    assert "notes:write" in problem(response, 403, "missing_scope")["detail"]
    assert 'scope="notes:write"' in response.headers["WWW-Authenticate"]
    assert nothing_recorded()


def test_a_foreign_tenant_finds_nothing(web: Web) -> None:
    """One customer's note does not exist for another customer."""
    note = web.post("/v1/notes", {"title": "mine"}).get_json()["note_id"]

    problem(web.get(f"/v1/notes/{note}", tenant="globex"), 404, "not_found")
    assert web.get("/v1/notes", tenant="globex").get_json()["notes"] == []
    assert web.get(f"/v1/notes/{note}").get_json()["title"] == "mine"


def test_a_token_of_another_tenant_than_the_path_is_refused(
    tokens: Tokens, storage: Storage
) -> None:
    """A path that names a tenant takes only that tenant's tokens."""
    route = Route(
        method="GET", path="/v1/tenants/<tenant>/x", kind="query", summary="x", scope="notes:read"
    )
    web = Web(tokens, storage, [(route, lambda _db, _call: Reply(body={}))], scopes=SCOPES)

    assert web.get("/v1/tenants/acme/x").status_code == 200
    problem(web.get("/v1/tenants/acme/x", tenant="globex"), 403, "foreign_tenant")


def test_a_rule_that_refuses_names_its_requirement(
    web: Web, nothing_recorded: Callable[[], bool]
) -> None:
    """Support can look up the rule behind a refusal; the same key may then carry a better try."""
    refused = web.post("/v1/notes", {"title": "forbidden"}, key="k1")

    body = problem(refused, 409, "title_forbidden")
    assert (body["requirement"], body["title"]) == ("N1", "A note must not be called that.")
    assert nothing_recorded()
    assert web.post("/v1/notes", {"title": "allowed"}, key="k1").status_code == 201


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "ключ".encode().decode("latin-1")])
def test_a_malformed_idempotency_key_is_refused(
    tokens: Tokens, web: Web, key: str, nothing_recorded: Callable[[], bool]
) -> None:
    """A key that proxies might change on the way is not relied on."""
    headers = tokens.bearer(*SCOPES) | {"Idempotency-Key": key}
    response = web.client.post("/v1/notes", json={"title": "a"}, headers=headers)

    problem(response, 400, "malformed_idempotency_key")
    assert nothing_recorded()


def test_a_missing_idempotency_key_is_refused(
    tokens: Tokens, web: Web, nothing_recorded: Callable[[], bool]
) -> None:
    """No POST can be sent in a way that is unsafe to repeat."""
    response = web.client.post("/v1/notes", json={"title": "a"}, headers=tokens.bearer(*SCOPES))

    problem(response, 400, "missing_idempotency_key")
    assert nothing_recorded()


@pytest.mark.parametrize(
    ("header", "status", "code"),
    [
        (None, 428, "precondition_required"),
        ('"2"', 412, "precondition_failed"),
        ('"0"', 412, "precondition_failed"),
        ('W/"1"', 412, "precondition_failed"),
        ("1", 400, "malformed_if_match"),
        ('"1", "2"', 400, "malformed_if_match"),
        ('"٣"'.encode().decode("latin-1"), 400, "malformed_if_match"),
    ],
)
def test_a_stale_or_missing_etag_is_refused(
    web: Web, header: str | None, status: int, code: str
) -> None:
    """Two people who edit the same note cannot overwrite each other unseen."""
    created = web.post("/v1/notes", {"title": "first"})
    path = f"/v1/notes/{created.get_json()['note_id']}"
    headers = {"If-Match": header} if header else {}

    problem(web.put(path, {"title": "second"}, headers=headers), status, code)
    assert web.get(path).get_json()["title"] == "first"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=ten", "limit"),
        ("limit=1&limit=2", "limit"),
        ("loud=1", "loud"),
        ("surprise=1", "surprise"),
        ("cursor=a%00b", "_schema"),
    ],
)
def test_a_wrong_query_is_refused_by_field(web: Web, query: str, field: str) -> None:
    """A mistyped filter is an error, never a list of everything."""
    assert field in problem(web.get(f"/v1/notes?{query}"), 400, "invalid")["errors"]


def test_an_unknown_path_or_method_is_a_problem_too(web: Web) -> None:
    """Clients parse one error format, whatever went wrong."""
    problem(web.get("/v1/nothing"), 404, "not_found")
    refused = web.send("PATCH", "/v1/notes")
    problem(refused, 405, "method_not_allowed")
    assert set(refused.headers["Allow"].split(", ")) == {"GET", "HEAD", "POST"}


def test_importing_the_past_needs_its_own_scope(web: Web, tokens: Tokens, storage: Storage) -> None:
    """Only an import may write into the past; others are told so instead of being misdated."""
    past = {"title": "old", "occurred_at": "2024-01-02T03:04:05+00:00"}
    problem(web.post("/v1/notes", past), 403, "missing_scope")

    headers = tokens.bearer("notes:write", "import") | {"Idempotency-Key": str(uuid4())}
    assert web.client.post("/v1/notes", json=past, headers=headers).status_code == 201
    with storage.system.read() as db:
        event = log_on(db).at(1)
    assert event is not None
    assert event.occurred_at.isoformat() == "2024-01-02T03:04:05+00:00"
    assert event.recorded_at == NOW


def test_a_route_without_a_guard_cannot_be_declared() -> None:
    """Forgetting the scope is a start-up error, not an open door."""
    with pytest.raises(ValueError, match="scope or tenant_from"):
        Route(method="GET", path="/open", kind="query", summary="open")
