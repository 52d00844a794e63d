"""The audit: each privileged thing leaves its entry, bound to its tenant, its person sealed."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from repository import services
from sqlalchemy import text
from werkzeug.test import Client

from bus_service import embedded
from chassis.auth import AuthSettings, authority_from
from chassis.entrypoints import handlers_of, routes_of
from chassis.errors import Unavailable
from chassis.ids import new_id
from chassis.me import person_routes
from chassis.roles import blueprint_of, edge_of
from chassis.routes import Reply, Route
from chassis.storage import Storage
from chassis.testing.issuer import PrivateIssuer
from chassis.testing.web import Tokens
from chassis.wsgi import Service, wsgi_app
from desk import Desk

# Whoever has one of these does something that others have to be able to look at later.
PRIVILEGED = frozenset(
    {
        "identity.erase",
        "identity.look_up",
        "identity.review",
        "import",
        "platform.admin",
        "tenant.admin",
        "commerce.parcels",
    }
)
# They only show a queue of opaque ids, or what became of an erasure.
NOTHING_PERSONAL = {"GET /v1/persons/merges", "GET /v1/erasures/<uuid:request_id>"}


def served() -> dict[str, list[Route]]:
    """Return every service's routes."""
    found: dict[str, list[Route]] = {}
    for name in services():
        edge = edge_of(blueprint_of(name))
        found[name] = routes_of(edge) if isinstance(edge, type) else edge()
    return found


SERVED = served()
AUDITED = [(name, route) for name, routes in SERVED.items() for route in routes if route.audit]


@pytest.fixture
def desk(tmp_path: Path, issuer: PrivateIssuer) -> Iterator[Desk]:
    desk = Desk(tmp_path, issuer)
    yield desk
    desk.storage.database.close()


def test_every_privileged_route_is_audited() -> None:
    """Somebody could erase, look up or give up something and leave no trace."""
    for name, routes in SERVED.items():
        for route in routes:
            operates = route.scope == "operate" and route.kind == "command"
            if (operates or route.scope in PRIVILEGED) and route.name not in NOTHING_PERSONAL:
                assert route.audit, f"{name} {route.name}"


