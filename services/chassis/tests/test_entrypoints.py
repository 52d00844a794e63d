"""nameko serves the edge: a real container, a real socket, no broker."""

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from chassis.clock import FixedClock
from chassis.testing.contexts import NOW
from chassis.testing.notebook import notebook_storage
from chassis.testing.web import Tokens

PROGRAM = """
import eventlet
eventlet.monkey_patch()
import sys
from eventlet import tpool
from pathlib import Path
from chassis.clock import FixedClock
from chassis.database import Database
from chassis.health import Check
from chassis.privacy import MemoryKeys
from chassis.storage import Storage
from chassis.testing.contexts import NOW, SECRET
from chassis.testing.notebook import NotebookService, registry, shelf
from chassis.testing.web import Tokens
from nameko.containers import ServiceContainer

folder = Path(sys.argv[1])
storage = Storage(
    service="notebook",
    database=Database(f"sqlite:///{folder}/notebook.db", wait=tpool.execute),
    registry=registry,
    keys=MemoryKeys(),
    clock=FixedClock(NOW),
    secret=SECRET,
    inline=[shelf],
)
container = ServiceContainer(
    NotebookService,
    {
        "WEB_SERVER_ADDRESS": "127.0.0.1:0",
        "storage": storage,
        "authority": Tokens(folder / "issuer").authority,
        "checks": [Check(name="database", probe=lambda: None)],
    },
)
container.start()
entrypoint = next(iter(container.entrypoints))
print(entrypoint.server._sock.getsockname()[1], flush=True)
tpool.execute(sys.stdin.readline)
container.stop()
print("stopped", flush=True)
"""


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    return Tokens(tmp_path / "issuer")


@pytest.fixture
def address(tmp_path: Path, tokens: Tokens) -> Iterator[str]:
    assert tokens.settings.environment == "test"
    notebook_storage(tmp_path, FixedClock(NOW)).database.close()
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    output, _ = process.communicate("stop\n", timeout=20)
    assert (output.strip(), process.returncode) == ("stopped", 0)


def test_a_nameko_service_serves_its_routes(address: str, tokens: Tokens) -> None:
    """Commands, replays, queries, refusals and health all come through nameko alike."""
    headers = tokens.bearer("notes:read", "notes:write") | {"Idempotency-Key": "k1"}
    with httpx.Client(base_url=address, headers=headers, timeout=20) as client:
        created = client.post("/v1/notes", json={"title": "a"})
        again = client.post("/v1/notes", json={"title": "a"})
        shown = client.get(f"/v1/notes/{created.json()['note_id']}")
        chunked = client.post(
            "/v1/notes",
            content=iter([b'{"title":', b'"b"}']),
            headers={"Idempotency-Key": "k2", "Content-Type": "application/json"},
        )
        malformed = client.post(
            "/v1/notes", content=b"{", headers={"Content-Type": "application/json"}
        )
        oversized = client.post("/v1/notes", content=b"x" * (2 << 20))
        unknown = client.get("/v1/nothing")
        ready = client.get("/readyz")
        contract = client.get("/openapi.json")

    assert (created.status_code, created.headers["ETag"]) == (201, '"1"')
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.content == created.content
    assert (shown.status_code, shown.json()["title"]) == (200, "a")
    assert chunked.status_code == 201
    assert malformed.status_code == 400
    assert oversized.status_code == 413
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
    assert ready.json()["status"] == "ok"
    assert json.loads(contract.content)["info"]["title"] == "notebook"


def test_many_clients_at_once_are_served(address: str, tokens: Tokens) -> None:
    """Requests wait for each other inside one process without blocking it."""
    headers = tokens.bearer("notes:read", "notes:write")

    def send(number: int) -> int:
        key = {"Idempotency-Key": f"k{number}"}
        with httpx.Client(base_url=address, headers=headers | key, timeout=20) as client:
            return client.post("/v1/notes", json={"title": "a"}).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(send, range(40))) == {201}
    listed = httpx.get(f"{address}/v1/notes?limit=100", headers=headers, timeout=20)
    assert len(listed.json()["notes"]) == 40
