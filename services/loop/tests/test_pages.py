"""The pages and the API: six stages, and any number down to its events."""

import json
import re
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from loop.live_pages import MOST
from loop.numbers import STAGES
from loop.replay import Result
from loop.stages import NUMBERS
from loop_service import LoopUnderTest

WEEK = "2026-W19"
COOKIE = "session"
_NOTHING_IS_KEPT = """CREATE TRIGGER broken BEFORE INSERT ON idempotency
BEGIN INSERT INTO nowhere VALUES (1); END"""


def write_spans(service: LoopUnderTest, trace: str, tenants: dict[str, str | None]) -> None:
    """Write spans of one trace, each with the tenant that it names, if any."""
    given = {"kind": "server", "trace_id": trace, "service": "identity", "status": "unset",
             "started": 1_000_000, "ended": 4_500_000}  # fmt: skip
    spans = [
        {**given, "name": name, "attributes": {"sixfold.tenant": tenant} if tenant else {}}
        for name, tenant in tenants.items()
    ]
    assert service.console.span_file
    service.console.span_file.write_text("".join(f"{json.dumps(span)}\n" for span in spans))


@pytest.fixture
def page(showing: LoopUnderTest) -> Iterator[LoopUnderTest]:
    showing.sign_in()
    yield showing
    showing.client.delete_cookie(COOKIE)


def test_a_token_in_the_link_becomes_a_session(showing: LoopUnderTest) -> None:
    """Otherwise the printed link doesn't open, or the token stays in the address."""
    answer = showing.sign_in()
    assert answer.status_code == 303
    assert answer.location == "/"
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    showing.client.delete_cookie(COOKIE)


@pytest.mark.parametrize("path", ["/", "/live", "/numbers/gmv", "/events/commerce/1"])
def test_without_a_session_there_is_only_the_sign_in(showing: LoopUnderTest, path: str) -> None:
    """Otherwise anybody reads a company's numbers."""
    answer = showing.client.get(path)
    assert answer.status_code == 401
    assert "2000" not in answer.text
    assert "Sign in" in answer.text


@pytest.mark.parametrize("change", [lambda c: c[:-3] + "AAA", lambda c: "x" + c, lambda _: "é.é"])
def test_a_forged_session_is_refused(showing: LoopUnderTest, change: object) -> None:
    """Otherwise anybody writes a cookie and reads any company's numbers."""
    cookie = re.match(rf"{COOKIE}=([^;]+)", showing.sign_in().headers["Set-Cookie"])
    assert cookie
    showing.client.set_cookie(COOKIE, change(cookie[1]))  # type: ignore[operator]  # a lambda of the list
    assert showing.client.get("/").status_code == 401
    showing.client.delete_cookie(COOKIE)


def test_a_token_without_the_scope_opens_nothing(showing: LoopUnderTest) -> None:
    """Otherwise every token of a company reads its numbers."""
    token = showing.token("orders.read")
    assert showing.client.get(f"/?token={token}").status_code == 403
    assert showing.api("/v1/loop/stages", "orders.read").status_code == 403


def test_the_page_shows_six_stages_and_every_number(page: LoopUnderTest) -> None:
    """Otherwise somebody looks for a stage and doesn't find it."""
    text = page.client.get(f"/?cycle={WEEK}").text
    for stage in STAGES:
        assert f'id="{stage}"' in text
    for number in NUMBERS:
        assert f"/numbers/{number.name}?cycle={WEEK}" in text
    assert "EUR 50.00" in text
    assert "identity=13" in text


def test_the_page_needs_no_inline_script(page: LoopUnderTest) -> None:
    """Otherwise the security policy breaks the page, or protects from nothing."""
    answer = page.client.get("/")
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert not re.search(r"<script(?![^>]*\bsrc=)", answer.text)
    assert " style=" not in answer.text
    assert not re.search(r"<[a-z][^>]*\son\w+=", answer.text)


def test_a_number_opens_down_to_its_events_and_an_event_to_its_envelope(
    page: LoopUnderTest,
) -> None:
    """Otherwise nobody can say which facts made a number."""
    text = page.client.get(f"/numbers/gmv?cycle={WEEK}").text
    assert "sum of the totals of confirmed orders" in text
    links = re.findall(r"/events/commerce/\d+", text)
    assert len(links) == 2
    event = page.client.get(links[0]).text
    assert "order_confirmed" in event
    assert "correlation_id" in event


def test_an_event_shows_the_spans_of_its_trace(
    service: LoopUnderTest,
) -> None:
    """Otherwise the way from a number to what happened ends at the event."""
    trace = "0af7651916cd43dd8448eb211c80319c"
    service.logs.add("identity", "person_registered", {"person_id": "p", "origin": "fan"})
    service.take()
    with service.facts.writing() as db:
        db.execute("UPDATE event SET traceparent = ?", [f"00-{trace}-b7ad6b7169203331-01"])
    write_spans(service, trace, {"POST /v1/persons": None, "process loop.on.identity": "acme"})
    service.sign_in()
    text = service.client.get("/events/identity/1").text
    assert trace in text
    assert "POST /v1/persons" in text
    assert "process loop.on.identity" in text
    assert "3.5" in text


