"""One issuer for all tests beside this file: a process of its own, reached over TLS."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from chassis.testing.issuer import PrivateIssuer
from chassis.testing.programs import run_directory

CLIENTS: dict[str, Any] = {
    "sixfold-loop": {
        "secret": "loop-secret",
        "redirect_uris": [],
        "scope": "log.read",
        "claims": {"tenant": "system"},
    },
}


@pytest.fixture(scope="session")
def issuing() -> Iterator[PrivateIssuer]:
    """Start the issuer once."""
    with PrivateIssuer(run_directory() / f"issuer-{os.getpid()}", clients=CLIENTS) as running:
        yield running


@pytest.fixture
def issuer(issuing: PrivateIssuer) -> Iterator[PrivateIssuer]:
    """Give the issuer on its best behaviour; this process believes its certificate."""
    yield issuing
    issuing.start()
    issuing.behave()
    issuing.rotate("RS256")
    issuing.remove_old()
