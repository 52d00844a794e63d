"""A private object store that speaks S3, for tests of archives: a process of its own."""

import os
import signal
import sys
from collections.abc import Mapping
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

from chassis.testing.nodes import Command, bound_to_supervisor, free_ports
from chassis.testing.private import PrivateServer

ENVIRONMENT: Mapping[str, str] = {
    "AWS_ACCESS_KEY_ID": "tests",
    "AWS_SECRET_ACCESS_KEY": "tests",
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""What a client of it must find in its environment."""


class PrivateObjectStore(PrivateServer):
    """A store that keeps everything in memory: `bucket(name)` gives an address in it."""

    name = "object-store"
    stop_signal = signal.SIGTERM

    def __init__(self, directory: Path | None = None) -> None:
        """Choose a directory for its output, and a port."""
        super().__init__(directory)
        (self.port,) = free_ports(1)

    def bucket(self, name: str) -> str:
        """Give the address of a folder in a bucket that is made when it is first written to."""
        settings = {
            "endpoint_override": f"127.0.0.1:{self.port}",
            "scheme": "http",
            "region": "us-east-1",
            "allow_bucket_creation": "true",
        }
        return f"s3://{name}/logs?{urlencode(settings)}"

    def commands(self) -> list[Command]:
        """Give the process."""
        program = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        argv = bound_to_supervisor(program, self.stop_signal)
        return [Command(argv=argv, environment=dict(os.environ))]

    def ready(self) -> bool:
        """Say whether it answers."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/moto-api/")
            connection.getresponse().read()
        except OSError:
            return False
        finally:
            connection.close()
        return True