@pytest.mark.parametrize(
    ("service", "route"), AUDITED, ids=[f"{name} {route.name}" for name, route in AUDITED]
)
def test_each_privileged_route_leaves_its_entry(tmp_path: Path, service: str, route: Route) -> None:
    """What was done, and what was tried without the right, could not be found afterwards."""
    tokens, storage = Tokens(tmp_path / "issuer"), embedded(tmp_path, service)
    plain = Route(
        **{
            **{name: getattr(route, name) for name in Route.__dataclass_fields__},
            "body": None,
            "query": None,
            "requires_match": False,
        }
    )
    routes = [(plain, lambda _db, _call: Reply(body={})), *person_routes(lambda: [plain])]
    client = Client(wsgi_app(Service(name=service), routes, storage, tokens.authority))
    path = plain.path
    for kind in ("uuid:", "int:"):
        path = path.replace(f"<{kind}", "<")
    parts = [_filled(part, plain.path) for part in path.split("/")]
    scopes = [str(plain.scope), *([plain.audit_with] if plain.audit_with else [])]
    headers = {"Idempotency-Key": str(new_id())}
    allowed = client.open(
        "/".join(parts), method=plain.method, headers={**tokens.bearer(*scopes), **headers}
    )
    refused = client.open(
        "/".join(parts), method=plain.method, headers={**tokens.bearer("other"), **headers}
    )
    found = client.get("/v1/audit", headers=tokens.bearer("audit.read")).get_json()["entries"]
    assert (allowed.status_code // 100, refused.status_code) == (2, 403)
    assert [(one["action"], one["outcome"], one["actor"]) for one in found] == [
        (route.audit, "refused", "user:u1"), (route.audit, "done", "user:u1")
    ]  # fmt: skip
    storage.database.close()


def _filled(part: str, path: str) -> str:
    if not part.startswith("<"):
        return part
    name = part.strip("<>")
    if f"<uuid:{name}>" in path:
        return str(new_id())
    if name == "tenant_id":
        return "acme"  # an operator who acts for a tenant leaves the entry there
    return "7" if f"<int:{name}>" in path else "x"


def test_a_right_that_only_the_handler_asks_for_is_missed_as_loudly(desk: Desk) -> None:
    """Somebody could try to bring in a past of their own, and nobody would see the attempt."""
    told = {"method": "POST", "scope": "people.read"}
    assert desk.ask("/v1/imports/people", **told).status_code == 403
    allowed = {"method": "POST", "scope": "people.read import"}
    assert desk.ask("/v1/imports/people", **allowed).status_code == 201
    entries = [(one["action"], one["outcome"]) for one in desk.entries()]
    assert entries == [("people.import", "done"), ("people.import", "refused")]


def test_every_handler_that_asks_for_a_right_besides_is_audited() -> None:
    """What only some may ask of a route would be done and refused without a trace."""
    asking = [
        (f"{name} {route.name}", route.audit)
        for name in services()
        if isinstance(edge := edge_of(blueprint_of(name)), type)
        for route, handler in handlers_of(object.__new__(edge))
        if ".claims.require(" in inspect.getsource(handler)
    ]
    assert len(asking) >= 4
    assert [route for route, audited in asking if audited is None] == []


def test_an_entry_tells_who_what_which_and_from_where(desk: Desk) -> None:
    """An auditor would see that something happened, and nothing that helps."""
    told = {"scope": "people.read", "azp": "portal"}
    answer = desk.ask("/v1/people/p-1", environ_base={"REMOTE_ADDR": "192.0.2.7"}, **told)
    assert answer.status_code == 200
    (entry,) = desk.entries()
    assert (entry["actor"], entry["action"], entry["outcome"]) == ("user:u1", "person.read", "done")
    assert entry["detail"] == {
        "address": "192.0.2.7",
        "client": "portal",
        "path": {"person_id": "p-1"},
        "route": "GET /v1/people/<person_id>",
    }


def test_a_repeated_command_says_that_it_was_repeated(desk: Desk) -> None:
    """A client that repeats itself would look like somebody who erases twice."""
    told = {"method": "POST", "scope": "people.erase", "headers": {"Idempotency-Key": "once"}}
    token = desk.issuer.token(scope="people.erase")
    for _ in range(3):
        answer = desk.ask("/v1/people/p-1/erasure", token, **told)
        assert answer.status_code == 202
    entries = [(one["action"], one["detail"].get("repeated")) for one in desk.entries()]
    assert entries == [("person.erase", True), ("person.erase", True), ("person.erase", None)]


def test_anothers_key_shows_nothing(desk: Desk) -> None:
    """Whoever sees a colleague's request could be shown a person without any entry of theirs."""
    told = {"method": "POST", "scope": "people.read", "headers": {"Idempotency-Key": "once"}}
    assert desk.ask("/v1/people/look-up", **told).get_json() == {"person": "p-1"}
    other = desk.ask("/v1/people/look-up", sub="u2", **told)
    assert (other.status_code, other.get_json()["code"]) == (422, "idempotency_key_reused")
    again = desk.ask("/v1/people/look-up", **told)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert [one["actor"] for one in desk.entries()] == ["user:u1", "user:u1"]


def test_another_tenants_audit_cannot_be_seen(desk: Desk) -> None:
    """One company would read what another one's people do."""
    desk.ask("/v1/people/p-1", scope="people.read")
    assert desk.entries("globex") == []
    assert desk.ask("/v1/audit", scope="people.read").status_code == 403


def test_it_is_read_page_by_page_and_by_action(desk: Desk) -> None:
    """A year of entries would not fit into one answer."""
    token = desk.issuer.token(scope="people.read people.erase audit.read")
    for number in range(5):
        desk.ask(f"/v1/people/p-{number}", token)
    desk.ask("/v1/people/p-9/erasure", token, method="POST")
    seen: list[Any] = []
    page = desk.ask("/v1/audit?action=person.read&limit=2", token).get_json()
    while page["next"]:
        seen += page["entries"]
        again = f"/v1/audit?action=person.read&limit=2&cursor={page['next']}"
        page = desk.ask(again, token).get_json()
    seen += page["entries"]
    assert [one["detail"]["path"]["person_id"] for one in seen] == [
        f"p-{number}" for number in (4, 3, 2, 1, 0)
    ]
    whole = desk.ask("/v1/audit?action=person.", token).get_json()["entries"]
    assert len(whole) == 6


def test_what_cannot_be_written_down_is_not_shown(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the audit is away, personal data could be read unseen."""

    def away(*_: Any, **__: Any) -> None:
        raise Unavailable("the database does not answer")

    monkeypatch.setattr("chassis.audit.note", away)
    assert desk.ask("/v1/people/p-1", scope="people.read").status_code == 503


def test_entries_are_sealed_events_of_the_log(desk: Desk) -> None:
    """An entry could be changed, or would tell a backup's reader where somebody was."""
    desk.ask("/v1/people/p-1", scope="people.read", environ_base={"REMOTE_ADDR": "192.0.2.7"})
    stored = _events(desk.storage)
    assert [event.type for event in stored] == ["audit_recorded"]
    assert stored[0].stream.startswith("audit-")
    assert b"192.0.2.7" not in stored[0].data
    with desk.storage.system.read() as db:
        rows = db.execute(text("SELECT data FROM audit_trail")).scalars().all()
    assert "192.0.2.7" not in str(rows)
    desk.storage.keys.destroy("acme", "staff-u1")
    (entry,) = desk.entries()
    assert (entry["actor"], entry["detail"]) == ("user:u1", {})


def test_nobody_without_a_valid_token_can_fill_it(desk: Desk) -> None:
    """Strangers could write to a log for ever."""
    for _ in range(5):
        assert desk.ask("/v1/people/p-1", "made-up").status_code == 401
    assert _events(desk.storage) == []


def _events(storage: Storage) -> list[Any]:
    with storage.system.read() as db:
        return list(storage.log(db).after(0, limit=100))


def test_the_settings_of_the_audit_need_no_roles_file(tmp_path: Path) -> None:
    """An installation without roles would have no audit."""
    tokens = Tokens(tmp_path)
    told = AuthSettings(
        issuer=tokens.settings.issuer,
        audience=tokens.settings.audience,
        jwks=str(tokens.issuer.jwks),
        environment="test",
    )
    token = tokens.issuer.issue("acme", "u1", ["audit.read"])
    assert authority_from(told).claims(token).may("audit.read")
