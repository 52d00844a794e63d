"""What the HTTP edge answers when all is well, and when a request comes twice."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Thread
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from chassis import idempotency
from chassis.clock import FixedClock
from chassis.entrypoints import handlers_of
from chassis.errors import Conflict
from chassis.health import Check
from chassis.http import Limits
from chassis.idempotency import Slot, StoredResponse
from chassis.routes import Call, Reply, Route
from chassis.storage import Storage, log_on
from chassis.telemetry import trace_id_of
from chassis.testing.contexts import NOW, SECRET
from chassis.testing.notebook import NotebookService, notebook_storage
from chassis.testing.telemetry import recorded_telemetry
from chassis.testing.web import Tokens, Web
from chassis.unit_of_work import UnitOfWork
from chassis.wsgi import Service, server, wsgi_app

SCOPES = ("notes:read", "notes:write")


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return notebook_storage(tmp_path, FixedClock(NOW))


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    return Tokens(tmp_path / "issuer")


@pytest.fixture
def web(tokens: Tokens, storage: Storage) -> Web:
    return Web(tokens, storage, handlers_of(NotebookService()), scopes=SCOPES)


def recorded(storage: Storage) -> int:
    with storage.system.read() as db:
        return log_on(db).head()


def test_a_command_is_carried_out_and_read_back(web: Web, storage: Storage) -> None:
    """What was sent is there, with the version that the next change must name."""
    created = web.post("/v1/notes", {"title": "first"})
    path = f"/v1/notes/{created.get_json()['note_id']}"
    changed = web.put(path, {"title": "second"}, headers={"If-Match": created.headers["ETag"]})
    shown = web.get(path)

    assert (created.status_code, created.headers["ETag"]) == (201, '"1"')
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')
    assert (shown.get_json()["title"], shown.headers["ETag"]) == ("second", '"2"')
    assert recorded(storage) == 2


def test_the_event_tells_who_asked_and_why(web: Web, storage: Storage) -> None:
    """An auditor sees the user, the moment, and what the caller counts as one story."""
    story = uuid4()
    web.post("/v1/notes", {"title": "a"}, headers={"X-Correlation-Id": str(story)})
    web.post("/v1/notes", {"title": "b"}, headers={"X-Correlation-Id": "not a uuid"})

    with storage.system.read() as db:
        first, second = log_on(db).after(0, limit=2)
    assert (first.tenant, first.actor, first.occurred_at) == ("acme", "user:u1", NOW)
    assert first.correlation_id == story
    assert first.causation_id == first.command_id
    assert second.correlation_id == second.command_id


def test_the_same_key_again_replays_the_first_response(web: Web, storage: Storage) -> None:
    """A client that lost the answer may ask again without ordering twice."""
    first = web.post("/v1/notes", {"title": "a", "pages": 2}, key="k1")
    again = web.post("/v1/notes", {"pages": 2, "title": "a"}, key="k1")

    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert (again.status_code, again.get_data()) == (first.status_code, first.get_data())
    assert again.headers["ETag"] == first.headers["ETag"]
    assert recorded(storage) == 1


def test_the_same_key_with_another_body_is_refused(web: Web, storage: Storage) -> None:
    """A key that was used by mistake never hides a different order."""
    web.post("/v1/notes", {"title": "a"}, key="k1")
    response = web.post("/v1/notes", {"title": "b"}, key="k1")

    assert response.status_code == 422
    assert response.get_json()["code"] == "idempotency_key_reused"
    assert recorded(storage) == 1


def test_a_key_belongs_to_one_tenant(web: Web, storage: Storage) -> None:
    """Two customers who number their requests alike do not meet."""
    mine = web.post("/v1/notes", {"title": "a"}, key="k1").get_json()
    theirs = web.post("/v1/notes", {"title": "b"}, key="k1", tenant="globex")

    assert theirs.status_code == 201
    assert theirs.get_json()["note_id"] != mine["note_id"]
    assert recorded(storage) == 2


def test_a_key_belongs_to_one_route(tokens: Tokens, storage: Storage) -> None:
    """One key for two different operations is two requests."""

    def answer(_work: UnitOfWork, call: Call[None]) -> Reply:
        return Reply(body={"path": call.path["name"]})

    routes = [
        (
            Route(
                method="POST", path=f"/v1/{word}/<name>", kind="command", summary=word, scope="s"
            ),
            answer,
        )
        for word in ("a", "b")
    ]
    web = Web(tokens, storage, routes, scopes=["s"])

    assert web.post("/v1/a/x", {}, key="k1").get_json() == {"path": "x"}
    assert web.post("/v1/b/y", {}, key="k1").get_json() == {"path": "y"}
    assert web.post("/v1/a/z", {}, key="k1").status_code == 422


def test_a_stored_response_cannot_be_read_from_the_table(web: Web, storage: Storage) -> None:
    """A copy of the database gives away neither keys nor what was answered."""
    web.post("/v1/notes", {"title": "a title that is personal"}, key="a-secret-key")

    with storage.system.read() as db:
        rows = [tuple(row) for row in db.execute(text("SELECT * FROM idempotency"))]
    assert len(rows) == 1
    assert "personal" not in repr(rows)
    assert "a-secret-key" not in repr(rows)


def test_old_keys_are_forgotten(web: Web, storage: Storage) -> None:
    """The table of keys does not grow for ever; the log still refuses to repeat the command."""
    web.post("/v1/notes", {"title": "a"}, key="k1")
    with storage.system.begin() as db:
        assert idempotency.forget(db, before=NOW) == 0
        assert idempotency.forget(db, before=NOW.replace(year=NOW.year + 1)) == 1

    again = web.post("/v1/notes", {"title": "a"}, key="k1")
    assert again.status_code == 201
    assert recorded(storage) == 1
    assert web.post("/v1/notes", {"title": "b"}, key="k1").status_code == 422


def test_of_two_requests_at_once_with_one_key_one_is_the_replay(web: Web, storage: Storage) -> None:
    """A double click records one note."""
    with ThreadPoolExecutor(4) as pool:
        tries = [pool.submit(web.post, "/v1/notes", {"title": "a"}, key="k1") for _ in range(4)]
    responses = [each.result() for each in tries]

    assert {response.status_code for response in responses} == {201}
    assert sum("Idempotent-Replayed" in response.headers for response in responses) == 3
    assert recorded(storage) == 1


def test_a_key_taken_meanwhile_is_a_conflict_to_try_again(storage: Storage) -> None:
    """The loser of a race looks again and finds the winner's response."""
    slot = Slot(secret=SECRET, tenant="acme", route="POST /x", key="k1")
    response = StoredResponse(status=201, headers=(("ETag", '"1"'),), body="{}")
    with storage.system.begin() as db:
        idempotency.remember(db, slot, b"d", response, NOW)
        assert idempotency.find(db, slot, b"d") == response

    with pytest.raises(Conflict), storage.system.begin() as db:
        idempotency.remember(db, slot, b"d", response, NOW)


