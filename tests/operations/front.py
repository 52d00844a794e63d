"""What a cluster puts before a service's workers: one address, and whoever is ready behind it."""

import itertools
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress

HOST = "127.0.0.1"
_CHUNK = 65_536
_CONNECT_SECONDS = 5


class Front:
    """Passes each new connection on to one of its targets, in turn.

    A target that is taken away gets no new connection; what it has begun goes on until it ends.
    """

    def __init__(self) -> None:
        self.targets: Sequence[int] = ()
        self._turns = itertools.count()
        self._listening = socket.create_server((HOST, 0), backlog=256)
        self.port: int = self._listening.getsockname()[1]
        self.served: dict[int, int] = {}
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """The address that everybody is given."""
        return f"http://{HOST}:{self.port}"

    def close(self) -> None:
        """Take no more connections."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                caller, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(caller,), daemon=True).start()

    def _connect(self, caller: socket.socket) -> None:
        targets = list(self.targets)
        first = next(self._turns)
        for target in (targets[(first + at) % len(targets)] for at in range(len(targets))):
            try:
                worker = socket.create_connection((HOST, target), timeout=_CONNECT_SECONDS)
            except OSError:
                continue  # a service tries the next endpoint too
            worker.settimeout(None)
            self.served[target] = self.served.get(target, 0) + 1
            back = threading.Thread(target=_carry, args=(worker, caller), daemon=True)
            back.start()
            _carry(caller, worker)
            back.join()
            worker.close()
            break
        caller.close()


def _carry(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(_CHUNK):
            sink.sendall(chunk)
    # What was sent before the end still arrives: only this direction is over.
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
