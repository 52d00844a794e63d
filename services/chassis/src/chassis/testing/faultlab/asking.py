"""What the lab asks services over HTTP: whether they answer, how far they are, what they show."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import httpx

from chassis.errors import Unavailable

PATIENCE_SECONDS = 90.0
LOOK_SECONDS = 0.2


def persistently(ask: Callable[[], httpx.Response]) -> httpx.Response:
    """Ask until there is an answer; raises Unavailable after a while."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with suppress(httpx.TransportError):
            answer = ask()
            if not answer.is_server_error:
                return answer.raise_for_status()
        time.sleep(LOOK_SECONDS)
    raise Unavailable("nobody answers")


def told_progress(url: str, headers: Mapping[str, str]) -> Any:
    """Return how far a service says that it has come; raises Unavailable."""
    try:
        answer = httpx.get(f"{url}/internal/v1/progress", headers=dict(headers))
        return answer.raise_for_status().json()
    except httpx.HTTPError as error:
        raise Unavailable(f"{url} does not say how far it is: {error!r}") from error


def answers(url: str) -> bool:
    """Say whether a process answers."""
    try:
        return httpx.get(f"{url}/healthz", timeout=2).is_success
    except httpx.HTTPError:
        return False
