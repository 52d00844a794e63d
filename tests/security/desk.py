"""A small service behind the whole edge, with tokens of the real issuer."""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection
from werkzeug.test import Client, TestResponse

from bus_service import embedded
from chassis.auth import Authority, AuthSettings
from chassis.clock import SystemClock
from chassis.entrypoints import command, handlers_of, query
from chassis.http import IMPORT_SCOPE, Limits
from chassis.ids import new_id
from chassis.routes import Call, Reply
from chassis.service_edge import ServiceEdge
from chassis.storage import Storage
from chassis.testing.issuer import AUDIENCE, PrivateIssuer, trusting
from chassis.throttle import Throttle
from chassis.unit_of_work import UnitOfWork
from chassis.wsgi import Service, wsgi_app


def _called_back(_: Any) -> str:
    return "acme"


class Front(ServiceEdge):
    """What the tests ask for."""

    name = "front"

    @query("/v1/orders", scope="orders.read")
    def list_orders(self, db: Connection, call: Call[None]) -> Reply:
        """List orders."""
        del db, call
        return Reply(body={"orders": []})

    @query("/v1/people/<person_id>", scope="people.read", audit="person.read")
    def show_person(self, db: Connection, call: Call[None]) -> Reply:
        """Show somebody."""
        del db
        return Reply(body={"person": call.path["person_id"]})

    @command("/v1/people/<person_id>/erasure", scope="people.erase", audit="person.erase")
    def erase_person(self, work: UnitOfWork, call: Call[None]) -> Reply:
        """Forget somebody."""
        del work, call
        return Reply(status=202)

    @command("/v1/people/look-up", scope="people.read", audit="person.read", status=200)
    def look_up(self, work: UnitOfWork, call: Call[None]) -> Reply:
        """Say who somebody is; keep nothing."""
        del work, call
        return Reply(body={"person": "p-1"})

    @command("/v1/imports/people", scope="people.read", audit="people.import")
    def import_people(self, work: UnitOfWork, call: Call[None]) -> Reply:
        """Bring people in, which needs a right besides."""
        del work
        call.claims.require(IMPORT_SCOPE)
        return Reply()

    @command("/v1/codes", scope="orders.read", rate="codes")
    def send_code(self, work: UnitOfWork, call: Call[None]) -> Reply:
        """Send a code."""
        del work, call
        return Reply(status=202)

    @command("/v1/tenants/<tenant>/callbacks", tenant_from=_called_back, key_from=lambda _: "k")
    def call_back(self, work: UnitOfWork, call: Call[None]) -> Reply:
        """Be called back by a provider."""
        del work, call
        return Reply(status=204)


class Desk:
    """The service, and what somebody with a token sees of it.

    Args:
        folder: For its database.
        issuer: Whose tokens it takes.
        more: Of its ``AuthSettings``.
        throttle: How often somebody may ask.
    """

    def __init__(
        self,
        folder: Path,
        issuer: PrivateIssuer,
        *,
        throttle: Throttle | None = None,
        **more: Any,
    ) -> None:
        told = {"issuer": issuer.url, "audience": AUDIENCE, "environment": "production"}
        self.issuer = issuer
        self.storage: Storage = embedded(folder, "front")
        self.authority: Authority = trusting(AuthSettings(**told, **more), SystemClock())
        limits = Limits(throttle=throttle or Throttle())
        self.app = wsgi_app(
            Service(name="front"), handlers_of(Front()), self.storage, self.authority, limits=limits
        )
        self.client = Client(self.app)

    def ask(self, path: str, token: str | None = None, **more: Any) -> TestResponse:
        """Ask with a token, or one with the claims that are given."""
        method = more.pop("method", "GET")
        headers = more.pop("headers", {})
        environ = more.pop("environ_base", None)
        body = more.pop("json", None)
        bearer = token or self.issuer.token(**more)
        given = {"Authorization": f"Bearer {bearer}", **headers}
        if method == "POST":
            given.setdefault("Idempotency-Key", str(new_id()))
        options = {"environ_base": environ} if environ else {}
        return self.client.open(path, method=method, headers=given, json=body, **options)

    def entries(self, tenant: str = "acme") -> list[dict[str, Any]]:
        """Return a tenant's audit, the newest first."""
        answer = self.ask("/v1/audit", tenant=tenant, scope="audit.read")
        assert answer.status_code == 200, answer.text
        return list(answer.get_json()["entries"])
