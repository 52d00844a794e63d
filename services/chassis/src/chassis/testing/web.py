"""Call a service's HTTP edge in a test, with real tokens and without a socket."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from werkzeug.test import Client, TestResponse

from chassis.auth import Authority, AuthSettings, Claims, authority_from
from chassis.cursors import Cursors
from chassis.dev_issuer import DevelopmentIssuer
from chassis.http import LIMITS, Limits
from chassis.ids import new_id
from chassis.routes import Call, Handler, Route
from chassis.storage import Storage
from chassis.testing.contexts import SECRET
from chassis.wsgi import Service, wsgi_app

B = TypeVar("B")
ISSUER, AUDIENCE = "https://issuer.test", "sixfold"


class Tokens:
    """An issuer for one test, and the authority that trusts it."""

    def __init__(self, folder: Path) -> None:
        self.issuer = DevelopmentIssuer(
            folder, environment="test", issuer=ISSUER, audience=AUDIENCE
        )
        self.settings = AuthSettings(
            issuer=ISSUER, audience=AUDIENCE, jwks=str(self.issuer.jwks), environment="test"
        )
        self.authority: Authority = authority_from(self.settings)

    def bearer(self, *scopes: str, tenant: str = "acme") -> dict[str, str]:
        """Return the header that proves a user of ``tenant`` with ``scopes``."""
        return {"Authorization": f"Bearer {self.issuer.issue(tenant, 'u1', scopes)}"}


class Web:
    """A client of one service's edge.

    Args:
        tokens: Whose tokens are sent.
        storage: The service's.
        routes: What it serves; ``entrypoints.handlers_of(service)`` gives a nameko service's.
        scopes: Of the token that is sent unless a test says otherwise.
    """

    def __init__(
        self,
        tokens: Tokens,
        storage: Storage,
        routes: Iterable[tuple[Route, Handler]],
        *,
        scopes: Iterable[str] = (),
        service: Service | None = None,
        limits: Limits = LIMITS,
    ) -> None:
        self._tokens = tokens
        self._scopes = tuple(scopes)
        service = service or Service(name=storage.service)
        app = wsgi_app(service, routes, storage, tokens.authority, limits=limits)
        self.client = Client(app)

    def get(self, path: str, *, tenant: str = "acme", **more: Any) -> TestResponse:
        """Read as a user of ``tenant``."""
        headers = self._tokens.bearer(*self._scopes, tenant=tenant) | more.pop("headers", {})
        return self.client.get(path, headers=headers, **more)

    def send(
        self,
        method: str,
        path: str,
        *,
        tenant: str = "acme",
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> TestResponse:
        """Send a command as a user of ``tenant``, under a fresh idempotency key."""
        given = self._tokens.bearer(*self._scopes, tenant=tenant)
        given |= {"Idempotency-Key": key or str(new_id()), **(headers or {})}
        return self.client.open(path, method=method, headers=given, **more)

    def post(self, path: str, body: Any, **more: Any) -> TestResponse:
        """Post a JSON body."""
        return self.send("POST", path, json=body, **more)

    def put(self, path: str, body: Any, **more: Any) -> TestResponse:
        """Put a JSON body."""
        return self.send("PUT", path, json=body, **more)


def call(body: B, *, tenant: str = "acme", scopes: Iterable[str] = (), **more: Any) -> Call[B]:
    """Return a call as the edge would hand it to a handler."""
    return Call(
        claims=Claims(tenant=tenant, subject="u1", scopes=frozenset(scopes)),
        body=body,
        cursors=Cursors(secret=SECRET, tenant=tenant, route="test"),
        **more,
    )