def test_an_event_shows_no_other_companys_spans(service: LoopUnderTest) -> None:
    """Otherwise whoever sends a trace id that they saw reads what another company does."""
    trace = "0af7651916cd43dd8448eb211c80319c"
    service.logs.add("identity", "person_registered", {"person_id": "p", "origin": "fan"})
    service.take()
    with service.facts.writing() as db:
        db.execute("UPDATE event SET traceparent = ?", [f"00-{trace}-b7ad6b7169203331-01"])
    write_spans(service, trace, {"ours": "acme", "theirs": "rival", "whose": None})
    service.sign_in()
    text = service.client.get("/events/identity/1").text
    assert "ours" in text
    assert "theirs" not in text
    assert "whose" not in text


def test_another_company_sees_nothing_of_it(showing: LoopUnderTest) -> None:
    """Otherwise one company reads, or infers, another one's numbers."""
    showing.sign_in(tenant="other")
    assert "EUR 50.00" not in showing.client.get("/").text
    assert showing.client.get("/events/commerce/1").status_code == 404
    assert "/events/" not in showing.client.get(f"/numbers/gmv?cycle={WEEK}").text
    events = showing.api("/v1/loop/numbers/gmv/events", tenant="other")
    assert events.json == {"events": [], "next": None}
    showing.client.delete_cookie(COOKIE)


def test_the_live_stream_pushes_the_stages(page: LoopUnderTest) -> None:
    """Otherwise the page stands still while facts arrive."""
    answer = page.client.get(f"/live?cycle={WEEK}", buffered=False)
    first = next(iter(answer.response))
    text = first.decode() if isinstance(first, bytes) else first
    answer.close()
    assert answer.content_type.startswith("text/event-stream")
    assert text.startswith("event: stages\n")
    assert all(line.startswith(("event: ", "data: ")) for line in text.strip().splitlines())
    assert "EUR 50.00" in text


def test_more_live_pages_than_the_loop_can_serve_are_sent_away(page: LoopUnderTest) -> None:
    """Otherwise open pages take every thread, and nobody reaches the loop at all."""
    opened = [page.client.get("/live", buffered=False) for _ in range(MOST)]
    refused = page.client.get("/live")
    assert {answer.status_code for answer in opened} == {200}
    assert refused.status_code == 503
    assert refused.content_type == "application/problem+json"
    assert refused.json
    assert refused.json["code"] == "too_many_live_pages"
    assert int(refused.headers["Retry-After"]) > 0
    assert page.client.get("/").status_code == 200
    for answer in opened:
        answer.close()
    assert opens_live(page) == 200


def test_a_page_that_is_closed_gives_its_place_back(page: LoopUnderTest) -> None:
    """Otherwise the live pages stand still for everybody once enough have come and gone."""
    for _ in range(MOST + 1):
        answer = page.client.get("/live", buffered=False)
        assert answer.status_code == 200
        assert next(iter(answer.response))
        answer.close()
        answer.close()
    for _ in range(MOST + 1):
        assert page.client.head("/live", buffered=True).status_code == 200
    assert opens_live(page) == 200


def test_a_stream_that_ends_gives_its_place_back(service: LoopUnderTest) -> None:
    """Otherwise streams that the loop itself ended keep new pages away."""
    service.sign_in()
    service.stopping = True
    for _ in range(MOST + 1):
        assert service.client.get("/live", buffered=True).status_code == 200


def opens_live(service: LoopUnderTest) -> int:
    """Open a live stream, give it back, and return how it was answered."""
    answer = service.client.get("/live", buffered=False)
    answer.close()
    return answer.status_code


@pytest.mark.parametrize(
    "path",
    [
        "/numbers/nothing",
        "/events/commerce/999",
        "/numbers/gmv?cycle=x",
        "/static/../main.py",
        "/static/absent.js",
    ],
)
def test_what_does_not_exist_is_not_found(page: LoopUnderTest, path: str) -> None:
    """Otherwise a wrong address shows an empty number, or a file that is none of the page's."""
    assert page.client.get(path).status_code == 404


@pytest.mark.parametrize(
    "name",
    [
        "htmx.min.js",
        "htmx-sse.min.js",
        "uPlot.iife.min.js",
        "uPlot.min.css",
        "charts.js",
        "loop.css",
        "LICENCES.txt",
    ],
)
def test_the_page_brings_its_own_files(showing: LoopUnderTest, name: str) -> None:
    """Otherwise the page needs the internet."""
    answer = showing.client.get(f"/static/{name}")
    assert answer.status_code == 200
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_api_gives_a_cycles_numbers(showing: LoopUnderTest) -> None:
    """Otherwise a program cannot read what the page shows."""
    answer = showing.api(f"/v1/loop/stages?cycle={WEEK}").json
    assert answer["stages"]["commerce"]["gmv"] == {"EUR": 5000}
    assert answer["cycles"] == ["total", WEEK, "2026-W20"]
    assert showing.api("/v1/loop/stages?cycle=2020-W01").status_code == 404


