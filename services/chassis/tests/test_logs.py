"""Logs are JSON, carry the trace, and show neither credentials nor people."""

import io
import json
import logging
import sys
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from chassis import logs, problems, telemetry
from chassis.database import Database
from chassis.errors import Unavailable
from chassis.redaction import PERSONAL_NAMES, SECRET_NAMES, redact, redact_fields
from chassis.testing.settings import settings
from chassis.testing.telemetry import recorded_telemetry


@dataclass
class Written:
    """The lines a test caused."""

    stream: io.StringIO = field(default_factory=io.StringIO)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    def line(self) -> dict[str, Any]:
        (only,) = self.lines()
        return only


@pytest.fixture
def written(own_logging: None) -> Written:
    del own_logging  # it is only undone
    found = Written()
    logs.configure(settings(), found.stream)
    return found


def test_a_failed_request_says_what_failed_and_where(written: Written) -> None:
    """An operator would see that something failed, and nothing to find out why."""

    def fail() -> None:
        raise Unavailable("the database does not answer")

    try:
        fail()
    except Unavailable as error:
        problems.response_to(error)

    line = written.line()
    assert (line["event"], line["code"], line["error"]) == (
        "request failed",
        "unavailable",
        "Unavailable",
    )
    assert "test_logs.py" in line["where"]


def test_a_line_says_what_when_where_and_in_which_trace(written: Written) -> None:
    """An operator gets from a log line to the trace it belongs to."""
    with recorded_telemetry(), telemetry.span("work"):
        ids = telemetry.current_ids()
        logs.get_logger("demo.orders").info("batch handled", count=3)

    line = written.line()
    assert (line["event"], line["count"], line["level"]) == ("batch handled", 3, "info")
    assert (line["service"], line["logger"]) == ("demo", "demo.orders")
    assert (line["trace_id"], line["span_id"]) == ids
    assert datetime.fromisoformat(line["time"]).utcoffset() == timedelta(0)


def test_outside_a_trace_there_are_no_trace_ids(written: Written) -> None:
    """A line that belongs to no trace does not point at one."""
    logs.get_logger("demo").info("started")

    assert "trace_id" not in written.line()


def test_libraries_speak_the_same_format_from_warning_up(written: Written) -> None:
    """One parser reads everything, and a chatty library does not bury our lines."""
    for name in ("nameko.containers", "kombu.connection", "sqlalchemy.engine"):
        logging.getLogger(name).info("chatter")
        logging.getLogger(name).warning("slow %s", name)

    assert [line["event"] for line in written.lines()] == [
        "slow nameko.containers",
        "slow kombu.connection",
        "slow sqlalchemy.engine",
    ]
    assert {line["level"] for line in written.lines()} == {"warning"}


def test_the_level_is_the_operators(written: Written) -> None:
    """Debug lines appear only when asked for."""
    logs.get_logger("demo").debug("detail")

    assert written.lines() == []


def test_what_is_bound_to_the_context_is_in_each_line(written: Written) -> None:
    """All lines of one request can be found by what they share."""
    with structlog.contextvars.bound_contextvars(correlation_id="c-1"):
        logs.get_logger("demo").info("one")
        logging.getLogger("plain").warning("two")

    assert [line["correlation_id"] for line in written.lines()] == ["c-1", "c-1"]


def test_a_broker_password_is_masked_in_a_librarys_message(written: Written) -> None:
    """A lost connection does not print the broker's password."""
    uri = "amqp://app:hunter2@mq:5672/sixfold"
    logging.getLogger("nameko").error("cannot reach %s", uri)

    assert written.line()["event"] == "cannot reach amqp://***@mq:5672/sixfold"


def test_an_exceptions_message_is_masked(written: Written) -> None:
    """A failing statement does not print the row it was about."""
    refused = (
        "duplicate\nDETAIL:  Key (contact)=(+886912345678, Ada) already exists.\n"
        "[parameters: {'name': 'Ada', 'n': [1]}]\nat postgresql://app:hunter2@db/x"
    )
    try:
        fail(refused)
    except RuntimeError:
        logs.get_logger("demo").exception("append failed")

    line = written.line()
    assert "RuntimeError: duplicate" in line["exception"]
    assert "test_logs.py" in line["exception"]
    for secret in ("+8869", "Ada", "hunter2"):
        assert secret not in json.dumps(line)


def fail(message: str) -> None:
    raise RuntimeError(message)


@pytest.mark.parametrize("name", sorted(SECRET_NAMES | PERSONAL_NAMES))
def test_a_field_of_a_known_name_is_masked_at_any_depth(written: Written, name: str) -> None:
    """A careless log call shows no person and no secret."""
    logs.get_logger("demo").info("seen", seen=[{f"buyer_{name}": "Ada"}], **{name: "Ada"})

    assert "Ada" not in written.stream.getvalue()


def test_a_failing_statement_shows_no_row(written: Written, tmp_path: Path) -> None:
    """What was to be stored about a person does not end up in the logs instead."""
    database, row = Database(f"sqlite:///{tmp_path}/a.sqlite"), {"name": "Ada"}
    try:
        with database.begin() as db:
            db.execute(text("INSERT INTO nowhere VALUES (:name)"), row)
    except (Unavailable, SQLAlchemyError):
        logs.get_logger("demo").exception("append failed")

    assert "nowhere" in written.stream.getvalue()
    assert "Ada" not in written.stream.getvalue()


def test_an_exception_nobody_caught_is_a_line_too(written: Written) -> None:
    """A crash at start is found in the logs, without the password in its message."""
    error = RuntimeError("no route to amqp://app:hunter2@mq")

    sys.excepthook(RuntimeError, error, None)

    line = written.line()
    assert (line["event"], line["level"]) == ("process failed", "critical")
    assert "amqp://***@mq" in line["exception"]


@pytest.mark.parametrize(
    "text",
    [
        "password=hunter2 host=db",
        "Authorization: Bearer hunter2",
        '{"client_secret": "hunter2"}',
        "token: 'hunter2'",
        "https://user:hunter2@host/path",
        "amqp://:hunter2@host",
        "eyJhunter2.eyJhunter2.hunter2",
    ],
)
def test_a_credential_is_masked_in_any_text(text: str) -> None:
    """Neither a connection string nor a token survives in a message."""
    assert "hunter2" not in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "2026-05-06T02:00:00+00:00",
        "order-018f2c3a-7b1e-7c3d-9a55-0a1b2c3d4e5f",
        "http://collector:4318/v1/traces",
        "commerce.on.identity.2",
        "12,345 events at 4:30",
    ],
)
def test_ordinary_text_stays_readable(text: str) -> None:
    """Redaction does not eat what an operator needs."""
    assert redact(text) == text


@given(st.text(st.characters(blacklist_categories=["Cs", "Z", "C"]), min_size=4))
def test_no_password_in_an_address_survives(password: str) -> None:
    """Whatever characters a password has, an address in a log does not show it."""
    quoted = set("\"'<>") & set(password)
    shown = redact(f"cannot reach amqp://application:{password}@broker")

    assert quoted or shown == "cannot reach amqp://***@broker"


def test_redacting_keeps_plain_values() -> None:
    """Numbers and flags in a line stay what they were."""
    assert redact_fields({"n": 1, "f": 0.5, "b": True, "x": None}) == {
        "n": 1,
        "f": 0.5,
        "b": True,
        "x": None,
    }