def test_a_lost_race_is_tried_again_unseen(tokens: Tokens, storage: Storage) -> None:
    """A client does not notice that somebody else wrote first."""
    attempts: list[UUID] = []

    def handler(work: UnitOfWork, _call: Call[None]) -> Reply:
        attempts.append(work.context.command_id)
        if len(attempts) < 3:
            raise Conflict("lost")
        return Reply(body={"tries": len(attempts)})

    route = Route(method="POST", path="/v1/x", kind="command", summary="x", scope="s")
    web = Web(tokens, storage, [(route, handler)], scopes=["s"], limits=Limits(attempts=3))

    assert web.post("/v1/x", {}).get_json() == {"tries": 3}
    assert len(set(attempts)) == 1


def test_pages_follow_one_another(web: Web) -> None:
    """Walking the cursors shows every note once; a foreign or forged cursor is refused."""
    written = {web.post("/v1/notes", {"title": f"n{n}"}).get_json()["note_id"] for n in range(5)}

    first = web.get("/v1/notes?limit=2").get_json()
    second = web.get(f"/v1/notes?limit=2&cursor={first['next']}").get_json()
    last = web.get(f"/v1/notes?limit=2&cursor={second['next']}").get_json()

    seen = [note["note_id"] for page in (first, second, last) for note in page["notes"]]
    assert sorted(seen) == sorted(written)
    assert last["next"] is None
    changed = first["next"][:-2] + ("aa" if not first["next"].endswith("aa") else "bb")
    for cursor, tenant in ((first["next"], "globex"), (changed, "acme"), ("x", "acme")):
        refused = web.get(f"/v1/notes?limit=2&cursor={cursor}", tenant=tenant)
        assert (refused.status_code, refused.get_json()["code"]) == (400, "wrong_cursor")


