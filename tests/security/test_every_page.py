"""Every page and every answer of the loop is tried as another tenant: nothing comes out."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.routing import Rule
from werkzeug.test import Client, TestResponse

from chassis.forms import TOKEN
from chassis.routes import Route
from chassis.wsgi import Service, own_endpoints
from four_logs import MONDAY, FourLogs, order, tell
from loop.edge import contract
from loop.main import app_of
from loop.pages import pages
from loop.session import SCOPE
from loop.stages import NUMBERS
from loop_service import LoopUnderTest

FIRST, SECOND, THIRD = "acme", "beta", "delta"
WEEK, NO_WEEK = "2026-W19", "2026-W33"
NOBODYS = 9_000
PAGES = {
    "session": """
        GET /
        GET /events/<service>/<int:position>
        GET /live
        GET /numbers/<name>
        POST /sign-out
    """,
    "everyone": """
        GET /healthz
        GET /openapi.json
        GET /readyz
        GET /sign-in
        GET /sign-in/callback
        GET /signed-out
        GET /static/<name>
        POST /session
    """,
}
ANSWERS = {
    "token": """
        GET /v1/audit
        GET /v1/loop/hash
        GET /v1/loop/numbers/<name>/events
        GET /v1/loop/stages
        GET /v1/me
    """,
    "installation": """
        GET /internal/v1/log/heads
        GET /internal/v1/log/lanes/<int:lane>
        GET /internal/v1/parked
        GET /internal/v1/parked/<subscription>/<int:position>
        GET /internal/v1/parked/audit
        GET /internal/v1/progress
        POST /internal/v1/parked/<subscription>/<int:position>/retry
        POST /internal/v1/parked/<subscription>/<int:position>/skip
        POST /internal/v1/parked/retry
    """,
}
TENANTS = (SCOPE, "audit.read")


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopUnderTest]:
    """Give the loop with one tenant's whole story, an event of it that cannot be read, and ours."""
    folder = tmp_path_factory.mktemp("pages")
    logs = tell(FourLogs(folder))
    logs.add("identity", "person_registered", {"nobody": "reads this"}, hours=9)
    own(logs)
    made = LoopUnderTest(folder, logs, MONDAY)
    made.take()
    yield made
    made.close()
    logs.close()


def own(logs: FourLogs) -> None:
    """Record what the asking tenant did itself."""
    for source, name, data, hours in order("ours", "bea", 30, 700, "weibo"):
        logs.add(source, name, data, hours=hours, tenant=SECOND, stream="order-of-beta")


def test_every_page_and_every_answer_is_known(loop: LoopUnderTest) -> None:
    """A new page would be open to other tenants, and nobody would have looked."""
    rules = [*pages(loop.console), *own_endpoints(Service(name="loop"), [])]
    shown = {f"{method} {rule.rule}" for rule, _ in rules for method in methods(rule)}
    missing = sorted(shown - listed(PAGES)), sorted(answers().keys() - listed(ANSWERS))
    assert missing == ([], []), "say in this file what kind of page it is, and it is tried"
    assert listed(PAGES) == shown
    assert listed(ANSWERS) == answers().keys()


def test_the_first_tenant_sees_its_own(loop: LoopUnderTest) -> None:
    """Pages that show nothing to anybody would look safe in every other test."""
    client, marks = signed_in(loop, FIRST), marks_of(loop)
    seen = {page: body_of(client.get(page, buffered=False)) for page in addresses(loop)}
    assert sum(any(mark in text for mark in marks) for text in seen.values()) > len(NUMBERS) // 2
    assert loop.api("/v1/loop/hash", *TENANTS, tenant=FIRST).json["unread"] == 1


def test_no_page_shows_what_is_another_tenants(loop: LoopUnderTest) -> None:
    """Somebody would read another company's numbers, events, people or traces."""
    marks, leaks = marks_of(loop), []
    client = signed_in(loop, SECOND)
    for page in addresses(loop):
        text = body_of(client.get(page, buffered=False))
        leaks += [f"{page}: {mark}" for mark in marks if mark in text]
    for path in queries():
        answer = loop.api(path, *TENANTS, tenant=SECOND)
        leaks += [f"{path}: {mark}" for mark in marks if mark in answer.text]
    assert not leaks, "\n".join(leaks)


