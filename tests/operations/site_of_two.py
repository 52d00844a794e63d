"""One installation whose services can be of two versions at once, behind one address each."""

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from chassis.clock import SharedClock
from chassis.dev_issuer import DevelopmentIssuer
from chassis.testing.nodes import Command, Node, free_ports
from chassis.testing.three_roles import Addresses as ByRole
from front import Front
from sixfold.parts import (
    AUDIENCE,
    ISSUER,
    LOOP,
    PAYMENTS,
    WORLD,
    Addresses,
    Secrets,
    environment_of,
    parts_of,
)
from sixfold.stack import TOKEN_LIFE
from versions import PACKAGES, Version

READY_SECONDS = 240.0
GRACE_SECONDS = 60.0
LADDER = "0.5,1,2,2"
# What the role `migrate` does in a process for each service; loading them takes most of its time.
JOBS = """
import json, os, sys
from chassis import migrate_job
for service, told in json.loads(sys.argv[1]).items():
    os.environ.update(told)
    migrate_job.main(service)
"""


class Site:
    """What a ``Stack`` is to the demonstration, but each service may run in several versions.

    Args:
        directory: Everything of it is kept there.
        amqp_uri: A broker's virtual host of its own.
        databases: Address of each service's database.
        keys: Address of each service's key database.
        start_at: Where the shared clock begins.
        known: The secrets of the installation that made the databases; new ones by default.
    """

    def __init__(
        self,
        directory: Path,
        *,
        amqp_uri: str,
        databases: Mapping[str, str],
        keys: Mapping[str, str],
        start_at: datetime,
        known: Mapping[str, str] | None = None,
    ) -> None:
        self.directory = directory
        for folder in ("data", "spans", "loop", "logs"):
            (directory / folder).mkdir(parents=True, exist_ok=True)
        self._issuer = DevelopmentIssuer(
            directory / "issuer", environment="development", issuer=ISSUER, audience=AUDIENCE
        )
        token = self._issuer.issue("system", "service:site", ["log.read"], TOKEN_LIFE)
        self.secrets = Secrets(**known, service_token=token) if known else Secrets.fresh(token)
        self.clock = SharedClock(directory / "clock")
        self.clock.set(start_at)
        self.fronts = {name: Front() for name in PACKAGES}
        outside = dict(zip((WORLD, PAYMENTS), free_ports(2), strict=True))
        self.addresses = Addresses(
            directory=directory,
            amqp_uri=amqp_uri,
            databases={name: ByRole.same(url) for name, url in databases.items()},
            keys={name: ByRole.same(url) for name, url in keys.items()},
            urls={name: front.url for name, front in self.fronts.items()}
            | {name: f"http://127.0.0.1:{port}" for name, port in outside.items()},
            jwks=self._issuer.jwks,
            clock_file=directory / "clock",
        )
        self._nodes: dict[str, Node] = {}
        self._ports: dict[str, int] = {}
        self._describe()

    def token(self, tenant: str, subject: str, scopes: list[str]) -> str:
        """Return a bearer token of the site's development issuer."""
        return self._issuer.issue(tenant, subject, scopes, TOKEN_LIFE)

    def start_world(self) -> None:
        """Start what stands outside: channels, the payment provider, text messages."""
        part = next(
            part for part in parts_of(self.addresses, self.secrets, {}) if part.name == WORLD
        )
        self._launch(WORLD, part.argv, part.environment)
        self._answering(WORLD, self.addresses.urls[WORLD] + "/healthz")

    def migrate(self, version: Version) -> None:
        """Run a version's migration job for every service, one after the other in one process."""
        name, told = f"migrate.{version.name}", self._told(version, PACKAGES[0], 1)
        jobs = {service: self._told(version, service, 1) for service in PACKAGES}
        self._launch(name, [sys.executable, "-c", JOBS, json.dumps(jobs)], told)
        node = self._nodes.pop(name)
        process = node.process
        assert process is not None
        assert process.wait(READY_SECONDS) == 0, node.log_tail()
        assert "Traceback" not in node.log_tail(), node.log_tail()

    def start(self, version: Version, services: Sequence[str] = PACKAGES) -> None:
        """Start a version of services beside what runs, and send callers to it too when ready."""
        for service in services:
            [port] = free_ports(1)
            self._ports[f"{service}.{version.name}"] = port
            for role in _roles(service):
                told = self._told(version, service, port)
                self._launch(f"{service}.{role}.{version.name}", version.argv(role, service), told)
        for service in services:
            port = self._ports[f"{service}.{version.name}"]
            name = f"{service}.{_roles(service)[0]}.{version.name}"
            self._answering(name, f"http://127.0.0.1:{port}/healthz")
            self.fronts[service].targets = (*self.fronts[service].targets, port)

    def leave(self, version: Version, services: Sequence[str] = PACKAGES) -> None:
        """Send callers elsewhere, then ask a version's processes to leave, and see that they do."""
        names = [f"{each}.{role}.{version.name}" for each in services for role in _roles(each)]
        for service in services:
            gone = self._ports.pop(f"{service}.{version.name}")
            front = self.fronts[service]
            front.targets = [port for port in front.targets if port != gone]
        for name in names:
            process = self._nodes[name].process
            assert process is not None
            process.send_signal(signal.SIGTERM)
        begun = time.monotonic()
        for name in names:
            self._nodes.pop(name).stop()
        assert time.monotonic() - begun < GRACE_SECONDS, f"killed, as they did not leave: {names}"

    def port(self, version: Version, service: str) -> int:
        """Return where a version of a service itself listens."""
        return self._ports[f"{service}.{version.name}"]

    def dead(self) -> list[str]:
        """Name the processes that ended without being asked to."""
        return [name for name, node in self._nodes.items() if not node.running]

    def log_tail(self, name: str) -> str:
        """Return the end of what a process said."""
        return self._nodes[name].log_tail()

    def close(self) -> None:
        """Stop everything."""
        for node in self._nodes.values():
            if node.process is not None:
                node.process.send_signal(signal.SIGTERM)
        for node in self._nodes.values():
            node.stop()
        for front in self.fronts.values():
            front.close()
        shutil.rmtree(self.directory / "logs", ignore_errors=True)

    def _told(self, version: Version, service: str, port: int) -> dict[str, str]:
        told = environment_of(service, self.addresses, self.secrets, {})
        own = {"HTTP_PORT": str(port), "RETRY_SECONDS": LADDER}
        return {**_inherited(), **told, **own, **version.environment()}

    def _launch(self, name: str, argv: Sequence[str], told: Mapping[str, str]) -> None:
        folder = self.directory / "logs" / name
        folder.mkdir(parents=True, exist_ok=True)
        node = Node(name=name, directory=folder, stop_signal=signal.SIGTERM, grace=GRACE_SECONDS)
        node.launch([Command(argv=argv, environment={**_inherited(), **told})])
        self._nodes[name] = node

    def _answering(self, name: str, url: str) -> None:
        self._nodes[name].wait_ready(lambda: _answers(url), READY_SECONDS)

    def _describe(self) -> None:
        description: dict[str, Any] = {
            "urls": dict(self.addresses.urls),
            "databases": {name: url.owner for name, url in self.addresses.databases.items()},
            "keys": {name: url.owner for name, url in self.addresses.keys.items()},
            "amqp_uri": self.addresses.amqp_uri,
            "issuer": str(self.directory / "issuer"),
            "secret": self.secrets.secret,
            "master_key": self.secrets.master_key,
        }
        (self.directory / "stack.json").write_text(json.dumps(description))


def _roles(service: str) -> Sequence[str]:
    return ("loop",) if service == LOOP else ("worker", "relay")


def _inherited() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).is_success
    except httpx.HTTPError:
        time.sleep(0.05)
        return False
