"""A TCP proxy on loopback between one process and the broker: it can hold, delay, cut, refuse."""

import socket
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field

HOST = "127.0.0.1"
CHUNK = 65_536
_RESET = struct.pack("ii", 1, 0)  # close without a farewell, as a cut cable does


@dataclass(eq=False, slots=True)
class Link:
    """One connection through the proxy: the process's socket and the broker's."""

    process: socket.socket
    broker: socket.socket

    def close(self) -> None:
        """Close both ends; what was not passed on is gone."""
        for end in (self.process, self.broker):
            with suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads from it
            end.close()


@dataclass(slots=True)
class Valve:
    """One direction of every connection: what is held stays in the pipe until it opens."""

    opened: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        """Begin open."""
        self.opened.set()


class Proxy:
    """Passes connections on to a port of this machine until told otherwise.

    Args:
        target: The broker's port.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._listening = socket.create_server((HOST, 0))
        self.port: int = self._listening.getsockname()[1]
        self.delay = 0.0
        self.refusing = False
        self._to_broker, self._to_process = Valve(), Valve()
        self._links: set[Link] = set()
        self._changing = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def hold(self, *, both: bool = True) -> None:
        """Keep what is sent: of the process only, or of the broker too."""
        self._to_broker.opened.clear()
        if both:
            self._to_process.opened.clear()

    def cut(self) -> int:
        """Break every connection and lose what is in the pipe; return how many there were."""
        with self._changing:
            links = list(self._links)
            self._links.clear()
        for link in links:
            link.close()
        return len(links)

    def heal(self) -> None:
        """Pass everything on at once again."""
        self.refusing, self.delay = False, 0.0
        self._to_broker.opened.set()
        self._to_process.opened.set()

    def close(self) -> None:
        """Take no more connections and break those that are open."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.heal()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                process, _ = self._listening.accept()
            except OSError:
                return
            self._connect(process)

    def _connect(self, process: socket.socket) -> None:
        try:
            if self.refusing:
                raise ConnectionRefusedError
            link = Link(process, socket.create_connection((HOST, self._target), timeout=5))
        except OSError:
            process.close()
            return
        link.broker.settimeout(None)
        with self._changing:
            self._links.add(link)
        ways = (
            (process, link.broker, self._to_broker),
            (link.broker, process, self._to_process),
        )
        for way in ways:
            threading.Thread(target=self._carry, args=(link, *way), daemon=True).start()

    def _carry(self, link: Link, source: socket.socket, sink: socket.socket, valve: Valve) -> None:
        try:
            while chunk := source.recv(CHUNK):
                time.sleep(self.delay)
                valve.opened.wait()
                sink.sendall(chunk)
        except OSError:
            pass  # the other direction, or a cut, closed it
        finally:
            with self._changing:
                self._links.discard(link)
            link.close()
