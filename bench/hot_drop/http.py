"""HTTP/1.1 as thousands of browsers speak it: one kept connection each, and patience with it."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

OPEN_AT_ONCE = 40  # the server's backlog is fifty
ANSWER_SECONDS = 120.0
TRIES = 6
REST_SECONDS = 0.2
_AGAIN = frozenset({429, 503})


@dataclass(slots=True)
class Seen:
    """What all clients together saw.

    Args:
        seconds: How long each answered request took, by what was asked.
        statuses: How many answers had each status, by what was asked.
        broken: Connections that ended before the answer came.
    """

    seconds: dict[str, list[float]] = field(default_factory=dict)
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    broken: int = 0

    def note(self, what: str, status: int, took: float) -> None:
        """Take one answer down."""
        self.seconds.setdefault(what, []).append(took)
        self.statuses[what, status] += 1


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; ``replayed`` when the server had given it before."""

    status: int
    body: Any
    replayed: bool


class Browser:
    """One buyer's connection; it is opened again when it broke.

    Args:
        port: Of the service, on loopback.
        headers: Sent with everything, as they stand in HTTP.
        seen: Where answers are noted.
        doors: Lets as many connect at a time as the server can queue.
    """

    def __init__(self, port: int, headers: str, seen: Seen, doors: asyncio.Semaphore) -> None:
        self._port = port
        self._headers = headers
        self._seen = seen
        self._doors = doors
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def open(self) -> None:
        """Connect, unless it is connected."""
        if self._streams is None:
            async with self._doors:
                self._streams = await asyncio.open_connection("127.0.0.1", self._port)

    async def ask(
        self,
        what: str,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> Answer:
        """Make one request, again with the same key where the answer got lost.

        Args:
            what: Under which name it is noted.
            method: Of HTTP.
            path: Where.
            body: Sent as JSON.
            key: The Idempotency-Key.

        Raises:
            OSError: the server was not to be reached, however often it was tried.
            TimeoutError: it did not answer.
        """
        message = self._message(method, path, body, key)
        for attempt in range(TRIES):
            try:
                began = time.perf_counter()
                answer = await asyncio.wait_for(self._once(message), ANSWER_SECONDS)
            except (OSError, asyncio.IncompleteReadError):
                self._seen.broken += 1
                self.close()
                await asyncio.sleep(REST_SECONDS * (attempt + 1))
                continue
            self._seen.note(what, answer.status, time.perf_counter() - began)
            if answer.status not in _AGAIN:
                return answer
            await asyncio.sleep(REST_SECONDS * (attempt + 1))
        raise OSError(f"{what}: no answer in {TRIES} tries")

    def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            with suppress(OSError):
                self._streams[1].close()
            self._streams = None

    def _message(
        self, method: str, path: str, body: Mapping[str, Any] | None, key: str | None
    ) -> bytes:
        sent = b"" if body is None else json.dumps(body).encode()
        told = f"Idempotency-Key: {key}\r\n" if key else ""
        kind = "Content-Type: application/json\r\n" if body is not None else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: shop\r\n{self._headers}{told}{kind}"
        return f"{head}Content-Length: {len(sent)}\r\n\r\n".encode() + sent

    async def _once(self, message: bytes) -> Answer:
        await self.open()
        if self._streams is None:
            raise OSError("not connected")
        reader, writer = self._streams
        writer.write(message)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        lines = head.split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        if headers.get("connection") == "close":
            self.close()
        return Answer(
            status=int(lines[0].split()[1]),
            body=json.loads(body) if body else None,
            replayed="idempotent-replayed" in headers,
        )
