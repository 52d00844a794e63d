"""A service gets a token of its own, and asks for no more of them than it needs."""

import base64
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from chassis.errors import Unavailable
from chassis.feed import HttpFeed
from chassis.roles import token_of
from chassis.rotation import LOOK_SECONDS
from chassis.service_token import ClientCredentials
from chassis.settings import from_environment
from chassis.testing.settings import settings


class Issuer:
    """A token endpoint, and a feed without events; ``answer`` is what the first says next."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, list[str]]]] = []
        self.shown: list[str] = []
        self.answer: tuple[int, Any] = (200, {"access_token": "first", "expires_in": 300})
        issuer = self

        class Endpoint(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = self.rfile.read(int(self.headers["Content-Length"])).decode()
                issuer.asked.append((self.headers["Authorization"], parse_qs(form)))
                status, body = issuer.answer
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def do_GET(self) -> None:
                issuer.shown.append(self.headers["Authorization"])
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None:
                """Stay quiet."""

        self.server = HTTPServer(("127.0.0.1", 0), Endpoint)
        self.url = f"http://127.0.0.1:{self.server.server_port}/token"


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    threading.Thread(target=issuer.server.serve_forever, daemon=True).start()
    yield issuer
    issuer.server.shutdown()
    issuer.server.server_close()


def test_a_token_is_asked_for_once_and_kept_while_it_is_valid(issuer: Issuer) -> None:
    """The issuer is not asked for every page of a feed."""
    seconds = [0.0]
    token = ClientCredentials(
        lambda: issuer.url, "commerce", "s3cret", audience="sixfold", elapsed=lambda: seconds[0]
    )
    assert [token() for _ in range(3)] == ["first"] * 3
    seconds[0] = 269

    issuer.answer = (200, {"access_token": "second", "expires_in": 300})
    assert token() == "first"
    seconds[0] = 270
    assert token() == "second"

    assert len(issuer.asked) == 2
    authorization, form = issuer.asked[0]
    assert base64.b64decode(authorization.removeprefix("Basic ")) == b"commerce:s3cret"
    assert form == {"grant_type": ["client_credentials"], "audience": ["sixfold"]}


@pytest.mark.parametrize(
    "answer",
    [(500, {}), (401, {"error": "invalid_client"}), (200, {}), (200, []), (200, "nonsense")],
)
def test_an_issuer_without_an_answer_is_waited_for(issuer: Issuer, answer: Any) -> None:
    """An outage of the issuer is one more outage, and is over when it is over."""
    issuer.answer = answer
    token = ClientCredentials(lambda: issuer.url, "commerce", "s3cret", audience="sixfold")
    with pytest.raises(Unavailable) as failure:
        token()
    assert "s3cret" not in str(failure.value)

    issuer.answer = (200, {"access_token": "first"})
    assert token() == "first"


def test_the_settings_say_where_the_token_comes_from(issuer: Issuer) -> None:
    """A fixed token is enough for a demo; production names its issuer."""
    fetched = settings(token_url=issuer.url, client_id="commerce", client_secret="s3cret")

    assert token_of(settings(service_token="fixed"))() == "fixed"
    assert token_of(fetched)() == "first"
    assert token_of(settings())() == ""


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, issuer: Issuer) -> pytest.MonkeyPatch:
    key = base64.b64encode(b"k" * 32).decode()
    told = {
        "SERVICE": "commerce", "ENVIRONMENT": "test", "DATABASE_URL": "sqlite://",
        "KEYS_URL": "sqlite:///:memory:", "AMQP_URI": "amqp://127.0.0.1:1/none", "SECRET": key,
        "MASTER_KEY": key, "ISSUER": "https://issuer.test", "AUDIENCE": "sixfold",
        "TOKEN_URL": issuer.url,
    }  # fmt: skip
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def write(file: Path, secret: str) -> None:
    """Write a secret as an orchestrator does: another file takes the place."""
    fresh = file.with_suffix(".new")
    fresh.write_text(f"{secret}\n")
    fresh.replace(file)


def test_a_renewed_client_secret_is_shown_with_the_next_request(
    issuer: Issuer, environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The issuer would refuse a service from the moment its secret is renewed until a restart."""
    file = tmp_path / "CLIENT_SECRET"
    write(file, "old")
    environment.setenv("CLIENT_ID", "commerce")
    environment.setenv("CLIENT_SECRET_FILE", str(file))
    token = token_of(from_environment())
    issuer.answer = (200, {"access_token": "over-at-once", "expires_in": 0})
    token()
    write(file, "new")
    time.sleep(LOOK_SECONDS + 0.1)
    token()
    shown = [base64.b64decode(said.removeprefix("Basic ")) for said, _ in issuer.asked]
    assert shown == [b"commerce:old", b"commerce:new"]


def test_a_renewed_service_token_is_shown_with_the_next_request(
    issuer: Issuer, environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A service would show its old token until it is refused, and read no log until a restart."""
    file = tmp_path / "SERVICE_TOKEN"
    write(file, "old")
    environment.setenv("SERVICE_TOKEN_FILE", str(file))
    feed = HttpFeed(issuer.url, token_of(from_environment()))
    feed.heads()
    write(file, "new")
    time.sleep(LOOK_SECONDS + 0.1)
    feed.heads()
    assert issuer.shown == ["Bearer old", "Bearer new"]
