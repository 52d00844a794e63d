"""The private servers that every other test and the demo stand on."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import kombu
import psycopg
import pytest

from chassis.testing import nodes, programs
from chassis.testing.nodes import Command, Node, ServerFailed, free_ports
from chassis.testing.servers import PrivatePostgreSQL, PrivateRabbitMQ
from chassis.testing.supervisor import descendants

OWNER = """
import sys, time
from pathlib import Path
from chassis.testing.nodes import Command, Node
import os, signal
node = Node(name="sleeper", directory=Path(sys.argv[1]), stop_signal=signal.SIGTERM)
node.launch([Command(argv=["sh", "-c", "sleep 600 & sleep 600"], environment=dict(os.environ))])
print(node.process.pid, flush=True)
time.sleep(600)
"""


def eventually(condition: Callable[[], bool], seconds: float = 15) -> bool:
    """Wait for a condition, but no longer than some seconds."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def alive(process: int) -> bool:
    """Say whether a process runs; a zombie does not."""
    stat = Path(f"/proc/{process}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_node_ends_with_its_owner_even_when_that_is_killed(tmp_path: Path) -> None:
    """A test run that is killed would leave brokers running on the developer's machine."""
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as owner:
        supervisor = int(owner.stdout.readline() if owner.stdout else 0)
        assert eventually(lambda: len(descendants(supervisor)) == 3)
        family = [supervisor, *descendants(supervisor)]
        owner.send_signal(signal.SIGKILL)
    assert eventually(lambda: not any(map(alive, family)))


def test_killing_a_node_kills_what_it_started(tmp_path: Path) -> None:
    """A fault test would meet the half of the server that survived."""
    script = f"{sys.executable} -c 'import os, time; os.setsid(); time.sleep(600)' & sleep 600"
    node = Node(name="sleeper", directory=tmp_path, stop_signal=signal.SIGTERM)
    node.launch([shell(script)])
    supervisor = node.process.pid if node.process else 0
    assert eventually(lambda: len(descendants(supervisor)) == 3)
    family = descendants(supervisor)
    node.kill()
    assert not any(map(alive, family))
    assert not node.running


def test_a_server_that_ends_while_starting_says_why(tmp_path: Path) -> None:
    """Someone whose broker cannot start would wait a minute and learn nothing."""
    node = Node(name="broken", directory=tmp_path, stop_signal=signal.SIGTERM)
    node.launch([shell("echo the disk is full; exit 3")])
    with pytest.raises(ServerFailed, match=r"broken ended while starting:\nthe disk is full"):
        node.wait_ready(lambda: False, seconds=20)


def shell(script: str) -> Command:
    """Give a shell script as a node's command."""
    return Command(argv=["sh", "-c", script], environment=dict(os.environ))


def test_free_ports_are_distinct_and_below_those_of_outgoing_connections() -> None:
    """A node that restarts would find its port taken by some client's connection."""
    ports = free_ports(6)
    assert len(set(ports)) == 6
    assert max(ports) < 32_768


def test_a_promised_port_is_not_given_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service would be given the port of a broker that has not opened it yet."""
    promised = set(range(30_000, 30_100))
    monkeypatch.setattr(nodes, "PORTS", range(30_000, 30_180))
    monkeypatch.setattr(nodes, "_promised", promised)
    ports = free_ports(2)
    assert min(ports) >= 30_100
    assert promised >= set(ports)


def test_a_missing_server_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a bare machine the first error would be a stack trace instead of a command to run."""
    monkeypatch.setenv(programs.PRETEND_MISSING, "1")
    monkeypatch.setenv("SIXFOLD_RUN", str(tmp_path))
    with pytest.raises(programs.ServerMissing, match=r"apt-get install .*rabbitmq-server"):
        programs.find_rabbitmq()
    with pytest.raises(programs.ServerMissing, match=r"apt-get install .*postgresql"):
        programs.find_postgresql()
    with pytest.raises(programs.ServerMissing, match=r"apt-get install .*chromium"):
        programs.find_chromium()


@pytest.mark.parametrize(
    ("version", "found"), [("3.9.27", False), ("3.10.8", True), ("4.0.5", True)]
)
def test_an_old_rabbitmq_is_not_taken(tmp_path: Path, version: str, found: bool) -> None:  # noqa: FBT001
    """A broker without what the bus needs would fail in the middle of a run."""
    (tmp_path / f"usr/lib/rabbitmq/lib/rabbitmq_server-{version}/sbin").mkdir(parents=True)
    (tmp_path / "usr/bin").mkdir()
    (tmp_path / "usr/bin/epmd").touch()
    assert bool(list(programs.rabbitmq_under(tmp_path))) is found


def test_a_socket_path_beyond_the_limit_moves(tmp_path: Path) -> None:
    """In a deeply nested clone PostgreSQL would refuse to start."""
    server = PrivatePostgreSQL(tmp_path / ("deep" * 30))
    assert len(f"{server.directory}/.s.PGSQL.5432") <= 107
    server.close()
    assert not server.directory.exists()


@pytest.mark.servers
def test_a_vhost_is_fresh(rabbitmq: PrivateRabbitMQ) -> None:
    """A test would receive what another left in a queue of the same name."""
    with kombu.Connection(rabbitmq.vhost("fresh")) as connection:
        connection.SimpleQueue("letters").put("old")
    with kombu.Connection(rabbitmq.vhost("fresh")) as connection:
        assert connection.SimpleQueue("letters").qsize() == 0
    rabbitmq.drop_vhost("fresh")


@pytest.mark.servers
def test_connections_can_be_cut(rabbitmq: PrivateRabbitMQ, amqp_uri: str) -> None:
    """A fault test that cuts the line would pass without having cut anything."""
    vhost = amqp_uri.rpartition("/")[2]
    with kombu.Connection(amqp_uri) as connection:
        connection.connect()
        assert eventually(lambda: rabbitmq.cut_connections(vhost) == 1)
        with pytest.raises(connection.connection_errors):
            connection.drain_events(timeout=10)


@pytest.mark.servers
def test_a_broker_keeps_what_it_confirmed_over_kill_and_restart() -> None:
    """A fault test would blame us for messages that the harness lost."""
    with PrivateRabbitMQ() as broker:
        uri = broker.vhost("kept")
        with kombu.Connection(uri, transport_options={"confirm_publish": True}) as connection:
            connection.SimpleQueue("letters").put("kept", delivery_mode=2)
        broker.kill()
        broker.start()
        with kombu.Connection(uri) as connection:
            assert connection.SimpleQueue("letters").get(timeout=10).payload == "kept"
    assert not broker.node.running
    assert not broker.directory.exists()


@pytest.mark.servers
def test_a_database_is_fresh(postgresql: PrivatePostgreSQL) -> None:
    """A test would read what another wrote."""
    postgresql.database("fresh")
    with psycopg.connect(postgresql.dsn("fresh")) as connection:
        connection.execute("CREATE TABLE letters (id int)")
    postgresql.database("fresh")
    with psycopg.connect(postgresql.dsn("fresh")) as connection:
        assert connection.execute("SELECT to_regclass('letters')").fetchone() == (None,)
    postgresql.drop_database("fresh")


@pytest.mark.servers
def test_a_database_keeps_what_was_committed_over_kill_and_restart() -> None:
    """A fault test would blame us for rows that the harness lost."""
    with PrivatePostgreSQL() as server:
        server.database("kept")
        with psycopg.connect(server.dsn("kept")) as connection:
            connection.execute("CREATE TABLE letters AS SELECT 1 AS id")
        server.kill()
        server.start()
        server.restart()
        with psycopg.connect(server.dsn("kept")) as connection:
            assert connection.execute("SELECT id FROM letters").fetchall() == [(1,)]
    assert not server.directory.exists()
