"""An operator builds a read model anew from the command line."""

import base64
import json
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from chassis import rebuild_job
from chassis.clock import SharedClock
from chassis.testing.contexts import NOW, context
from chassis.testing.harness import MASTER_KEY, Harness
from commerce.bootstrap import BLUEPRINT
from commerce.examples import ORDER_CONFIRMED, ORDER_ID, ORDER_PLACED
from sixfold import main


@pytest.fixture
def commerce(tmp_path: Path) -> Harness:
    """Give a commerce with one order, described as a running stack is."""
    commerce = Harness(replace(BLUEPRINT, processes=(), gateways={}), tmp_path)
    with commerce.storage.begin(context()) as work:
        work.add(f"order-{ORDER_ID}", [ORDER_PLACED, ORDER_CONFIRMED])
    commerce.settle()
    SharedClock(tmp_path / "clock").set(NOW)
    described = {
        "issuer": str(tmp_path / "issuer"),
        "databases": {"commerce": f"sqlite:///{tmp_path}/commerce.db"},
        "keys": {"commerce": f"sqlite:///{tmp_path}/commerce_keys.db"},
        "secret": base64.b64encode(bytes(32)).decode(),
        "master_key": base64.b64encode(MASTER_KEY).decode(),
    }
    (tmp_path / "stack.json").write_text(json.dumps(described))
    return commerce


def readmodel(directory: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main.app, ["readmodel", *arguments, "--stack", str(directory)])


def status_of(commerce: Harness) -> str:
    (row,) = commerce.rows("SELECT status FROM order_board")
    return str(row["status"])


def test_a_wrong_read_model_is_found_replaced_and_brought_back(
    commerce: Harness, tmp_path: Path
) -> None:
    """A wrong number on a page could not be put right without stopping the service."""
    with commerce.storage.system.begin() as db:
        db.execute(text("UPDATE order_board SET status = 'lost'"))

    built = readmodel(tmp_path, "rebuild", "commerce", "order_board")
    compared = readmodel(tmp_path, "compare", "commerce", "order_board")
    refused = readmodel(tmp_path, "swap", "commerce", "order_board")
    before = status_of(commerce)
    swapped = readmodel(tmp_path, "swap", "commerce", "order_board", "--accept-differences")
    after = status_of(commerce)
    stands = readmodel(tmp_path, "status", "commerce")
    back = readmodel(tmp_path, "rollback", "commerce", "order_board")

    assert "order_board: 2 of 2 events" in built.stdout
    assert (compared.exit_code, refused.exit_code) == (1, 1)
    assert f"order_board tenant=acme, order_id={ORDER_ID}: status 'lost' -> 'confirmed'" in (
        compared.stdout
    )
    assert "--accept-differences" in refused.stdout
    assert (before, after, status_of(commerce)) == ("lost", "confirmed", "lost")
    assert (swapped.exit_code, back.exit_code) == (0, 0)
    assert "order_board: live at 2 of 2; previous at 2" in stands.stdout


def test_what_cannot_be_built_anew_is_refused_in_words(commerce: Harness, tmp_path: Path) -> None:
    """An operator would undo an erasure, or read a traceback."""
    del commerce
    erased = readmodel(tmp_path, "rebuild", "commerce", "person_orders")
    unknown = readmodel(tmp_path, "swap", "commerce", "nosuch")

    assert (erased.exit_code, unknown.exit_code) == (1, 1)
    assert "an erasure deletes a person's orders" in erased.stdout
    assert "order_board" in unknown.stdout


@pytest.mark.usefixtures("own_logging")
def test_the_job_prints_a_line_for_each_step(
    commerce: Harness,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Where no stack runs on the machine, nobody could build a read model anew."""
    told = {
        "SERVICE": "commerce", "ENVIRONMENT": "test", "LOG_LEVEL": "CRITICAL",
        "DATABASE_URL": f"sqlite:///{tmp_path}/commerce.db",
        "KEYS_URL": f"sqlite:///{tmp_path}/commerce_keys.db", "AMQP_URI": "amqp://localhost",
        "SECRET": base64.b64encode(bytes(32)).decode(),
        "MASTER_KEY": base64.b64encode(MASTER_KEY).decode(), "JWKS": str(tmp_path / "jwks.json"),
        "ISSUER": "https://issuer.test", "AUDIENCE": "sixfold",
    }  # fmt: skip
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    capsys.readouterr()

    codes = [
        rebuild_job.main(["commerce", action, "order_board"])
        for action in ("rebuild", "compare", "swap", "swap", "discard")
    ]

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert codes == [0, 0, 0, 1, 0]
    assert [line["equal"] for line in lines if "equal" in line] == [True]
    assert [line["refused"] for line in lines if "refused" in line] == [
        "there is no order_board@next"
    ]
    assert lines[-1]["previous"] is None
    assert status_of(commerce) == "confirmed"
