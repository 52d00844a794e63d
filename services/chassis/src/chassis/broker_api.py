"""RabbitMQ's management API, as far as topology and preflight need it."""

from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import httpx

from chassis import trust
from chassis.errors import Unavailable

_SECONDS = 15.0


class Refused(Exception):
    """The broker does not let us; says what, never with a password."""


class BrokerApi:
    """Asks the management API about one virtual host.

    Args:
        url: With name and password of a user who may administer.
        vhost: Which virtual host.
        authority: Whose certificate the broker may have, besides those believed anyway.
    """

    def __init__(self, url: str, vhost: str, authority: Path | None = None) -> None:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        self.vhost = vhost
        self._where = quote(vhost, safe="")
        self._client = httpx.Client(
            base_url=f"{parts.scheme}://{host}{parts.path}",
            auth=(unquote(parts.username or ""), unquote(parts.password or "")),
            timeout=_SECONDS,
            verify=trust.besides(authority),
        )

    def listed(self, kind: str) -> list[Any]:
        """Return everything of a kind in the virtual host."""
        found: list[Any] = self._asked("GET", f"/api/{kind}/{self._where}").json()
        return found

    def users(self) -> set[str]:
        """Return the names of all users."""
        return {each["name"] for each in self._asked("GET", "/api/users").json()}

    def about(self, path: str) -> Any:
        """Return what an address outside the virtual host says."""
        return self._asked("GET", f"/api/{path}").json()

    def permissions(self) -> dict[str, Any]:
        """Return every user's rights in the virtual host."""
        found = self._asked("GET", f"/api/vhosts/{self._where}/permissions").json()
        return {each["user"]: each for each in found}

    def put(self, kind: str, name: str, body: Any) -> None:
        """Make or change one thing."""
        self._asked("PUT", f"/api/{kind}/{self._where}/{quote(name, safe='')}", body)

    def delete_queue(self, name: str) -> None:
        """Remove a queue; the broker knows no condition for a quorum queue."""
        self._asked("DELETE", f"/api/queues/{self._where}/{quote(name, safe='')}")

    def bind(self, source: str, queue: str, key: str) -> None:
        """Let a queue have what an exchange gets under a key."""
        self._asked("POST", self._between(source, queue), {"routing_key": key, "arguments": {}})

    def unbind(self, source: str, queue: str, properties: str) -> None:
        """Take a binding away."""
        self._asked("DELETE", f"{self._between(source, queue)}/{quote(properties, safe='')}")

    def _between(self, source: str, queue: str) -> str:
        names = quote(source, safe=""), quote(queue, safe="")
        return f"/api/bindings/{self._where}/e/{names[0]}/q/{names[1]}"

    def _asked(self, method: str, path: str, body: Any = None) -> httpx.Response:
        try:
            answer = self._client.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise Unavailable(
                f"the management API does not answer: {type(error).__name__}"
            ) from error
        if answer.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise Refused(f"{method} {path}: the user of BROKER_MANAGEMENT_URL may not")
        if not answer.is_success:
            raise Refused(f"{method} {path}: {answer.status_code} {_reason(answer)}")
        return answer


def _reason(answer: httpx.Response) -> str:
    try:
        return str(answer.json().get("reason", ""))[:200]
    except (ValueError, AttributeError):
        return ""
