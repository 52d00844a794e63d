"""Private throw-away RabbitMQ and PostgreSQL nodes on loopback, for tests and for the demo.

Each is started beside whatever the machine runs itself, on free ports or a private socket, and is
gone when stopped or when the process that started it ends in any way.
"""

import json
import os
import pwd
import secrets
import signal
import socket
import subprocess
import tempfile
from base64 import b64encode
from collections.abc import Mapping
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql

from chassis.testing.nodes import Command, ServerFailed, bound_to_supervisor, free_ports
from chassis.testing.private import PrivateServer
from chassis.testing.programs import find_postgresql, find_rabbitmq

AMQP_GREETING = b"AMQP\x00\x00\x09\x01"
SOCKET_PATH_LIMIT = 107  # of the kernel; PostgreSQL refuses to start beyond it
POSTGRES_SOCKET = ".s.PGSQL.5432"
USER = "sixfold"


class PrivateRabbitMQ(PrivateServer):
    """A RabbitMQ node of its own: `vhost(name)` gives an AMQP address nobody else uses."""

    name = "rabbitmq"
    stop_signal = signal.SIGTERM

    def __init__(self, directory: Path | None = None, *, fsync: bool = True) -> None:
        """Choose the directory and the ports, which stay the same over restarts."""
        super().__init__(directory, fsync=fsync)
        self.password = secrets.token_hex(12)
        ports = free_ports(6)
        self.port, self.management_port, self.prometheus_port = ports[:3]
        self._stream_port, self._distribution_port, self._epmd_port = ports[3:]

    def kill(self) -> None:
        """Kill the broker as a power cut would.

        RabbitMQ writes down that a quorum queue exists a second or two after declaring it: a queue
        younger than that does not come back.
        """
        super().kill()

    def close(self) -> None:
        """Throw the broker away without the six seconds that it takes to close its files."""
        self.kill()
        super().close()

    @property
    def management_url(self) -> str:
        """Give the address of the management API, credentials included."""
        return f"http://{USER}:{self.password}@127.0.0.1:{self.management_port}"

    @property
    def prometheus_url(self) -> str:
        """Give the address of the node's own metrics."""
        return f"http://127.0.0.1:{self.prometheus_port}/metrics"

    def uri(self, vhost: str) -> str:
        """Give the AMQP address of a virtual host."""
        return f"amqp://{USER}:{self.password}@127.0.0.1:{self.port}/{quote(vhost, safe='')}"

    def vhost(self, name: str) -> str:
        """Make a virtual host, dropping an earlier one of the name, and give its AMQP address."""
        self.drop_vhost(name)
        self.api("PUT", f"/api/vhosts/{quote(name, safe='')}")
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        self.api("PUT", f"/api/permissions/{quote(name, safe='')}/{USER}", everything)
        return self.uri(name)

    def drop_vhost(self, name: str) -> None:
        """Remove a virtual host with its queues and connections, if there is one."""
        self.api("DELETE", f"/api/vhosts/{quote(name, safe='')}", missing_is_fine=True)

    def cut_connections(self, vhost: str) -> int:
        """Close every connection to a virtual host from the broker's side, and say how many."""
        open_now = self.api("GET", f"/api/vhosts/{quote(vhost, safe='')}/connections")
        for connection in open_now:
            path = f"/api/connections/{quote(connection['name'], safe='')}"
            self.api("DELETE", path, missing_is_fine=True)
        return len(open_now)

    def control(self, *words: str) -> str:
        """Run ``rabbitmqctl`` on this node and give what it printed.

        Raises:
            ServerFailed: it refused.
        """
        program = find_rabbitmq()
        done = subprocess.run(
            [str(program.server.with_name("rabbitmqctl")), *words],
            env={**os.environ, **program.environment, **self._environment()},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ServerFailed(f"rabbitmqctl {words[0]}: {done.stdout}{done.stderr}")
        return done.stdout

    def api(
        self, method: str, path: str, body: Any = None, *, missing_is_fine: bool = False
    ) -> Any:
        """Ask the management API.

        Raises:
            ServerFailed: it refused.
        """
        status, answer = self._request(method, path, body)
        if status >= HTTPStatus.BAD_REQUEST and not (
            missing_is_fine and status == HTTPStatus.NOT_FOUND
        ):
            raise ServerFailed(f"{method} {path}: {status} {answer[:200]!r}")
        return json.loads(answer) if answer else None

    def _request(self, method: str, path: str, body: Any) -> tuple[int, bytes]:
        credentials = b64encode(f"{USER}:{self.password}".encode()).decode()
        headers = {"Authorization": f"Basic {credentials}", "Content-Type": "application/json"}
        connection = HTTPConnection("127.0.0.1", self.management_port, timeout=30)
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, path, content, headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def ready(self) -> bool:
        """Say whether AMQP and the management API both answer."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as probe:
                probe.sendall(AMQP_GREETING)
                return bool(probe.recv(1)) and self._request("GET", "/api/vhosts", None)[0] == 200
        except OSError:
            return False

    def commands(self) -> list[Command]:
        """Write the configuration and give Erlang's port mapper and the server.

        The port mapper is started here and not by Erlang, which would leave it behind.
        """
        program = find_rabbitmq()
        self._configure()
        environment = {**os.environ, **program.environment, **self._environment()}
        mapper = [str(program.epmd), "-address", "127.0.0.1", "-port", str(self._epmd_port)]
        server = [str(program.server)]
        return [
            Command(
                argv=bound_to_supervisor(mapper, signal.SIGTERM),
                environment=environment,
                port=self._epmd_port,
            ),
            Command(argv=bound_to_supervisor(server, self.stop_signal), environment=environment),
        ]

    def _configure(self) -> None:
        for folder in ("home", "mnesia", "log", "gen"):
            (self.directory / folder).mkdir(exist_ok=True)
        write = {
            "rabbitmq.conf": self._settings(),
            "advanced.config": "[]." if self.fsync else "[{ra, [{wal_sync_method, none}]}].",
            "enabled_plugins": "[rabbitmq_management,rabbitmq_prometheus,rabbitmq_stream].",
        }
        for name, content in write.items():
            (self.directory / name).write_text(content + "\n")

    def _settings(self) -> str:
        here = "127.0.0.1"
        return "\n".join(
            [
                f"listeners.tcp.1 = {here}:{self.port}",
                f"stream.listeners.tcp.1 = {here}:{self._stream_port}",
                f"management.tcp.ip = {here}",
                f"management.tcp.port = {self.management_port}",
                f"prometheus.tcp.ip = {here}",
                f"prometheus.tcp.port = {self.prometheus_port}",
                f"default_user = {USER}",
                f"default_pass = {self.password}",
                "loopback_users = none",
                "disk_free_limit.absolute = 50MB",
            ]
        )

    def _environment(self) -> Mapping[str, str]:
        here = self.directory
        return {
            "HOME": str(here / "home"),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_NODENAME": f"sixfold{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_MNESIA_BASE": str(here / "mnesia"),
            "RABBITMQ_LOG_BASE": str(here / "log"),
            "RABBITMQ_CONFIG_FILE": str(here / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(here / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(here / "enabled_plugins"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(here / "gen"),
            "RABBITMQ_PID_FILE": str(here / "pid"),
            # Idle schedulers must not spin: two processors serve the tests and the broker.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "-kernel inet_dist_use_interface {127,0,0,1} "
                "+sbwt none +sbwtdcpu none +sbwtdio none"
            ),
            "RUNNING_UNDER_SYSTEMD": "1",  # the script then becomes the server: signals reach it
        }


class PrivatePostgreSQL(PrivateServer):
    """A PostgreSQL of its own on a private socket: `database(name)` gives a fresh database."""

    name = "postgresql"
    stop_signal = signal.SIGINT  # a fast shutdown; SIGTERM would wait for every client

    def place(self, directory: Path) -> Path:
        """Move to the temporary folder where the socket's path or the rights would not do."""
        short = len(str(directory / POSTGRES_SOCKET)) <= SOCKET_PATH_LIMIT
        reachable = os.geteuid() != 0 or all(
            parent.stat().st_mode & 0o001 for parent in directory.parents if parent.exists()
        )
        if short and reachable:
            return directory
        return Path(tempfile.mkdtemp(prefix="sixfold-postgresql-"))

    def database(self, name: str) -> str:
        """Make a database, dropping an earlier one of the name, and give its SQLAlchemy URL."""
        self.drop_database(name)
        create = sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name))
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            connection.execute(create)
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Remove a database, closing the connections to it, if there is one."""
        drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            connection.execute(drop)

    def url(self, name: str) -> str:
        """Give the SQLAlchemy URL of a database."""
        return f"postgresql+psycopg2://{USER}@/{quote(name)}?host={quote(str(self.directory))}"

    def dsn(self, name: str = "postgres") -> str:
        """Give the libpq connection string of a database."""
        return f"host={self.directory} user={USER} dbname={name}"

    def ready(self) -> bool:
        """Say whether the server accepts a connection."""
        try:
            psycopg.connect(self.dsn(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def commands(self) -> list[Command]:
        """Make the cluster where there is none, and give the server."""
        program = find_postgresql()
        environment = {**os.environ, **program.environment, "LC_ALL": "C", "PGTZ": "UTC"}
        self._own_directory()
        if not (self.directory / "data" / "PG_VERSION").exists():
            self._initialise(str(program.bin / "initdb"), environment)
        server = [str(program.bin / "postgres"), "-D", str(self.directory / "data")]
        argv = bound_to_supervisor([*server, *self._options()], self.stop_signal, *rights())
        return [Command(argv=argv, environment=environment)]

    def _own_directory(self) -> None:
        if os.geteuid() == 0:
            account = postgres_account()
            os.chown(self.directory, account.pw_uid, account.pw_gid)

    def _initialise(self, initdb: str, environment: Mapping[str, str]) -> None:
        options = ["--auth=trust", "--no-sync", "--locale=C", "--encoding=UTF8", f"-U{USER}"]
        command = [initdb, *options, "-D", str(self.directory / "data")]
        made = subprocess.run(
            bound_to_supervisor(command, self.stop_signal, *rights()),
            env=environment,
            cwd=self.directory,
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise ServerFailed(f"initdb failed:\n{made.stdout}{made.stderr}")

    def _options(self) -> list[str]:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.directory),
            "max_connections": "400",
            "fsync": "on" if self.fsync else "off",
            "full_page_writes": "on" if self.fsync else "off",
        }
        return [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]


def postgres_account() -> pwd.struct_passwd:
    """Find the account that PostgreSQL runs under when we are root, which it refuses to run as."""
    names = {account.pw_name: account for account in pwd.getpwall()}
    return names.get("postgres") or names["nobody"]


def rights() -> list[str]:
    """Give setpriv's options that leave root behind; none where we are not root."""
    if os.geteuid() != 0:
        return []
    account = postgres_account()
    return [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