def test_the_api_gives_the_replayed_hash(showing: LoopUnderTest, replayed: Result) -> None:
    """Otherwise live and replay cannot be compared."""
    answer = showing.api("/v1/loop/hash").json
    assert answer["hash"] == replayed.tenants["acme"].hash
    assert answer["positions"] == replayed.positions
    vector = ",".join(f"{source}={at}" for source, at in replayed.positions.items())
    assert showing.api(f"/v1/loop/hash?at={vector}").json["hash"] == answer["hash"]
    assert showing.api("/v1/loop/hash?at=listening=2").json["hash"] != answer["hash"]
    assert showing.api("/v1/loop/hash?at=listening=999").status_code == 409
    assert showing.api("/v1/loop/hash?at=nonsense").status_code == 400


@pytest.mark.parametrize("path", ["/v1/loop/stages", "/v1/loop/hash"])
@pytest.mark.parametrize(
    ("at", "problem"),
    [
        ("identity=1,identity=2", "identity is named 2 times."),
        ("narnia=0", "narnia is no source; the sources are identity, listening, campaigns,"),
        ("identity=1,narnia=5", "narnia is no source"),
    ],
)
def test_a_vector_that_names_no_log_or_one_twice_is_refused(
    showing: LoopUnderTest, path: str, at: str, problem: str
) -> None:
    """Otherwise a slip of the pen gives numbers of another moment, or an answer that misleads."""
    answer = showing.api(f"{path}?at={at}")
    assert answer.status_code == 400
    assert answer.json
    (said,) = answer.json["errors"]["at"]
    assert said.startswith(problem)


def test_the_api_lists_the_events_behind_a_number_page_by_page(showing: LoopUnderTest) -> None:
    """Otherwise a program gets a large number's events twice, or not at all."""
    path = f"/v1/loop/numbers/mention_volume/events?cycle={WEEK}&limit=3"
    first = showing.api(path).json
    second = showing.api(f"{path}&cursor={first['next']}").json
    positions = [event["position"] for event in first["events"] + second["events"]]
    assert len(set(positions)) == 4
    assert second["next"] is None


def test_operators_see_and_give_up_what_could_not_be_read(service: LoopUnderTest) -> None:
    """Otherwise an event that cannot be read holds every week for ever."""
    service.logs.add("commerce", "order_completed", {"order_id": "o"}, version=5)
    service.take()
    (waiting,) = service.api("/internal/v1/parked", "operate").json["parked"]
    path = f"/internal/v1/parked/{waiting['subscription']}/{waiting['position']}"
    assert "version 5" in service.api(path, "operate").json["trace"]
    post = {"method": "POST", "headers": {"Idempotency-Key": "k1"}}
    assert service.api(f"{path}/retry", "operate", **post).json["succeeded"] == 0
    skip = {"method": "POST", "headers": {"Idempotency-Key": "k2"}, "json": {"reason": "a test"}}
    assert service.api(f"{path}/skip", "operate", **skip).json == {"skipped": 1}
    assert service.api("/internal/v1/parked", "operate").json["parked"] == []
    audited = service.api("/internal/v1/parked/audit", "operate").json["audit"]
    assert (audited[0]["action"], audited[0]["reason"]) == ("skip", "a test")
    assert {one["action"] for one in audited[1:]} <= {"retry"}
    assert service.api("/internal/v1/progress", "operate").json["parked"] == 0


def test_other_services_read_the_loops_own_log(service: LoopUnderTest) -> None:
    """Otherwise identity never hears that the loop has forgotten somebody."""
    assert service.api("/internal/v1/log/heads", "log.read").json == {}
    assert service.api("/internal/v1/log/lanes/3", "log.read").json == {"events": []}
    assert service.client.get("/healthz").status_code == 200


def test_what_was_given_up_is_told_even_where_the_command_is_not_kept(
    service: LoopUnderTest,
) -> None:
    """Otherwise an event is gone from the facts, and nobody can find out who gave it up."""
    service.logs.add("commerce", "order_completed", {"order_id": "o"}, version=5)
    service.take()
    (waiting,) = service.api("/internal/v1/parked", "operate").json["parked"]
    with service.storage.system.begin() as db:
        db.execute(text(_NOTHING_IS_KEPT))
    path = f"/internal/v1/parked/{waiting['subscription']}/{waiting['position']}/skip"
    skip = {"method": "POST", "headers": {"Idempotency-Key": "k1"}, "json": {"reason": "a test"}}
    assert service.api(path, "operate", **skip).status_code >= 500
    assert service.api("/internal/v1/parked", "operate").json["parked"] == []
    told = service.api("/v1/audit", "audit.read").json["entries"]
    assert [(one["action"], one["detail"]["ahead"]) for one in told] == [("parked.skip", True)]
