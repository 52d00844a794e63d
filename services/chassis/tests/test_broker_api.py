"""The management API is believed under the broker's own authority."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cheroot.ssl.builtin import BuiltinSSLAdapter
from cheroot.wsgi import Server

from chassis.broker_api import BrokerApi
from chassis.errors import Unavailable
from chassis.testing.certificates import self_signed


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    self_signed(tmp_path / "broker.crt", tmp_path / "broker.key", "127.0.0.1")
    return tmp_path / "broker.crt"


@pytest.fixture
def url(certificate: Path) -> Iterator[str]:
    """Give the address of something that answers as a broker of an authority of its own."""

    def answer(_: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "application/json")])
        return [b'[{"name": "commerce"}]']

    server = Server(("127.0.0.1", 0), answer)
    server.ssl_adapter = BuiltinSSLAdapter(str(certificate), str(certificate.with_suffix(".key")))
    server.prepare()
    serving = threading.Thread(target=server.serve)
    serving.start()
    yield f"https://admin:secret@127.0.0.1:{server.bind_addr[1]}"
    server.stop()
    serving.join()


def test_the_brokers_authority_counts_for_its_management_too(url: str, certificate: Path) -> None:
    """No broker with an authority of its own could be installed on."""
    assert BrokerApi(url, "/", certificate).users() == {"commerce"}


def test_nobody_elses_certificate_is_believed(url: str) -> None:
    """Whoever stands in between would get the administrator's password."""
    with pytest.raises(Unavailable, match="ConnectError"):
        BrokerApi(url, "/").users()
