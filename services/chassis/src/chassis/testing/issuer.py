"""A private OpenID Connect issuer: starts the process, and asks it to do what a test needs."""

import json
import os
import signal
import ssl
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import httpx

from chassis import trust
from chassis.auth import Authority, AuthSettings, authority_from
from chassis.clock import Clock
from chassis.errors import Unavailable
from chassis.testing.certificates import self_signed
from chassis.testing.nodes import Command, bound_to_supervisor, free_ports
from chassis.testing.oidc.tokens import now
from chassis.testing.private import PrivateServer

AUDIENCE = "sixfold"


class PrivateIssuer(PrivateServer):
    """An issuer on loopback, over TLS unless a test wants none.

    Args:
        directory: For its configuration, certificate and output.
        clients: By id; see ``oidc.grants``.
        users: By the name that they sign in with.
        lifetime: Of its tokens, in seconds.
        tls: Serve over TLS, with a certificate of its own (``certificate``).
    """

    name = "issuer"
    stop_signal = signal.SIGTERM
    # Python's start alone takes a minute where dozens of programs share two cores.
    ready_seconds = 240.0

    def __init__(
        self,
        directory: Path | None = None,
        *,
        clients: Mapping[str, Any] | None = None,
        users: Mapping[str, Any] | None = None,
        lifetime: int = 600,
        tls: bool = True,
    ) -> None:
        super().__init__(directory)
        (self.port,) = free_ports(1)
        self._tls = tls
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.certificate = self.directory / "issuer.pem"
        self._told = {
            "issuer": self.url,
            "keys": str(self.directory / "keys.json"),
            "port": self.port,
            "audience": AUDIENCE,
            "lifetime": lifetime,
            "clients": dict(clients or {}),
            "users": dict(users or {}),
        }

    def start(self) -> Self:
        """Start it; from then on this process believes its certificate."""
        super().start()
        if self._tls:
            trust.context().load_verify_locations(self.certificate)
        return self

    def commands(self) -> list[Command]:
        """Give the process."""
        if self._tls and not self.certificate.exists():
            self_signed(self.certificate, self.directory / "issuer.key", "127.0.0.1")
        if self._tls:
            self._told["certificate"] = str(self.certificate)
            self._told["key"] = str(self.directory / "issuer.key")
        path = self.directory / "issuer.json"
        path.write_text(json.dumps(self._told))
        program = [sys.executable, "-W", "ignore", "-m", "chassis.testing.oidc.program", str(path)]
        argv = bound_to_supervisor(program, self.stop_signal)
        return [Command(argv=argv, environment=dict(os.environ))]

    def ready(self) -> bool:
        """Say whether it answers."""
        try:
            return self.client().get("/.well-known/openid-configuration").is_success
        except httpx.HTTPError:
            return False

    def client(self) -> httpx.Client:
        """Return a client that trusts its certificate."""
        verify: Any = True
        if self._tls:
            verify = ssl.create_default_context(cafile=str(self.certificate))
        return httpx.Client(base_url=self.url, verify=verify, timeout=60)

    def control(self, do: str, **more: Any) -> Any:
        """Have it do something, as ``oidc.program`` lists it."""
        # By hand: httpx would refuse the numbers that a token must not hold.
        answer = self.client().post(
            "/control",
            content=json.dumps({"do": do, **more}),
            headers={"Content-Type": "application/json"},
        )
        return answer.raise_for_status().json()

    def rotate(self, algorithm: str = "RS256") -> str:
        """Let it sign with a new key from now on; the old ones stay published."""
        return str(self.control("rotate", algorithm=algorithm))

    def remove_old(self) -> None:
        """Let it publish only the newest key."""
        self.control("remove_old")

    def behave(self, **modes: Any) -> None:
        """Let it misbehave in some ways, or with none be good again; paths are keys too."""
        self.control("modes", modes=modes)

    def counts(self) -> dict[str, int]:
        """Return how often each path was asked for."""
        return dict(self.control("counts"))

    def token(self, *, header: Mapping[str, Any] | None = None, **changes: Any) -> str:
        """Return a token of a person, signed by it, with some claims changed or left out."""
        claims = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "u1",
            "tenant": "acme",
            "scope": "a b",
            "iat": now(),
            "exp": now() + 600,
            **changes,
        }
        kept = {name: value for name, value in claims.items() if value is not None}
        return str(self.control("sign", claims=kept, header=dict(header or {})))


def trusting(settings: AuthSettings, clock: Clock | None = None) -> Authority:
    """Return an authority that has the issuer's keys, on a machine that may be busy."""
    deadline = time.monotonic() + 90
    while True:
        authority = authority_from(settings, clock)
        try:
            authority.ready()
        except Unavailable:
            if time.monotonic() > deadline:
                raise
            continue
        return authority
