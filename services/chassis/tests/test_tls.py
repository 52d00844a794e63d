"""Broker, database and feeds are spoken to over TLS, only with whom the authority vouches for."""

import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from chassis import trust
from chassis.broker import Broker
from chassis.database import Database
from chassis.errors import Unavailable
from chassis.feed import HttpFeed
from chassis.testing.certificates import Authority
from chassis.testing.fixtures import started
from chassis.testing.secure_servers import HERE, SecurePostgreSQL, SecureRabbitMQ

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def broker(server_directory: Path) -> Iterator[SecureRabbitMQ]:
    server = SecureRabbitMQ(server_directory / "rabbitmq-tls", demands=True)
    yield started(server)
    server.close()


@pytest.fixture(scope="module")
def database(server_directory: Path) -> Iterator[SecurePostgreSQL]:
    server = SecurePostgreSQL(server_directory / "postgresql-tls")
    yield started(server)
    server.close()


def broker_at(server: SecureRabbitMQ, host: str = HERE, ca: Path | None = None) -> Broker:
    uri = server.secure_uri("tls", host=host)
    return Broker(
        lambda: uri,
        ca=ca or server.authority.certificate,
        certificate=server.client.certificate,
        key=server.client.key,
    )


def test_the_broker_is_reached_with_a_private_authority_and_a_certificate(
    broker: SecureRabbitMQ,
) -> None:
    """An enterprise's own authority is enough, also where the broker asks for certificates."""
    broker.vhost("tls")
    with broker_at(broker).connected() as connection:
        assert connection.connected


def test_a_broker_under_another_name_is_refused(broker: SecureRabbitMQ) -> None:
    """Somebody in the middle who has any certificate of the authority learns the password."""
    broker.vhost("tls")
    with pytest.raises(ssl.SSLCertVerificationError, match="localhost"):
        broker_at(broker, host="localhost").connected()


def test_a_broker_of_another_authority_is_refused(broker: SecureRabbitMQ, tmp_path: Path) -> None:
    """Somebody in the middle who vouches for himself learns the password."""
    with pytest.raises(ssl.SSLCertVerificationError):
        broker_at(broker, ca=Authority(tmp_path).certificate).connected()


def test_who_shows_no_certificate_is_not_let_in(broker: SecureRabbitMQ) -> None:
    """A stolen password alone opens the bus."""
    broker.vhost("tls")
    uri = broker.secure_uri("tls")
    with pytest.raises(OSError, match=r"(?i)certificate|closed|reset|alert|EOF"):
        Broker(lambda: uri, ca=broker.authority.certificate).connected()


@pytest.fixture
def user(database: SecurePostgreSQL) -> Iterator[str]:
    name = "tls_user"
    admin = Database(database.database("tls"))
    with admin.begin() as db:
        db.execute(text("DROP ROLE IF EXISTS tls_user"))
        db.execute(text("CREATE ROLE tls_user LOGIN PASSWORD 'right'"))
    yield name
    admin.close()


def test_the_database_is_reached_and_knows_that_it_is_encrypted(
    database: SecurePostgreSQL, user: str
) -> None:
    """Rows would travel in the clear."""
    reached = Database(database.secure_url("tls", user, "right"))
    with reached.read() as db:
        asked = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        assert db.execute(text(asked)).scalar() is True
    reached.close()


@pytest.mark.parametrize("wrong", ["name", "authority"])
def test_a_database_that_is_not_the_one_is_refused(
    database: SecurePostgreSQL, user: str, tmp_path: Path, wrong: str
) -> None:
    """Somebody in the middle learns the password."""
    named = database.secure_url("tls", user, "right", host="localhost")
    foreign = database.secure_url("tls", user, "right", ca=Authority(tmp_path).certificate)
    refused = Database({"name": named, "authority": foreign}[wrong])
    with pytest.raises(Unavailable), refused.read():
        pass
    refused.close()


class Heads(BaseHTTPRequestHandler):
    """Answers as the feed of an empty log does."""

    def do_GET(self) -> None:  # the library's name
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def feed(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """Serve a feed over HTTPS; give its port and whose certificate it has."""
    authority = Authority(tmp_path / "feed")
    pair = authority.issue("feed", HERE)
    served = ThreadingHTTPServer((HERE, 0), Heads)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    served.socket = context.wrap_socket(served.socket, server_side=True)
    threading.Thread(target=served.serve_forever, daemon=True).start()
    yield served.server_address[1], authority.certificate
    served.shutdown()
    served.server_close()


def test_a_feed_is_believed_only_with_the_right_authority_and_name(
    feed: tuple[int, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service would take somebody else's events for its producer's."""
    monkeypatch.setattr(trust, "_trust", trust._Trust())  # one for each test
    port, authority = feed
    with pytest.raises(Unavailable):
        HttpFeed(f"https://{HERE}:{port}", lambda: "token").heads()
    trust.also(authority)

    assert HttpFeed(f"https://{HERE}:{port}", lambda: "token").heads() == {}
    with pytest.raises(Unavailable) as refused:
        HttpFeed(f"https://localhost:{port}", lambda: "token").heads()
    assert isinstance(refused.value.__cause__, httpx.ConnectError)
