"""A service gets a token of its own, and asks for no more of them than it needs."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest

from chassis.errors import Unavailable
from chassis.roles import token_of
from chassis.service_token import ClientCredentials
from chassis.testing.settings import settings


class Issuer:
    """A token endpoint; ``answer`` is what it says next."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, list[str]]]] = []
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
