"""The commands for a log's past, as an operator types them."""

import json
import shutil
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from chassis.clock import SystemClock
from chassis.database import Database
from chassis.dev_issuer import DevelopmentIssuer
from chassis.log import Append, Draft
from chassis.log_postgresql_schema import schema
from chassis.log_sqlite import SCHEMA_V1
from chassis.sequencer import sequence
from chassis.storage import live_log_on
from chassis.testing.contexts import context
from sixfold import main

EVENTS = 50


def filled(url: str) -> Database:
    """Return a log of fifty events."""
    database = Database(url)
    with database.begin() as db:
        for statement in SCHEMA_V1 if database.is_sqlite else schema(10):
            db.execute(text(statement))
    draft = Draft(type="order_placed", schema_version=1, subjects=(), data=b"{}")
    for number in range(EVENTS):
        wanted = Append(stream=f"order-{number}", expected_version=0, drafts=[draft])
        with database.begin() as db:
            live_log_on(db).append(context(), [wanted], recorded_at=SystemClock().now())
            if not database.is_sqlite:
                sequence(db)
    return database


def stack(folder: Path, url: str) -> Path:
    """Return the directory of a stack of which only commerce's database runs."""
    issuer = folder / "issuer"
    DevelopmentIssuer(issuer, environment="development", issuer="https://i", audience="a")
    known = {"databases": {"commerce": url}, "issuer": str(issuer), "urls": {}}
    (folder / "stack.json").write_text(json.dumps(known))
    return folder


@pytest.fixture
def embedded(tmp_path: Path) -> Path:
    url = f"sqlite:///{tmp_path}/commerce.db"
    filled(url).close()
    return stack(tmp_path, url)


def said(folder: Path, words: str) -> tuple[int, str]:
    """Run a command on a stack; return its exit code and what it said, in one line."""
    place = ["--segments", str(folder / "archive")]
    done = CliRunner().invoke(main.app, [*words.split(), *place, "--stack", str(folder)])
    refused = f"{type(done.exception).__name__} {done.exception}" if done.exception else ""
    return done.exit_code, " ".join(f"{done.output} {refused}".split())


def test_an_operator_archives_and_verifies(embedded: Path) -> None:
    """The night's archive tells what it wrote, and a damaged one is named with its positions."""
    assert "segment 1 to 20 of commerce" in said(embedded, "log archive commerce --positions 20")[1]
    again = said(embedded, "log archive commerce --positions 20")
    assert again == (0, "commerce: nothing new; 50 events in its log")
    code, found = said(embedded, "log verify commerce")
    assert (code, found.startswith("commerce: 50 events in 50 streams")) == (0, True)

    shutil.rmtree(embedded / "archive")
    said(embedded, "log archive commerce --positions 25")
    (second,) = (embedded / "archive" / "commerce").glob("*26-*.parquet")
    second.unlink()
    code, found = said(embedded, "log verify commerce")
    assert (code, "BROKEN at segment 26 to 50 of commerce" in found) == (1, True)


def test_nothing_leaves_sqlite(embedded: Path) -> None:
    """An operator of an embedded log is told why nothing happens."""
    code, found = said(embedded, "log release commerce --up-to 20")
    assert (code, "NotReleased" in found, "SQLite" in found) == (1, True, True)


@pytest.mark.servers
def test_an_operator_lets_a_range_go(postgresql_url: str, tmp_path: Path) -> None:
    """What left is named, and the log still verifies, with what is in its segments."""
    database = filled(postgresql_url)
    folder = stack(tmp_path, postgresql_url)
    said(folder, "log archive commerce --positions 20")
    code, found = said(folder, "log release commerce --keep 1000")
    assert (code, "no partition lies wholly" in found) == (0, True)
    code, found = said(folder, "log release commerce --keep 15 --drop")
    gone = ", ".join(f"{table}_{n}" for table in ("events", "positions") for n in range(3))
    assert found == f"commerce: up to position 29 only in its segments; dropped: {gone}"
    assert said(folder, "log verify commerce")[1].startswith("commerce: 50 events in 50 streams")
    database.close()


def test_what_cannot_be_done_is_said_in_one_line(
    embedded: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An operator under pressure would be shown a traceback."""
    place = "s3://key:secret@bucket"
    arguments = ["sixfold", "log", "archive", "commerce", "--segments", place]
    monkeypatch.setattr("sys.argv", [*arguments, "--stack", str(embedded)])
    with pytest.raises(SystemExit) as left:
        main.run()
    assert left.value.code == 1
    assert "Credentials come from the environment" in capsys.readouterr().err
