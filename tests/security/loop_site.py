"""The loop as in production: over TLS, people signed in at the real issuer."""

import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from cheroot.ssl.builtin import BuiltinSSLAdapter

from chassis.audit import listed
from chassis.auth import Authority, AuthSettings
from chassis.browser_sessions import Sessions
from chassis.clock import SystemClock
from chassis.jwks import key_source
from chassis.rates import Rate
from chassis.sign_in import ClientSettings, SignIn
from chassis.testing.certificates import self_signed
from chassis.testing.contexts import SECRET
from chassis.testing.issuer import AUDIENCE, PrivateIssuer, trusting
from chassis.testing.nodes import free_ports
from chassis.throttle import Throttle
from chassis.wsgi import server
from four_logs import FourLogs
from loop.main import app_of
from loop.session import CALLBACK, SCOPE
from loop_service import LoopUnderTest

CLIENT = "sixfold-page"
PERSON = {
    "password": "open sesame",
    "sub": "u1",
    "tenant": "acme",
    "scope": f"{SCOPE} audit.read",
    "name": "Ada of Acme",
    "email": "ada@acme.example",
}


class AheadClock:
    """Real time, and as much more as a test says."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        """Return the moment."""
        return datetime.now(UTC) + self.ahead

    def advance(self, by: timedelta) -> None:
        """Let time pass."""
        self.ahead += by


class LoopSite:
    """The loop's pages at an address of their own.

    Args:
        folder: For databases and the certificate.
        logs: What the loop has read.
        now: The business's moment.
        port: Where it answers; the issuer must know it as a place to come back to.
    """

    def __init__(
        self, folder: Path, logs: FourLogs, now: datetime, issuer: PrivateIssuer, port: int
    ) -> None:
        self.loop = LoopUnderTest(folder, logs, now)
        self.loop.take()
        self.issuer = issuer
        self.clock = AheadClock()
        self.secret = "page"
        self.certificate = folder / "loop.pem"
        self.url = f"https://127.0.0.1:{port}"
        self.authority: Authority = trusting(
            AuthSettings(issuer=issuer.url, audience=AUDIENCE, environment="production"),
            self.clock,
        )
        sign_in = SignIn(
            ClientSettings(
                client_id=CLIENT,
                client_secret=lambda: self.secret,
                redirect_uri=f"{self.url}{CALLBACK}",
            ),
            issuer=issuer.url,
            keys=key_source(None, issuer.url, "production", SystemClock()),
            authority=self.authority,
        )
        self.console = replace(
            self.loop.console,
            authority=self.authority,
            sign_in=sign_in,
            public_url=f"{self.url}/",
            sessions=Sessions(
                SECRET,
                authority=self.authority,
                scope=SCOPE,
                secure=True,
                sign_in=sign_in,
                clock=self.clock,
            ),
            tokens_in_links=False,
            throttle=Throttle(rates={"sign-in": Rate(requests=1000, seconds=60)}),
        )
        self_signed(self.certificate, folder / "loop.key", "127.0.0.1")
        self._web = server(app_of(self.console, []), "127.0.0.1", port, threads=12)
        self._web.ssl_adapter = BuiltinSSLAdapter(str(self.certificate), str(folder / "loop.key"))
        self._web.shutdown_timeout = 2

    def start(self) -> None:
        """Answer from now on."""
        self._web.prepare()
        threading.Thread(target=self._web.serve, daemon=True).start()

    def close(self) -> None:
        """Give everything back."""
        self.loop.stopping = True
        self._web.stop()
        self.loop.close()

    def entries(self, tenant: str = "acme") -> list[tuple[str, str, str]]:
        """Return action, outcome and actor of a tenant's audit, oldest first."""
        with self.loop.storage.system.read() as db:
            found = listed(db, self.loop.storage.keys, tenant)
        return [(one.action, one.outcome, one.actor) for one in reversed(found)]


class Browser:
    """What a browser does, without drawing anything."""

    def __init__(self, site: LoopSite) -> None:
        self._site = site
        self.client = httpx.Client(verify=False, timeout=60)  # noqa: S501  # two certificates of the test's own

    def get(self, path: str, **more: Any) -> httpx.Response:
        """Open one of the loop's pages."""
        return self.client.get(f"{self._site.url}{path}", **more)

    def post(self, path: str, form: Mapping[str, str], **more: Any) -> httpx.Response:
        """Send a form to the loop."""
        return self.client.post(f"{self._site.url}{path}", data=dict(form), **more)

    def begin(self, return_to: str = "/") -> str:
        """Press the button, and return where the issuer asks who one is."""
        answer = self.get("/sign-in", params={"return_to": return_to})
        assert answer.status_code == 303, answer.text
        return answer.headers["Location"]

    def consent(self, address: str, user: str = "ada") -> str:
        """Sign in at the issuer, and return where it sends the browser."""
        form = {"user": user, "password": PERSON["password"], "consent": "yes"}
        answer = self.client.post(address, data=form)
        assert answer.status_code == 303, answer.text
        return answer.headers["Location"]

    def sign_in(self, return_to: str = "/", user: str = "ada") -> httpx.Response:
        """Sign in, all the way."""
        return self.client.get(self.consent(self.begin(return_to), user=user))


def page_port() -> int:
    """Find a port that the issuer can be told of."""
    return free_ports(1)[0]
