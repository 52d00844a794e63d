"""Where the broker is and how this process shows itself to it, as the settings say now."""

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from kombu.connection import Connection
from kombu.utils.url import parse_url

from chassis.rotation import Current
from chassis.settings import Settings

CONNECT_SECONDS = 5.0


class Broker:
    """Opens connections to the broker, each with the credentials of that moment.

    With ``amqps://`` the broker's certificate and the host name in it are always checked.

    Args:
        uri: Returns its address.
        ca: Whose certificate it must have; the machine's own authorities by default.
        certificate: What is shown to it, with ``key``.
        marks: Returns what changes when anything of this does.
    """

    def __init__(
        self,
        uri: Callable[[], str],
        *,
        ca: Path | None = None,
        certificate: Path | None = None,
        key: Path | None = None,
        marks: Callable[[], object] | None = None,
    ) -> None:
        self._uri = uri
        self._marks = marks or uri
        self._files = {"ca_certs": ca, "certfile": certificate, "keyfile": key}

    @classmethod
    def at(cls, uri: str) -> Self:
        """Return the broker at an address that stays as it is."""
        return cls(lambda: uri)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the broker that the settings name, now and after their files have changed."""
        current = Current.watching(settings)
        return cls(
            lambda: current.now.amqp_uri,
            ca=settings.broker_ca,
            certificate=settings.broker_certificate,
            key=settings.broker_key,
            marks=lambda: current.marks,
        )

    @property
    def marks(self) -> object:
        """What changes when connections should be opened anew."""
        return self._marks()

    def connected(self, **options: Any) -> Connection:
        """Return an open connection, which whoever asked closes.

        Raises:
            OSError, amqp.AMQPError: the broker does not answer, or does not let us in.
        """
        uri = self._uri()
        asked = {"connect_timeout": CONNECT_SECONDS, **options}
        connection = Connection(uri, ssl=self._tls(uri), **asked)
        try:
            connection.ensure_connection(
                max_retries=1, interval_start=0, reraise_as_library_errors=False
            )
        except BaseException:
            connection.collect(socket_timeout=1)
            raise
        return connection

    def _tls(self, uri: str) -> dict[str, Any] | bool:
        if not uri.startswith("amqps://"):
            return False
        given = {name: str(path) for name, path in self._files.items() if path is not None}
        # Without the name, any certificate of the same authority would do.
        return {
            "cert_reqs": ssl.CERT_REQUIRED, "server_hostname": parse_url(uri)["hostname"], **given,
        }  # fmt: skip
