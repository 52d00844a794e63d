"""Customers who send their commands again under the same key until they are answered."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus

import httpx

from chassis.testing.faultlab.subject import Answer, Command

ANSWER_SECONDS = 15.0
AGAIN_SECONDS = 0.1
_LATER = {HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS}
Addresses = Callable[[str], Sequence[str]]


class Load:
    """The customers of one scene, each in a thread.

    Args:
        customers: Each one's commands, in order.
        addresses: Where a service answers; the next one is tried when one does not.
        headers: What every request carries.
        pauses: Whether customers take their time; without, they come as fast as they can.
    """

    def __init__(
        self,
        customers: Sequence[Sequence[Command]],
        addresses: Addresses,
        headers: Mapping[str, str],
        *,
        pauses: bool = True,
    ) -> None:
        self.answers: list[Answer] = []
        self.refused: list[str] = []
        self.wanted = sum(map(len, customers))
        self._addresses = addresses
        self._headers = headers
        self._pauses = pauses
        self._enough = threading.Event()
        self._threads = [
            threading.Thread(target=self._serve, args=(commands,), daemon=True)
            for commands in customers
        ]

    def start(self) -> None:
        """Let the customers come."""
        for thread in self._threads:
            thread.start()

    def finish(self, seconds: float) -> None:
        """Wait until every command was answered, or the time is over."""
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._enough.set()
        for thread in self._threads:
            thread.join(ANSWER_SECONDS + 1)

    def _serve(self, commands: Sequence[Command]) -> None:
        with httpx.Client(timeout=ANSWER_SECONDS, headers=dict(self._headers)) as client:
            for command in commands:
                self._enough.wait(command.pause if self._pauses else 0.0)
                self._persist(client, command)

    def _persist(self, client: httpx.Client, command: Command) -> None:
        tries = 0
        while not self._enough.is_set():
            tries += 1
            answer = self._once(client, command, tries)
            if answer is not None and answer.is_success:
                self.answers.append(Answer(command=command, body=answer.json(), tries=tries))
                return
            if answer is not None and answer.is_client_error and answer.status_code not in _LATER:
                self.refused.append(f"{command.path}: {answer.status_code} {answer.text[:200]}")
                return
            self._enough.wait(AGAIN_SECONDS)

    def _once(self, client: httpx.Client, command: Command, tries: int) -> httpx.Response | None:
        where = self._addresses(command.service)
        try:
            return client.post(
                where[tries % len(where)] + command.path,
                json=dict(command.body),
                headers={"Idempotency-Key": command.key},
            )
        except httpx.HTTPError:
            return None
