"""pytest fixtures: a private node for the run, a vhost or database for each test.

A server that cannot be had fails the test with the line that says how to get it: a green run is
never one that left the servers out.
"""

import logging
import os
import re
import shutil
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import TypeVar

import pytest
import structlog

from chassis.testing.private import PrivateServer
from chassis.testing.programs import ServerMissing, run_directory
from chassis.testing.servers import PrivatePostgreSQL, PrivateRabbitMQ

Server = TypeVar("Server", bound=PrivateServer)

_numbers = count(1)


@pytest.fixture
def own_logging() -> Iterator[None]:
    """Let a test set up the logs as a process does, and put back what it replaced."""
    root, hook = logging.getLogger(), sys.excepthook
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], sys.excepthook = handlers, hook
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def server_directory() -> Iterator[Path]:
    """Give the folder of this run's servers, removed at its end."""
    directory = run_directory() / f"tests-{os.getpid()}"
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def rabbitmq(server_directory: Path) -> Iterator[PrivateRabbitMQ]:
    """Give this run's broker; tests that kill one start their own."""
    server = PrivateRabbitMQ(server_directory / "rabbitmq", fsync=False)
    yield started(server)
    server.close()


@pytest.fixture(scope="session")
def postgresql(server_directory: Path) -> Iterator[PrivatePostgreSQL]:
    """Give this run's PostgreSQL, without fsync; tests that kill one start their own."""
    server = PrivatePostgreSQL(server_directory / "postgresql", fsync=False)
    yield started(server)
    server.close()


def started(server: Server) -> Server:
    """Start a server, or fail the test with the line that says how to get it."""
    try:
        return server.start()
    except ServerMissing as missing:
        pytest.fail(str(missing), pytrace=False)


@pytest.fixture
def amqp_uri(rabbitmq: PrivateRabbitMQ, request: pytest.FixtureRequest) -> Iterator[str]:
    """Give the AMQP address of a fresh virtual host."""
    name = fresh_name(request)
    yield rabbitmq.vhost(name)
    rabbitmq.drop_vhost(name)


@pytest.fixture
def postgresql_url(postgresql: PrivatePostgreSQL, request: pytest.FixtureRequest) -> Iterator[str]:
    """Give the SQLAlchemy URL of a fresh database."""
    name = fresh_name(request)
    yield postgresql.database(name)
    postgresql.drop_database(name)


def fresh_name(request: pytest.FixtureRequest) -> str:
    """Name a vhost or database after the test and a number, within PostgreSQL's 63 bytes."""
    return f"{re.sub(r'[^a-z0-9]+', '_', request.node.name.lower())[:40]}_{next(_numbers)}"
