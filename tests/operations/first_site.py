"""An installation as in an operator's first hour: two services, production's settings, TLS, OIDC.

Its servers wait for their disks, its secrets are files, and everything is started and made by the
commands that the runbooks give.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path
from secrets import token_urlsafe
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

import psycopg
from psycopg import sql
from typer.testing import CliRunner

from chassis.progress import unsettled
from chassis.testing.issuer import AUDIENCE, PrivateIssuer
from chassis.testing.nodes import Command, Node, free_ports
from chassis.testing.oidc.tokens import challenge_of
from chassis.testing.programs import find_postgresql
from chassis.testing.secure_servers import SecurePostgreSQL, SecureRabbitMQ
from chassis.testing.servers import PrivatePostgreSQL
from first_people import BACK, CLIENTS, PASSWORD, PEOPLE, PORTAL, RIGHTS, SERVICES
from service_process import wait_for
from sixfold import main
from sixfold.client import Client, Clients
from sixfold.parts import Secrets
from watching import PrivatePrometheus, Target

ABSENT = ("campaigns", "commerce", "loop")  # the two read these as well; nothing answers there
PARTS = tuple(f"{service}-{role}" for service in SERVICES for role in ("worker", "relay"))
Role = Literal["owner", "application", "system"]
PASSPHRASE = "correct horse battery staple"
VHOST = "sixfold"
GIVEN = 300.0  # seconds for anything on a machine that has more to do than processors


class FirstSite:
    """What an operator makes in the first hour.

    Args:
        directory: An empty one; what is kept outside of the servers is there.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "logs").mkdir(parents=True)
        self.rabbitmq = SecureRabbitMQ(directory / "rabbitmq")
        self.postgresql = SecurePostgreSQL(directory / "postgresql")
        # Whoever pulls the plug must lose nothing, and the preflight looks at it.
        self.rabbitmq.fsync = self.postgresql.fsync = True
        self.issuer = PrivateIssuer(
            directory / "issuer", clients=CLIENTS, users=PEOPLE, lifetime=7200
        )
        self.secrets = Secrets.fresh("")
        everybody = (*SERVICES, *ABSENT)
        self.http = dict(zip(everybody, free_ports(len(everybody)), strict=True))
        self.ops = dict(zip(PARTS, free_ports(len(PARTS)), strict=True))
        targets = [Target(job=f"shop/sixfold-{part}", port=self.ops[part]) for part in PARTS]
        self.prometheus = PrivatePrometheus(directory / "prometheus", targets)
        self._nodes: dict[str, Node] = {}

    def prepare(self) -> None:
        """Bring the servers, then do what ``install.md`` says before the installation."""
        for server in (self.postgresql, self.rabbitmq, self.issuer):
            server.start()
        self.rabbitmq.vhost(VHOST)
        for service in SERVICES:
            self.make_databases(self.postgresql, service)
            body = {"password": PASSWORD, "tags": ""}
            self.rabbitmq.api("PUT", f"/api/users/{service}", body)
        (self.directory / "roles.json").write_text(json.dumps(RIGHTS))
        public = self.sixfold(f"break-glass key {self.directory}/sealed.json")
        self._write("shared", BREAK_GLASS_KEYS=public, SECRET=self.secrets.secret,
                    MASTER_KEY=self.secrets.master_key)  # fmt: skip
        for service in SERVICES:
            self._write(
                service,
                DATABASE_URL=self.url(service, service, "application"),
                SYSTEM_DATABASE_URL=self.url(service, service, "system"),
                KEYS_URL=self.url(f"{service}_keys", service, "application"),
                AMQP_URI=self.rabbitmq.secure_uri(VHOST, service, PASSWORD),
                CLIENT_SECRET=CLIENTS[f"sixfold-{service}"]["secret"],
            )

    @staticmethod
    def make_databases(server: PrivatePostgreSQL, service: str) -> None:
        """Do ``python -m chassis.isolation.creating SERVICE | psql``, then give passwords."""
        made = [sys.executable, "-m", "chassis.isolation.creating", service]
        script = subprocess.run(made, check=True, stdout=subprocess.PIPE).stdout
        program = find_postgresql()
        psql = [str(program.bin / "psql"), "--quiet", "--no-psqlrc", server.dsn()]
        environment = {**os.environ, **program.environment}
        subprocess.run(psql, input=script, check=True, env=environment)
        with psycopg.connect(server.dsn(), autocommit=True) as db:
            for role in ("owner", "application", "system"):
                told = sql.SQL("ALTER ROLE {} PASSWORD {}")
                db.execute(told.format(sql.Identifier(f"sixfold_{service}_{role}"), PASSWORD))

    def url(self, database: str, service: str, role: Role) -> str:
        """Give a database's address as one of the service's roles, with everything checked."""
        return self.postgresql.secure_url(database, f"sixfold_{service}_{role}", PASSWORD)

    @property
    def databases(self) -> dict[str, str]:
        """The services' databases, as owners."""
        return {each: self.url(each, each, "owner") for each in SERVICES}

    @property
    def keys(self) -> dict[str, str]:
        """Their databases of keys, as owners."""
        return {each: self.url(f"{each}_keys", each, "owner") for each in SERVICES}

    def told(self, service: str) -> dict[str, str]:
        """Return what a service's processes are told: addresses, and secrets as files."""
        files = [*(self.directory / "shared").iterdir(), *(self.directory / service).iterdir()]
        feeds = [each for each in self.http if each != service]
        return {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            **{f"{path.name}_FILE": str(path) for path in files},
            "SERVICE": service,
            "ENVIRONMENT": "production",
            "ISSUER": self.issuer.url,
            "AUDIENCE": AUDIENCE,
            "CLIENT_ID": f"sixfold-{service}",
            "HTTP_CA": str(self.issuer.certificate),
            "BROKER_CA": str(self.rabbitmq.authority.certificate),
            "ROLES_FILE": str(self.directory / "roles.json"),
            "ERASURE_LIST": str(self.directory / "list"),
            "HTTP_PORT": str(self.http[service]),
            "FEEDS": ",".join(f"{each}={self.address(each)}" for each in feeds),
            "SPAN_FILE": str(self.directory / "spans.jsonl"),
        }

    def address(self, service: str) -> str:
        """Return where a service answers."""
        return f"http://127.0.0.1:{self.http[service]}"

    def job(self, role: str, services: str, *words: str, **more: str) -> tuple[int, str]:
        """Run a role that ends; return its exit code and what it said."""
        told = {**self.told(services.partition(",")[0]), **more}
        command = [sys.executable, "-W", "ignore", "-m", "chassis.run", role, services, *words]
        done = subprocess.run(command, env=told, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def preflight(self, service: str, *words: str) -> tuple[int, dict[str, dict[str, str]]]:
        """Run the preflight with all that its job is given; return exit code and findings."""
        administrator = {"BROKER_MANAGEMENT_URL": self.rabbitmq.management_url}
        code, said = self.job(
            "preflight", service, "--json", *words, **administrator, **self._owner(service)
        )
        assert self.leaked(said.encode()) == set()
        return code, {each["name"]: each for each in json.loads(said)}

    def migrate(self, service: str) -> tuple[int, str]:
        """Run the job that brings the schema, as the owner."""
        return self.job("migrate", service, **self._owner(service))

    def topology(self) -> tuple[int, str]:
        """Run the job that makes the broker what the services need."""
        administrator = {
            "BROKER_MANAGEMENT_URL": self.rabbitmq.management_url,
            "AMQP_URI": self.rabbitmq.uri(VHOST),
        }
        told = {**self.told(SERVICES[0]), **administrator}
        told.pop("AMQP_URI_FILE")
        command = [sys.executable, "-m", "chassis.run", "topology", ",".join(SERVICES)]
        done = subprocess.run(command, env=told, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def start(self, part: str) -> None:
        """Start one process, again if it died."""
        service, _, role = part.partition("-")
        folder = self.directory / "logs" / part
        folder.mkdir(exist_ok=True)
        node = Node(name=part, directory=folder, stop_signal=signal.SIGTERM)
        argv = [sys.executable, "-m", "chassis.run", role, service]
        environment = {**self.told(service), "OPS_PORT": str(self.ops[part])}
        node.launch([Command(argv=argv, environment=environment)])
        self._nodes[part] = node

    def kill(self, part: str) -> None:
        """End one process as ``kill -9`` does."""
        self._nodes[part].kill()

    def wait_ready(self, part: str) -> None:
        """Wait until a process says that others may count on it; fail with what it said."""
        self._nodes[part].wait_ready(lambda: self.probe(part, "readyz"), GIVEN)

    def probe(self, part: str, page: str) -> bool:
        """Say whether a process answers one of the three questions with yes."""
        try:
            return bool(self.page(part, page))
        except OSError:
            return False

    def page(self, part: str, page: str) -> bytes:
        """Return a page of a process's port for operators; raises OSError."""
        with urlopen(f"http://127.0.0.1:{self.ops[part]}/{page}", timeout=30) as answer:
            return bytes(answer.read())

    def sign_in(self, name: str) -> Clients:
        """Sign somebody in at the issuer, by code and PKCE; return the services to them."""
        verifier = token_urlsafe(40)
        asked = {
            "client_id": PORTAL, "redirect_uri": BACK, "response_type": "code", "scope": "openid",
            "state": "s", "nonce": "n", "code_challenge": challenge_of(verifier),
            "code_challenge_method": "S256",
        }  # fmt: skip
        said = {"user": name, "password": PASSWORD, "consent": "yes"}
        with self.issuer.client() as browser:
            sent = browser.post("/authorize", params=asked, data=said)
            (code,) = parse_qs(urlsplit(sent.headers["Location"]).query)["code"]
            form = {
                "grant_type": "authorization_code", "code": code, "redirect_uri": BACK,
                "code_verifier": verifier, "client_id": PORTAL, "client_secret": PASSWORD,
            }  # fmt: skip
            given = browser.post("/token", data=form).raise_for_status().json()
        return self.clients(given["access_token"])

    def clients(self, token: str) -> Clients:
        """Return clients of both services for one token."""
        return Clients({each: Client(self.address(each), token) for each in SERVICES})

    def settle(self) -> Mapping[str, Any]:
        """Wait until nothing is under way; return where everything stands."""
        found: dict[str, Any] = {}
        operator = self.sign_in("olga")

        def at_rest() -> bool:
            for each in SERVICES:
                found[each] = operator[each].get("/internal/v1/progress")
            return not list(unsettled(found)) and not any(one["parked"] for one in found.values())

        wait_for(at_rest, "everything has been read", GIVEN)
        return found

    def known(self, name: str) -> bytes:
        """Return one of the installation's secrets."""
        return b64decode(getattr(self.secrets, name))

    def file(self, name: str, urls: Mapping[str, str]) -> str:
        """Write databases as the commands read them."""
        path = self.directory / f"{name}.json"
        path.write_text(json.dumps(urls))
        return str(path)

    def sixfold(self, words: str) -> str:
        """Run the command as an operator does; return what it printed."""
        return self.sixfold_words(*words.split())

    def sixfold_words(self, *words: str) -> str:
        """Run the command with words of which some have spaces in them."""
        told = {
            "SIXFOLD_DATABASES_FILE": self.file("databases", self.databases),
            "SIXFOLD_KEYS_FILE": self.file("keys", self.keys),
            "SECRET": self.secrets.secret,
            "MASTER_KEY": self.secrets.master_key,
            "SIXFOLD_BACKUPS": str(self.directory / "backups"),
            "SIXFOLD_KEY_BACKUPS": str(self.directory / "key-backups"),
            "ERASURE_LIST": str(self.directory / "list"),
            "SIXFOLD_STACK": str(self.directory / "no-stack"),
            "BREAK_GLASS_PASSPHRASE": PASSPHRASE,
        }
        done = CliRunner().invoke(main.app, words, env=told)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == 0, done.output
        return str(done.output)

    def dumped(self) -> bytes:
        """Return all that is in every database, as ``pg_dump`` writes it."""
        program = find_postgresql()
        names = [*SERVICES, *(f"{each}_keys" for each in SERVICES)]
        commands = [[str(program.bin / "pg_dump"), self.postgresql.dsn(each)] for each in names]
        environment = {**os.environ, **program.environment}
        return b"".join(
            subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment).stdout
            for command in commands
        )

    def leaked(self, text: bytes) -> set[str]:
        """Return which secrets stand in something."""
        known = {self.secrets.secret, self.secrets.master_key, PASSWORD, self.rabbitmq.password,
                 "eyJ0eXAiOi", "eyJhbGciOi"}  # fmt: skip
        return {one for one in known if one.encode() in text}

    def close(self) -> None:
        """Stop everything and throw it away."""
        for node in self._nodes.values():
            if node.process is not None:
                node.process.send_signal(signal.SIGTERM)
        for node in self._nodes.values():
            node.stop()
        for server in (self.prometheus, self.issuer, self.rabbitmq, self.postgresql):
            server.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _owner(self, service: str) -> dict[str, str]:
        return {
            "MIGRATION_DATABASE_URL": self.databases[service],
            "MIGRATION_KEYS_URL": self.keys[service],
        }

    def _write(self, folder: str, **files: str) -> None:
        (self.directory / folder).mkdir()
        for name, content in files.items():
            (self.directory / folder / name).write_text(content)
