"""Customers who send their commands again under the same key until they are answered."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from http import HTTPStatus

import httpx

from chassis.testing.faultlab.subject import Answer, Command

ANSWER_SECONDS = 15.0
AGAIN_SECONDS = 0.1
_LATER = {HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS}
Addresses = Callable[[str], Sequence[str]]
Headers = Callable[[str], Mapping[str, str]]


class Load:
    """The customers of one scene, each in a thread.

    Args:
        customers: Each one's commands, in order.
        addresses: Where a service answers; the next one is tried when one does not.
        headers: What every request of a tenant carries.
        opening: Commands that must be answered before the first customer comes.
        pauses: Whether customers take their time; without, they come as fast as they can.
    """

    def __init__(
        self,
        customers: Sequence[Sequence[Command]],
        addresses: Addresses,
        headers: Headers,
        *,
        opening: Sequence[Command] = (),
        pauses: bool = True,
    ) -> None:
        self.answers: list[Answer] = []
        self.refused: list[str] = []
        self.wanted = len(opening) + sum(map(len, customers))
        self._addresses = addresses
        self._headers = cache(headers)
        self._pauses = pauses
        self._opened, self._enough = threading.Event(), threading.Event()
        self._threads = [threading.Thread(target=self._open, args=(opening,), daemon=True)]
        self._threads += [
            threading.Thread(target=self._come, args=(commands,), daemon=True)
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
        self._opened.set()
        for thread in self._threads:
            thread.join(ANSWER_SECONDS + 1)

    def _open(self, commands: Sequence[Command]) -> None:
        self._serve(commands)
        self._opened.set()

    def _come(self, commands: Sequence[Command]) -> None:
        self._opened.wait()
        self._serve(commands)

    def _serve(self, commands: Sequence[Command]) -> None:
        with httpx.Client(timeout=ANSWER_SECONDS) as client:
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
            if answer is not None and _refuses(answer, command):
                self.refused.append(f"{command.path}: {answer.status_code} {answer.text[:200]}")
                return
            self._enough.wait(AGAIN_SECONDS)

    def _once(self, client: httpx.Client, command: Command, tries: int) -> httpx.Response | None:
        where = self._addresses(command.service)
        try:
            return client.post(
                where[tries % len(where)] + command.path,
                json=dict(command.body),
                headers={**self._headers(command.tenant), "Idempotency-Key": command.key},
            )
        except httpx.HTTPError:
            return None


def _refuses(answer: httpx.Response, command: Command) -> bool:
    return answer.is_client_error and answer.status_code not in _LATER | command.not_yet
