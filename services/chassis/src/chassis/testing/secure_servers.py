"""Private servers with TLS, passwords that count, and an authority that vouches for them."""

import os
import shutil
from pathlib import Path
from urllib.parse import quote, urlencode

from chassis.testing.certificates import Authority, Pair
from chassis.testing.nodes import Command, free_ports
from chassis.testing.servers import PrivatePostgreSQL, PrivateRabbitMQ, postgres_account

HERE = "127.0.0.1"


class SecureRabbitMQ(PrivateRabbitMQ):
    """A broker that also listens for TLS, and checks a client's certificate if it is shown one.

    Args:
        directory: Everything of it is kept there.
        demands: It talks to nobody who shows no certificate.
    """

    def __init__(self, directory: Path, *, demands: bool = False) -> None:
        super().__init__(directory, fsync=False)
        (self.secure_port,) = free_ports(1)
        self.authority = Authority(directory / "tls")
        self.client = self.authority.issue("client")
        self._server = self.authority.issue("broker", HERE)
        self._demands = demands

    def secure_uri(self, vhost: str, user: str = "", password: str = "", host: str = HERE) -> str:
        """Give the address of a virtual host on the secure port."""
        known = self.uri(vhost).removeprefix("amqp://").partition("@")[0]
        given = f"{user}:{password}" if user else known
        return f"amqps://{given}@{host}:{self.secure_port}/{quote(vhost, safe='')}"

    def _settings(self) -> str:
        return "\n".join(
            [
                super()._settings(),
                f"listeners.ssl.1 = {HERE}:{self.secure_port}",
                f"ssl_options.cacertfile = {self.authority.certificate}",
                f"ssl_options.certfile = {self._server.certificate}",
                f"ssl_options.keyfile = {self._server.key}",
                "ssl_options.verify = verify_peer",
                f"ssl_options.fail_if_no_peer_cert = {str(self._demands).lower()}",
            ]
        )


class SecurePostgreSQL(PrivatePostgreSQL):
    """A PostgreSQL that also answers over TCP: only with TLS, and only to who knows a password."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, fsync=False)
        (self.port,) = free_ports(1)
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.authority = Authority(self.directory / "tls")
        self._server = self._owned(self.authority.issue("database", HERE))

    def secure_url(
        self, name: str, user: str, password: str, *, host: str = HERE, ca: Path | None = None
    ) -> str:
        """Give the SQLAlchemy URL of a database, with everything about the server checked."""
        checks = {"sslmode": "verify-full", "sslrootcert": ca or self.authority.certificate}
        at = f"{user}:{quote(password)}@{host}:{self.port}/{quote(name)}"
        return f"postgresql+psycopg2://{at}?{urlencode(checks)}"

    def url(self, name: str) -> str:
        """Give the SQLAlchemy URL of a database over the private socket."""
        return f"{super().url(name)}&port={self.port}"

    def dsn(self, name: str = "postgres") -> str:
        """Give the libpq connection string of a database over the private socket."""
        return f"{super().dsn(name)} port={self.port}"

    def commands(self) -> list[Command]:
        """Give the server, once it knows whom to let in how."""
        commands = super().commands()
        (self.directory / "data" / "pg_hba.conf").write_text(
            "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n"
        )
        return commands

    def _options(self) -> list[str]:
        settings = {
            "listen_addresses": HERE,
            "port": str(self.port),
            "ssl": "on",
            "ssl_cert_file": str(self._server.certificate),
            "ssl_key_file": str(self._server.key),
        }
        more = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        return [*super()._options(), *more]

    def _owned(self, pair: Pair) -> Pair:
        if os.geteuid() == 0:
            account = postgres_account()
            for path in (pair.certificate.parent, pair.certificate, pair.key):
                shutil.chown(path, account.pw_uid, account.pw_gid)
        return pair