def test_another_tenants_event_is_as_unknown_as_nobodys(loop: LoopUnderTest) -> None:
    """Whoever counts up would learn when another company is busy."""
    client = signed_in(loop, SECOND)
    for source, position in positions_of(loop, FIRST):
        theirs = client.get(f"/events/{source}/{position}")
        nobodys = client.get(f"/events/{source}/{NOBODYS}")
        assert (theirs.status_code, nobodys.status_code) == (404, 404)
        assert neutral(theirs, position) == neutral(nobodys, NOBODYS)


def test_another_tenants_week_is_as_unknown_as_nobodys(loop: LoopUnderTest) -> None:
    """A week that something happened in would tell that another company had sales."""
    for path in ("/v1/loop/stages", *(f"/v1/loop/numbers/{one.name}/events" for one in NUMBERS)):
        theirs, nobodys = (
            loop.api(f"{path}?cycle={week}", *TENANTS, tenant=THIRD) for week in (WEEK, NO_WEEK)
        )
        told = [(one.status_code, neutral(one, WEEK, NO_WEEK)) for one in (theirs, nobodys)]
        assert told[0] == told[1], path


def test_our_numbers_are_the_same_without_the_other_tenant(
    loop: LoopUnderTest, tmp_path: Path
) -> None:
    """A sum, a share or a hash over everybody would let one company be counted from another."""
    logs = FourLogs(tmp_path)
    own(logs)
    alone = LoopUnderTest(tmp_path, logs, MONDAY)
    alone.take()
    for path in ("/v1/loop/hash", "/v1/loop/stages", f"/v1/loop/stages?cycle={WEEK}"):
        beside, without = (one.api(path, *TENANTS, tenant=SECOND).json for one in (loop, alone))
        assert beside.pop("positions") != without.pop("positions")
        assert beside == without, path
    shared, single = (cards(signed_in(one, SECOND).get("/").text) for one in (loop, alone))
    assert shared == single
    assert "EUR 7.00" in shared
    alone.close()
    logs.close()


def test_a_live_page_is_not_told_what_happens_to_another_tenant(tmp_path: Path) -> None:
    """Numbers would be pushed into a page that was opened for somebody else."""
    logs = FourLogs(tmp_path)
    own(logs)
    watched = LoopUnderTest(tmp_path, logs, MONDAY)
    watched.take()
    answer = signed_in(watched, SECOND).get("/live", buffered=False)
    stream = iter(answer.response)
    before = next(stream)
    tell(logs)
    watched.take()
    after = next(stream)
    answer.close()
    assert before != after  # the position vector moved
    assert not [mark for mark in marks_of(watched) if mark in str(after)]
    assert "EUR 50.00" not in str(after)
    watched.close()
    logs.close()


def test_another_tenants_cursor_opens_nothing(loop: LoopUnderTest) -> None:
    """A page's address, passed on, would show the rows behind it."""
    name = "mention_volume"
    path = f"/v1/loop/numbers/{name}/events?limit=1"
    cursor = loop.api(path, *TENANTS, tenant=FIRST).json["next"]
    assert cursor
    assert loop.api(f"{path}&cursor={cursor}", *TENANTS, tenant=FIRST).status_code == 200
    answer = loop.api(f"{path}&cursor={cursor}", *TENANTS, tenant=SECOND)
    assert answer.status_code in (400, 422), answer.text


def test_a_session_is_its_own_tenants(loop: LoopUnderTest) -> None:
    """A form of one company's page would sign another's people out, or keep them in."""
    first, second = signed_in(loop, FIRST), signed_in(loop, SECOND)
    (form,) = re.findall(rf'name="{TOKEN}" value="([^"]+)"', second.get("/").text)
    refused = first.post("/sign-out", data={TOKEN: form})
    assert refused.status_code == 403
    assert first.get("/").status_code == 200
    # A parameter that names a tenant is nobody's right.
    for path in ("/?tenant=acme", f"/numbers/gmv?tenant=acme&cycle={WEEK}"):
        text = second.get(path, headers={"X-Tenant": FIRST}).text
        assert "EUR 50.00" not in text
    assert second.post("/sign-out", data={TOKEN: form}).status_code == 303
    assert second.get("/").status_code == 401


def test_an_installations_answers_need_a_right_that_no_tenant_has(loop: LoopUnderTest) -> None:
    """A company's own people would read every company's events."""
    for name, route in answers().items():
        if name not in listed(ANSWERS, "installation"):
            continue
        path = re.sub(r"<int:\w+>", "1", route.path)
        path = re.sub(r"<\w+>", FIRST, path)
        answer = loop.api(path, *TENANTS, tenant=SECOND, method=route.method)
        assert (answer.status_code, answer.json["code"]) == (403, "missing_scope"), name


