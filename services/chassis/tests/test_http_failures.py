"""What a caller sees of our own failures: when to come back, and nothing of the inside."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from chassis.clock import FixedClock
from chassis.errors import Conflict, Unavailable
from chassis.routes import Call, Reply, Route
from chassis.storage import Storage, log_on
from chassis.testing.contexts import NOW
from chassis.testing.notebook import notebook_storage
from chassis.testing.web import Tokens, Web

ROUTE = Route(method="POST", path="/v1/x", kind="command", summary="x", scope="s")


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """An exception in a handler, and what should come of it."""

    error: Exception
    status: int
    code: str
    tries: int = 1
    later: bool = False


FAILURES = [
    Failure(error=Conflict("secret"), status=409, code="conflict", tries=5, later=True),
    Failure(error=Unavailable("secret"), status=503, code="unavailable", later=True),
    Failure(
        error=OperationalError("SELECT 'secret'", {}, Exception("secret")),
        status=503,
        code="unavailable",
        later=True,
    ),
    Failure(error=PoolExhausted("secret"), status=503, code="unavailable", later=True),
    Failure(
        error=DataError("INSERT 'secret'", {}, Exception("secret")), status=400, code="invalid"
    ),
    Failure(error=KeyError("secret"), status=500, code="defect"),
]


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return notebook_storage(tmp_path, FixedClock(NOW))


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure.error).__name__)
def test_our_own_failures_say_when_to_come_back_and_show_nothing(
    tmp_path: Path, storage: Storage, caplog: pytest.LogCaptureFixture, failure: Failure
) -> None:
    """An outage asks for patience, a defect is logged, and neither leaks what was inside."""
    attempts: list[Any] = []

    def fail(work: Any, _call: Call[Any]) -> Reply:
        attempts.append(work)
        raise failure.error

    web = Web(Tokens(tmp_path / "issuer"), storage, [(ROUTE, fail)], scopes=["s"])
    response = web.post("/v1/x", {})

    assert (response.status_code, response.get_json()["code"]) == (failure.status, failure.code)
    assert response.mimetype == "application/problem+json"
    assert len(attempts) == failure.tries
    assert ("Retry-After" in response.headers) is failure.later
    logged = "".join(str(record.__dict__) for record in caplog.records)
    assert "secret" not in response.get_data(as_text=True) + logged
    assert bool(caplog.records) is (failure.status >= 500)


def test_a_failure_after_the_work_leaves_nothing_behind(tmp_path: Path, storage: Storage) -> None:
    """An answer that cannot be sent was never carried out, so the client may try again."""

    def unanswerable(work: Any, _call: Call[Any]) -> Reply:
        work.db.exec_driver_sql("INSERT INTO notes VALUES ('acme', 'n', 't', 1)")
        return Reply(body={"not JSON": object()})

    web = Web(Tokens(tmp_path / "issuer"), storage, [(ROUTE, unanswerable)], scopes=["s"])

    assert web.post("/v1/x", {}).status_code == 500
    with storage.system.read() as db:
        assert log_on(db).head() == 0
        assert db.exec_driver_sql("SELECT count(*) FROM notes").scalar_one() == 0
