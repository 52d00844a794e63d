"""``sixfold parked``: the real command, over HTTP, to what every service answers."""

import json
import threading
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bus_service import Listener, embedded, greet
from chassis.auth import AuthSettings, authority_from
from chassis.dev_issuer import DevelopmentIssuer
from chassis.entrypoints import handlers_of
from chassis.service_edge import ServiceEdge
from chassis.testing.nodes import free_ports
from chassis.wsgi import Service, server, wsgi_app
from sixfold.main import app
from sixfold.stack import AUDIENCE, ISSUER, PACKAGES

NAME = "listener.on.greeter"


class CampaignsEdge(ServiceEdge):
    """Only what every service answers."""

    name = "campaigns"


class Operator:
    """Somebody at the command line of a stack whose campaigns parked something."""

    def __init__(self, stack: Path, listener: Listener, told: Mapping[str, str]) -> None:
        self.listener = listener
        self._stack = stack
        self._told = told

    def does(self, *words: str) -> Any:
        """Return what the command prints."""
        asked = ["parked", *words, "--stack", str(self._stack)]
        done = CliRunner().invoke(app, asked, env=self._told)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)


@pytest.fixture(params=["stack", "installation"])
def operator(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Operator]:
    producer, storage = embedded(tmp_path, "producer"), embedded(tmp_path, "listener")
    listener = Listener(storage, producer)
    for stream in "abc":
        greet(producer, stream, [1, 2])
    listener.fails = lambda number: KeyError("gone") if number == 1 else None
    with producer.system.read() as db:
        listener.inbox.receive(producer.log(db).after(0, limit=100))
    issuer = DevelopmentIssuer(
        tmp_path / "issuer", environment="test", issuer=ISSUER, audience=AUDIENCE
    )
    authority = authority_from(
        AuthSettings(issuer=ISSUER, audience=AUDIENCE, jwks=str(issuer.jwks), environment="test")
    )
    routes = handlers_of(CampaignsEdge())
    (port,) = free_ports(1)
    web = server(wsgi_app(Service(name="campaigns"), routes, storage, authority), "127.0.0.1", port)
    web.prepare()
    serving = threading.Thread(target=web.serve)
    serving.start()
    url, told = f"http://127.0.0.1:{port}", {}
    if request.param == "stack":
        described = {"issuer": str(tmp_path / "issuer"), "urls": dict.fromkeys(PACKAGES, url)}
        (tmp_path / "stack.json").write_text(json.dumps(described))
    else:
        token = issuer.issue("lantern", "ops", ["operate"], timedelta(hours=1))
        (tmp_path / "token").write_text(token)
        told = {
            "SIXFOLD_SERVICES": f"campaigns={url}", "SIXFOLD_TOKEN_FILE": str(tmp_path / "token"),
        }  # fmt: skip
    yield Operator(tmp_path, listener, told)
    web.stop()
    serving.join()
    storage.database.close()
    producer.database.close()


def test_an_operator_lists_shows_retries_and_reads_the_audit(operator: Operator) -> None:
    """After a bad deployment nobody could heal what it parked."""
    failed = operator.does("list", "campaigns", "--error", "KeyError")
    assert [one["position"] for one in failed] == [1, 3, 5]
    assert len(operator.does("list", "campaigns")) == 6
    assert "KeyError" in operator.does("show", "campaigns", NAME, "1")["trace"]

    operator.listener.fails = lambda _: None
    operator.does("skip", "campaigns", NAME, "1", "a test greeting")
    operator.does("retry", "campaigns", NAME, "3")
    done = operator.does("retry-all", "campaigns", "KeyError", "--subscription", NAME)
    while operator.listener.delivery.retry_due():
        pass

    assert done == {"retried": 2}
    assert [operator.listener.numbers(stream) for stream in "abc"] == [[2], [1, 2], [1, 2]]
    assert operator.does("list", "campaigns") == []
    audit = operator.does("audit", "campaigns")
    assert [(one["action"], one["position"]) for one in audit] == [
        ("retry_all", None), ("retry", 3), ("skip", 1)
    ]  # fmt: skip
    assert audit[-1]["reason"] == "a test greeting"