def test_health_needs_no_token_and_names_what_fails(tokens: Tokens, storage: Storage) -> None:
    """An operator sees which part is missing, and no password."""

    def broken() -> None:
        raise ConnectionError("amqp://user:secret@broker")

    checks = [Check(name="database", probe=lambda: None), Check(name="broker", probe=broken)]
    service = Service(name="notebook", checks=checks)
    web = Web(tokens, storage, handlers_of(NotebookService()), service=service)

    assert web.client.get("/healthz").status_code == 200
    ready = web.client.get("/readyz")
    assert ready.status_code == 503
    assert ready.get_json()["checks"] == [
        {"name": "database", "problem": None},
        {"name": "broker", "problem": "failed: ConnectionError"},
    ]
    assert web.client.get("/readyz?exclude=broker").status_code == 200
    assert web.client.get("/readyz?exclude=queue").status_code == 400
    assert web.client.get("/openapi.json").get_json()["info"]["title"] == "notebook"


def test_a_service_that_holds_together_is_ready(web: Web) -> None:
    """A healthy service gets traffic."""
    assert web.client.get("/readyz").status_code == 200


@pytest.fixture
def address(tokens: Tokens, storage: Storage) -> Iterator[str]:
    app = wsgi_app(
        Service(name="notebook"), handlers_of(NotebookService()), storage, tokens.authority
    )
    served = server(app, "127.0.0.1", 0)
    served.prepare()
    thread = Thread(target=served.serve)
    thread.start()
    yield f"http://127.0.0.1:{served.bind_addr[1]}"
    served.stop()
    thread.join()


def test_a_plain_process_serves_the_same_edge(address: str, tokens: Tokens) -> None:
    """A service without nameko answers real sockets alike, chunked bodies included."""
    headers = tokens.bearer(*SCOPES) | {"Idempotency-Key": "k", "Content-Type": "application/json"}

    created = httpx.post(
        f"{address}/v1/notes", content=iter([b'{"title":', b'"a"}']), headers=headers
    )
    refused = httpx.post(f"{address}/v1/notes", content=b"x" * (2 << 20), headers=headers)

    assert created.status_code == 201
    assert refused.status_code == 413


def test_a_trace_that_comes_in_goes_on(web: Web, storage: Storage) -> None:
    """One trace runs from the client through the request into the event; refusals show it too."""
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    with recorded_telemetry() as telemetry:
        web.post("/v1/notes", {"title": "a"}, headers=headers)
        refused = web.post("/v1/notes", {"title": "forbidden"}, headers=headers)
        (first, second) = telemetry.finished.get_finished_spans()

    with storage.system.read() as db:
        event = log_on(db).at(1)
    assert event is not None
    assert trace_id_of(event.traceparent) == refused.get_json()["trace_id"] == trace
    assert first.name == second.name == "POST /v1/notes"
    assert dict(first.attributes or {})["http.response.status_code"] == 201
    assert dict(second.attributes or {})["http.response.status_code"] == 409


def test_without_telemetry_a_problem_has_no_trace(web: Web) -> None:
    """Where nothing is traced nobody is sent looking for a trace."""
    assert web.post("/v1/notes", {"title": "forbidden"}).get_json()["trace_id"] is None