def test_what_everybody_sees_is_nobodys(loop: LoopUnderTest) -> None:
    """A page without a session would show what one with a session hides."""
    marks, client = marks_of(loop), Client(app_of(loop.console, []))
    for name in listed(PAGES, "everyone"):
        method, path = name.split()
        answer = client.open(path.replace("<name>", "loop.css"), method=method)
        assert not [mark for mark in marks if mark in answer.text], name
    for name in listed(PAGES, "session"):
        method, path = name.split()
        path = path.replace("<service>/<int:position>", "commerce/1").replace("<name>", "gmv")
        assert client.open(path, method=method).status_code == 401, name


def listed(kinds: dict[str, str], kind: str = "") -> set[str]:
    """Return the lines of one kind, or of all."""
    chosen = [kinds[kind]] if kind else list(kinds.values())
    return {line.strip() for lines in chosen for line in lines.strip().splitlines()}


def answers() -> dict[str, Route]:
    """Return the routes of the loop's API by their names."""
    return {route.name: route for route in contract()}


def methods(rule: Rule) -> set[str]:
    """Return what a rule answers, without what werkzeug adds to every GET."""
    return set(rule.methods or ()) - {"HEAD", "OPTIONS"}


def signed_in(loop: LoopUnderTest, tenant: str) -> Client:
    """Give a browser of a tenant's."""
    client = Client(loop.app)
    assert client.get(f"/?token={loop.token(tenant=tenant)}").status_code == 303
    return client


def addresses(loop: LoopUnderTest) -> list[str]:
    """Return every page that a session opens, with everything of the first tenant's in it."""
    ends = ("", f"?cycle={WEEK}", "?cycle=total")
    events = [f"/events/{source}/{position}" for source, position in positions_of(loop, FIRST)]
    numbers = [f"/numbers/{one.name}?cycle={WEEK}" for one in NUMBERS]
    return [*(f"/{end}" for end in ends), "/live", f"/live?cycle={WEEK}", *numbers, *events]


def queries() -> Iterator[str]:
    """Yield every question to the API, about what the first tenant has."""
    for name in listed(ANSWERS, "token"):
        path = name.split()[1]
        if "<name>" in path:
            yield from (f"{path.replace('<name>', one.name)}?cycle={WEEK}" for one in NUMBERS)
        else:
            yield from (path, f"{path}?cycle={WEEK}", f"{path}?at=identity=5,commerce=3")


def positions_of(loop: LoopUnderTest, tenant: str) -> list[tuple[str, int]]:
    """Return where a tenant has events."""
    asked = "SELECT service, position FROM event WHERE tenant = ? ORDER BY ALL"
    return [(str(source), int(position)) for source, position in rows(loop, asked, [tenant])]


def marks_of(loop: LoopUnderTest) -> list[str]:
    """Return what only the first tenant has: ids, streams and its name."""
    asked = (
        "SELECT id, command_id, correlation_id, causation_id, stream FROM event WHERE tenant = ?"
    )
    ids = {str(value) for row in rows(loop, asked, [FIRST]) for value in row}
    return sorted({*ids, FIRST, "EUR 50.00"})


def rows(loop: LoopUnderTest, asked: str, values: list[Any]) -> list[Any]:
    """Return what DuckDB finds."""
    with loop.facts.store.cursor() as db:
        return db.execute(asked, values).fetchall()


def body_of(answer: TestResponse) -> str:
    """Return a page, or what a live one is told first."""
    if not (answer.content_type or "").startswith("text/event-stream"):
        return answer.get_data(as_text=True)
    first = next(iter(answer.response))
    answer.close()
    return first.decode() if isinstance(first, bytes) else first


def neutral(answer: TestResponse, *said: object) -> str:
    """Return a body without what the asker said, and what differs between any two requests."""
    text = re.sub(r'"(trace_id|instance)": ?"[^"]*"', "", answer.get_data(as_text=True))
    for one in said:
        text = re.sub(rf"\b{one}\b", "asked", text)
    return text


def cards(page: str) -> str:
    """Return a page's numbers, without how far the logs have come and the session's form."""
    text = re.sub(r"(\w+=\d+,?)+", "positions", page)
    return re.sub(r'value="[^"]*"', "", text)
