"""The databases that the version before wrote, put back as it left them."""

import io
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import psycopg

from versions import KEPT, PACKAGES

NAMES = (*PACKAGES, *(f"{name}_keys" for name in PACKAGES))


def on_sqlite(directory: Path) -> dict[str, str]:
    """Put the kept SQLite files into a folder; return each one's address."""
    directory.mkdir(parents=True, exist_ok=True)
    with tarfile.open(KEPT / "sqlite.tar.xz") as kept:
        kept.extractall(directory, filter="data")
    return {name: f"sqlite:///{directory}/{name}.db" for name in NAMES}


def on_postgresql(make: Callable[[str], str], dsn: Callable[[str], str]) -> dict[str, str]:
    """Fill new databases of a server from the kept SQL; return each one's address.

    Args:
        make: Makes an empty database of a name and returns its address.
        dsn: Returns how libpq reaches it.
    """
    with tarfile.open(KEPT / "postgresql.tar.xz") as kept:
        urls: dict[str, str] = {}
        for member in kept.getmembers():
            name = member.name.removesuffix(".sql")
            urls[name] = make(name)
            _run(dsn(name), _statements(kept.extractfile(member) or io.BytesIO()))
    return urls


def services(urls: Mapping[str, str]) -> dict[str, str]:
    """Return the addresses of the services' own databases."""
    return {name: urls[name] for name in PACKAGES}


def keys(urls: Mapping[str, str]) -> dict[str, str]:
    """Return the addresses of the key databases, by service."""
    return {name: urls[f"{name}_keys"] for name in PACKAGES}


def _statements(dump: "io.BufferedIOBase | object") -> str:
    text = dump.read().decode()  # type: ignore[attr-defined]
    # Lines that only psql understands.
    return "\n".join(line for line in text.splitlines() if not line.startswith("\\"))


def _run(dsn: str, statements: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as db:
        db.execute(statements.encode())
