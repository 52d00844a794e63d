"""The loop as a process of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest

from chassis.dev_issuer import DevelopmentIssuer
from chassis.migrations import migrate
from loop.main import NOT_FOR_TRAFFIC

_KEY = b64encode(bytes(range(32))).decode()
_LEAVES_WITHIN = 10


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(folder: Path, port: int, ops_port: int) -> dict[str, str]:
    """Return the settings of a loop whose broker and neighbours are all away."""
    issuer = DevelopmentIssuer(folder, environment="test", issuer="https://i.test", audience="a")
    return {
        **os.environ,
        "SERVICE": "loop",
        "ENVIRONMENT": "test",
        "DATABASE_URL": f"sqlite:///{folder}/loop.db",
        "KEYS_URL": f"sqlite:///{folder}/keys.db",
        "AMQP_URI": f"amqp://guest:guest@127.0.0.1:{free_port()}//",
        "SECRET": _KEY,
        "MASTER_KEY": _KEY,
        "JWKS": str(issuer.jwks),
        "ISSUER": "https://i.test",
        "AUDIENCE": "a",
        "HTTP_PORT": str(port),
        "OPS_PORT": str(ops_port),
        "FEEDS": f"identity=http://127.0.0.1:{free_port()}",
        "SERVICE_TOKEN": "none",
    }


@pytest.fixture
def process(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], int, int]]:
    port, ops_port = free_port(), free_port()
    migrate(f"sqlite:///{tmp_path}/loop.db", "loop")
    migrate(f"sqlite:///{tmp_path}/keys.db", "chassis.key_store")
    started = subprocess.Popen(
        [sys.executable, "-m", "chassis.run", "loop"],
        env=environment(tmp_path, port, ops_port),
        cwd=tmp_path,
    )
    yield started, port, ops_port
    started.kill()
    started.wait()


def answers(port: int, path: str, deadline: float) -> int:
    """Return the status of a path as soon as somebody answers."""
    while True:
        try:
            return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=10).status_code
        except httpx.TransportError:
            assert time.monotonic() < deadline, "nobody answers"
            time.sleep(0.1)


@pytest.mark.journey
def test_it_answers_and_leaves_in_time_although_the_broker_is_away(
    process: tuple[subprocess.Popen[bytes], int, int],
) -> None:
    """Otherwise a dead broker hides the numbers, or holds up every deployment."""
    started, port, ops_port = process
    traffic = urlencode([("exclude", name) for name in NOT_FOR_TRAFFIC])
    assert answers(port, "/healthz", time.monotonic() + 60) == 200
    assert answers(port, "/readyz", time.monotonic() + 10) == 503
    assert answers(ops_port, "/readyz", time.monotonic() + 10) == 503
    assert answers(ops_port, f"/readyz?{traffic}", time.monotonic() + 10) == 200
    assert answers(port, "/", time.monotonic() + 10) == 401
    started.send_signal(signal.SIGTERM)
    assert started.wait(timeout=_LEAVES_WITHIN) == 0


def test_no_eventlet_comes_in() -> None:
    """Otherwise threads of the loop block each other in surprising places."""
    code = "import sys, loop.main; print(sorted({'eventlet', 'nameko'} & sys.modules.keys()))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
