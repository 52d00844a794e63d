"""The processes of a private stack: what each one runs and what it is told."""

import base64
import secrets
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from chassis.testing.settings import UNLIMITED
from chassis.testing.three_roles import Addresses as ByRole

SERVICES = ("identity", "listening", "campaigns", "commerce")
LOOP = "loop"
WORLD = "world"
PAYMENTS = "payments"
ISSUER, AUDIENCE = "https://issuer.sixfold.example", "sixfold"


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One process of the stack."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    health: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Addresses:
    """Where everything of one stack is found.

    Args:
        databases: Each service's own database, as each of its roles.
        keys: Each service's key database, likewise.
        urls: HTTP address of each service, of the loop's console and of the outside world.
    """

    directory: Path
    amqp_uri: str
    databases: Mapping[str, ByRole]
    keys: Mapping[str, ByRole]
    urls: Mapping[str, str]
    jwks: Path
    clock_file: Path

    @property
    def spans(self) -> Path:
        """The folder of the span files, one a process."""
        return self.directory / "spans"


@dataclass(frozen=True, kw_only=True, slots=True)
class Secrets:
    """What only the stack's own processes know; made anew for every stack."""

    secret: str
    master_key: str
    service_token: str

    @classmethod
    def fresh(cls, service_token: str) -> "Secrets":
        """Make new ones."""
        return cls(secret=_random(), master_key=_random(), service_token=service_token)


def parts_of(addresses: Addresses, known: Secrets, inherited: Mapping[str, str]) -> list[Part]:
    """Return every process, in the order in which they are started."""
    parts = [_python(WORLD, "sixfold.world", [], _world(addresses, known, inherited), "/healthz")]
    for service in SERVICES:
        told = environment_of(service, addresses, known, inherited)
        parts.append(_role(f"{service}.relay", "relay", service, told))
        parts.append(_role(f"{service}.worker", "worker", service, told, "/healthz"))
    told = environment_of(LOOP, addresses, known, inherited)
    parts.append(_role(LOOP, "loop", LOOP, told, "/healthz"))
    return [_with_spans(part, addresses.spans) for part in parts]


def environment_of(
    service: str, addresses: Addresses, known: Secrets, inherited: Mapping[str, str]
) -> dict[str, str]:
    """Return the settings of one service's processes, as environment variables."""
    port = addresses.urls[service].rpartition(":")[2]
    feeds = ",".join(f"{name}={addresses.urls[name]}" for name in (*SERVICES, LOOP))
    return {
        # One client plays everybody.
        **UNLIMITED,
        **inherited,
        "SERVICE": service,
        "ENVIRONMENT": "development",
        "DATABASE_URL": addresses.databases[service].application,
        "SYSTEM_DATABASE_URL": addresses.databases[service].system,
        "KEYS_URL": addresses.keys[service].application,
        "AMQP_URI": addresses.amqp_uri,
        "SECRET": known.secret,
        "MASTER_KEY": known.master_key,
        "JWKS": str(addresses.jwks),
        "ISSUER": ISSUER,
        "AUDIENCE": AUDIENCE,
        "HTTP_HOST": "127.0.0.1",
        "HTTP_PORT": port,
        "FEEDS": feeds,
        "SERVICE_TOKEN": known.service_token,
        "TAIL_POLL_SECONDS": "0.02",
        "TIMER_POLL_SECONDS": "0.05",
        "BATCH_WAIT_SECONDS": "0.05",
        "FEED_POLL_SECONDS": "2",
        "LOG_LEVEL": "WARNING",
        "FACTS_FILE": str(addresses.directory / "loop" / "facts.duckdb"),
        "PAYMENT_PROVIDER_URL": addresses.urls[PAYMENTS],
        "COMMERCE_PUBLIC_URL": addresses.urls["commerce"],
        "SMS_GATEWAY_URL": addresses.urls[WORLD] + "/sms",
        "CHANNEL_URL": addresses.urls[WORLD] + "/channel",
        "CLOCK_FILE": str(addresses.clock_file),
    }


def _world(addresses: Addresses, known: Secrets, inherited: Mapping[str, str]) -> dict[str, str]:
    return {
        **inherited,
        "CLOCK_FILE": str(addresses.clock_file),
        "SECRET": known.secret,
        "WORLD_PORT": addresses.urls[WORLD].rpartition(":")[2],
        "PAYMENT_PROVIDER_PORT": addresses.urls[PAYMENTS].rpartition(":")[2],
        "WORLD_DIRECTORY": str(addresses.directory / "data"),
    }


def _role(
    name: str,
    role: str,
    service: str,
    environment: Mapping[str, str],
    health: str | None = None,
) -> Part:
    return _python(name, "chassis.run", [role, service], environment, health)


def _python(
    name: str,
    module: str,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    health: str | None = None,
) -> Part:
    argv = [sys.executable, "-m", module, *arguments]
    return Part(name=name, argv=argv, environment=environment, health=health)


def _with_spans(part: Part, folder: Path) -> Part:
    told = {**part.environment, "SPAN_FILE": str(folder / f"{part.name}.jsonl")}
    return Part(name=part.name, argv=part.argv, environment=told, health=part.health)


def _random() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()
