"""A shop that goes on registering customers whatever happens, and knows what it was told."""

import threading
from types import TracebackType
from typing import Any, Self

import httpx

from first_site import GIVEN
from service_process import wait_for
from sixfold.client import Client, Refused


class Shop:
    """Registers one customer after the other while the block runs.

    Args:
        identity: As one who may.
    """

    ENOUGH = 5

    def __init__(self, identity: Client) -> None:
        self.people: list[str] = []
        self._identity = identity
        self._closed = threading.Event()
        self._failures: list[Exception] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Serve the last one, and say what went wrong."""
        self._closed.set()
        self._thread.join(GIVEN)
        if self._failures and error is None:
            raise self._failures[0]

    def goes_on(self) -> None:
        """Wait until a few more customers were told that they are known."""
        enough = len(self.people) + self.ENOUGH
        wait_for(lambda: bool(self._failures) or len(self.people) >= enough, "it goes on", GIVEN)
        assert not self._failures, self._failures

    def _serve(self) -> None:
        number = 0
        try:
            while not self._closed.is_set():
                self._register(number)
                number += 1
                self._closed.wait(0.1)
        except Exception as error:  # noqa: BLE001  # raised again where the test sees it
            self._failures.append(error)

    def _register(self, number: int) -> None:
        follow = {
            "platform": "weibo",
            "platform_user_id": f"customer-{number}",
            "property_id": "official",
        }
        account = self._until_answered("/v1/follows", follow)["account_id"]
        body = {"origin": "shop", "account_id": account}
        self.people.append(self._until_answered("/v1/persons", body)["person_id"])

    def _until_answered(self, path: str, body: dict[str, str]) -> Any:
        """Ask again with the same key, as whoever got no answer does."""
        while True:
            try:
                return self._identity.post(path, body)
            except (httpx.TransportError, Refused) as error:
                if isinstance(error, Refused) and error.code != "unavailable":
                    raise
