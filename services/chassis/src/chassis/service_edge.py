"""What every service answers besides its own routes: its log's feed, its parked events."""

from sqlalchemy import Connection

from chassis import audit, internal_routes, parked, parked_audit
from chassis.auth import ANYONE
from chassis.clock import SystemClock
from chassis.entrypoints import command, query, routes_of
from chassis.feed import SCOPE
from chassis.internal_routes import (
    OPERATE,
    AuditWanted,
    LanePage,
    ParkedWanted,
    RetryAll,
    Skip,
    parked_view,
)
from chassis.me import Me, me_of
from chassis.progress import progress
from chassis.quotas import views as quotas
from chassis.routes import Call, Reply
from chassis.unit_of_work import UnitOfWork

_wall = SystemClock()


class ServiceEdge:
    """Routes that every service class inherits.  No rules live here."""

    name: str

    def __init_subclass__(cls) -> None:
        """Refuse two mixins with a method of one name: one of them would silently not be served."""
        super().__init_subclass__()
        owners: dict[str, type] = {}
        for base in cls.__mro__[1:-1]:
            for method in (name for name in vars(base) if not name.startswith("_")):
                if owners.setdefault(method, base) is not base and method != "name":
                    raise TypeError(f"{owners[method].__name__} and {base.__name__} have {method}")

    @query("/v1/me", scope=ANYONE, reply=Me)
    def show_me(self, db: Connection, call: Call[None]) -> Reply:
        """Show who the token's bearer is, and what they may do here."""
        del db
        return Reply(body=me_of(call.claims, routes_of(type(self))))

    @query("/v1/audit", scope=audit.SCOPE, query=AuditWanted)
    def list_audit(self, db: Connection, call: Call[None]) -> Reply:
        """List who did what privileged thing for the caller's tenant, the newest first."""
        return internal_routes.audit_page(db, call)

    @query("/v1/quotas", scope=quotas.READ, reply=quotas.QuotasView, promised=True)
    def show_quotas(self, db: Connection, call: Call[None]) -> Reply:
        """Show how much of its quotas here the caller's tenant has used."""
        return self._quotas(db, call)

    @query(
        "/v1/usage",
        scope=quotas.READ,
        query=quotas.DaysWanted,
        reply=quotas.UsageView,
        promised=True,
    )
    def show_usage(self, db: Connection, call: Call[None]) -> Reply:
        """Show what the caller's tenant has recorded here on its last days."""
        return self._usage(db, call)

    @query(
        "/internal/v1/tenants/<tenant_id>/quotas",
        scope=OPERATE,
        reply=quotas.QuotasView,
        acts_for="tenant_id",
    )
    def show_quotas_of(self, db: Connection, call: Call[None]) -> Reply:
        """Show an operator how much of its quotas here a tenant has used."""
        return self._quotas(db, call)

    @query(
        "/internal/v1/tenants/<tenant_id>/usage",
        scope=OPERATE,
        query=quotas.DaysWanted,
        reply=quotas.UsageView,
        acts_for="tenant_id",
    )
    def show_usage_of(self, db: Connection, call: Call[None]) -> Reply:
        """Show an operator what a tenant has recorded here on its last days."""
        return self._usage(db, call)

    def _quotas(self, db: Connection, call: Call[None]) -> Reply:
        return Reply(
            body=quotas.quotas_view(self.name, call.plan, db, call.tenant, call.clock.now())
        )

    def _usage(self, db: Connection, call: Call[None]) -> Reply:
        days, now = call.query.days, call.clock.now()
        view = quotas.usage_view(self.name, call.plan, db, call.tenant, now, days=days)
        return Reply(body=view)

    @query("/internal/v1/log/heads", scope=SCOPE)
    def show_log_heads(self, db: Connection, call: Call[None]) -> Reply:
        """Return the head of every lane of the log."""
        return internal_routes.log_heads(db, call)

    @query("/internal/v1/log/lanes/<int:lane>", scope=SCOPE, query=LanePage)
    def show_lane(self, db: Connection, call: Call[None]) -> Reply:
        """Return the next events of one lane, raw."""
        return internal_routes.lane(self.name, db, call)

    @query("/internal/v1/progress", scope=OPERATE)
    def show_progress(self, db: Connection, call: Call[None]) -> Reply:
        """Show how far the log and each of its readers have come."""
        del call
        return Reply(body=progress(db))

    @query("/internal/v1/parked", scope=OPERATE, query=ParkedWanted)
    def list_parked(self, db: Connection, call: Call[None]) -> Reply:
        """List the events that wait for another try or for a person, page by page."""
        return internal_routes.parked_page(db, call)

    @query("/internal/v1/parked/audit", scope=OPERATE, query=AuditWanted)
    def list_parked_audit(self, db: Connection, call: Call[None]) -> Reply:
        """List what people did to parked events, the newest first, page by page."""
        return internal_routes.parked_audit_page(db, call)

    @query("/internal/v1/parked/<subscription>/<int:position>", scope=OPERATE)
    def show_parked(self, db: Connection, call: Call[None]) -> Reply:
        """Show one parked event with its error and trace."""
        waiting = parked.show(db, call.path["subscription"], call.path["position"])
        return Reply(body={**parked_view(waiting), "trace": waiting.trace})

    @command(
        "/internal/v1/parked/<subscription>/<int:position>/retry",
        scope=OPERATE,
        status=200,
        audit="parked.retry",
    )
    def retry_parked(self, work: UnitOfWork, call: Call[None]) -> Reply:
        """Try one parked event again at once."""
        subscription, position = call.path["subscription"], call.path["position"]
        parked_audit.retry(work.db, subscription, position, now=_wall.now())
        return Reply(body={"retried": 1})

    @command(
        "/internal/v1/parked/retry",
        scope=OPERATE,
        status=200,
        body=RetryAll,
        audit="parked.retry_all",
    )
    def retry_all_parked(self, work: UnitOfWork, call: Call[RetryAll]) -> Reply:
        """Try every parked event with a certain error again at once."""
        count = parked_audit.retry_all(
            work.db,
            error=call.body.error,
            subscription=call.body.subscription,
            now=_wall.now(),
        )
        return Reply(body={"retried": count})

    @command(
        "/internal/v1/parked/<subscription>/<int:position>/skip",
        scope=OPERATE,
        status=200,
        body=Skip,
        audit="parked.skip",
    )
    def skip_parked(self, work: UnitOfWork, call: Call[Skip]) -> Reply:
        """Give one parked event up, for a reason that is kept."""
        parked_audit.skip(
            work.db,
            call.path["subscription"],
            call.path["position"],
            now=_wall.now(),
        )
        return Reply(body={"skipped": 1})
