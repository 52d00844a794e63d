"""Whatever arrives, the edge answers with something that is the sender's fault."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chassis.clock import FixedClock
from chassis.entrypoints import handlers_of
from chassis.testing.contexts import NOW
from chassis.testing.notebook import NotebookService, notebook_storage
from chassis.testing.web import Tokens, Web

SCOPES = ("notes:read", "notes:write")
QUICK = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
FIELDS = st.dictionaries(
    st.sampled_from(["title", "colour", "price", "pages", "loud", "occurred_at", "other"]),
    JSON_VALUES
    | st.text(max_size=5)
    | st.datetimes(timezones=st.timezones()).map(lambda at: at.isoformat()),
)
HEADER = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=60)


@pytest.fixture(scope="module")
def web() -> Any:
    with TemporaryDirectory() as folder:
        storage = notebook_storage(Path(folder), FixedClock(NOW))
        tokens = Tokens(Path(folder) / "issuer")
        scopes = (*SCOPES, "import")
        yield Web(tokens, storage, handlers_of(NotebookService()), scopes=scopes)
        storage.database.close()


@QUICK
@given(st.binary(max_size=400))
@example(b'{"title":"' + b"x" * 101 + b'"}')
def test_no_body_breaks_a_command(web: Web, body: bytes) -> None:
    """Rubbish in a body is refused as rubbish."""
    response = web.send("POST", "/v1/notes", data=body, content_type="application/json")

    assert 400 <= response.status_code < 500


@QUICK
@given(FIELDS | JSON_VALUES)
@example({"title": "a", "price": "NaN"})
@example({"title": "a", "occurred_at": "0001-01-01T00:00:00+14:00"})
@example({"title": "a", "occurred_at": "9999-12-31T23:59:59-14:00"})
@example({"title": "a", "pages": 2**63 - 1})
@example({"title": "\x7f\u202e\ufffe", "price": "1e400000"})
def test_no_document_breaks_a_command(web: Web, document: Any) -> None:
    """Every JSON document is either a note or a problem."""
    response = web.send(
        "POST", "/v1/notes", data=json.dumps(document), content_type="application/json"
    )

    assert response.status_code in {201, 400, 409}


@QUICK
@given(HEADER, HEADER, HEADER, HEADER)
def test_no_header_breaks_a_request(
    web: Web, authorization: str, key: str, match: str, media_type: str
) -> None:
    """Headers that no client of ours would send do no harm."""
    given_headers = {
        "Idempotency-Key": key,
        "If-Match": match,
        "Content-Type": media_type,
        "X-Correlation-Id": match,
        "traceparent": authorization,
    }
    for extra in ({}, {"Authorization": authorization}, {"Authorization": f"Bearer {match}"}):
        response = web.send("POST", "/v1/notes", data=b"{}", headers=given_headers | extra)
        assert 400 <= response.status_code < 500


@QUICK
@given(st.text(max_size=60), st.dictionaries(st.text(max_size=8), st.text(max_size=30)))
@example("x", {"cursor": "AA"})
@example("x", {"cursor": "A" * 2050})
@example("x", {"limit": "9" * 5000})
def test_no_path_or_query_breaks_a_query(web: Web, name: str, query: dict[str, str]) -> None:
    """A mangled link leads to a problem, never to a crash."""
    paths = (f"/v1/notes/{quote(name, safe='%/')}", "/v1/notes")
    for path in paths:
        assert web.get(path, query_string=query).status_code < 500
