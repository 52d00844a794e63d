"""identity's door for tenants: what a company is served on, and how much it may do."""

from sqlalchemy import Connection

from chassis.entrypoints import command, query
from chassis.routes import OPERATE, Call, Reply
from chassis.unit_of_work import UnitOfWork
from identity import tenant_messages, views
from identity.tenant import TENANT, CreateTenant, ReviseTenant, SetTenantQuotas, TenantUnknown

LIMITS = "/internal/v1/tenants/<tenant_id>/limits"


class TenantsEdge:
    """Routes about the tenant itself.  No rules live here."""

    @command(
        "/v1/tenants",
        scope="platform.admin",
        audit="tenant.create",
        body=tenant_messages.TenantBody,
        reply=tenant_messages.TenantView,
        promised=True,
    )
    def create_tenant(self, work: UnitOfWork, call: Call[tenant_messages.TenantBody]) -> Reply:
        """Take a company in; its id is the token's tenant."""
        create = CreateTenant(tenant_id=call.tenant, terms=call.body.terms)
        done = work.execute(TENANT, call.tenant, create)
        return Reply(
            body=tenant_messages.tenant_view(call.tenant, done.state), version=done.version
        )

    @query("/v1/tenants/me", scope="identity.read", reply=tenant_messages.TenantView)
    def show_tenant(self, db: Connection, call: Call[None]) -> Reply:
        """Show the caller's own tenant."""
        events = views.reader(db, call).events(TENANT, call.tenant)
        if not events:
            raise TenantUnknown(call.tenant)
        tenant = TENANT.fold(events)
        return Reply(body=tenant_messages.tenant_view(call.tenant, tenant), version=len(events))

    @command(
        "/v1/tenants/me",
        method="PUT",
        status=200,
        scope="tenant.admin",
        audit="tenant.change",
        requires_match=True,
        body=tenant_messages.TenantBody,
        reply=tenant_messages.TenantView,
    )
    def revise_tenant(self, work: UnitOfWork, call: Call[tenant_messages.TenantBody]) -> Reply:
        """Serve the caller's own tenant on other terms."""
        revise = ReviseTenant(tenant_id=call.tenant, terms=call.body.terms)
        done = work.execute(TENANT, call.tenant, revise, expected_version=call.if_match)
        return Reply(
            body=tenant_messages.tenant_view(call.tenant, done.state), version=done.version
        )

    @query(LIMITS, scope=OPERATE, reply=tenant_messages.TenantQuotasView, acts_for="tenant_id")
    def show_limits(self, db: Connection, call: Call[None]) -> Reply:
        """Show an operator what was set for a tenant."""
        events = views.reader(db, call).events(TENANT, call.tenant)
        view = tenant_messages.quotas_view(call.tenant, TENANT.fold(events))
        return Reply(body=view, version=len(events))

    @command(
        LIMITS,
        method="PUT",
        status=200,
        scope=OPERATE,
        audit="tenant.limit",
        requires_match=True,
        body=tenant_messages.QuotasBody,
        reply=tenant_messages.TenantQuotasView,
        acts_for="tenant_id",
    )
    def set_limits(self, work: UnitOfWork, call: Call[tenant_messages.QuotasBody]) -> Reply:
        """Say how much a tenant may do, in place of what was said before."""
        wanted = SetTenantQuotas(
            tenant_id=call.tenant, limits=call.body.named, reason=call.body.reason
        )
        done = work.execute(TENANT, call.tenant, wanted, expected_version=call.if_match)
        view = tenant_messages.quotas_view(call.tenant, done.state)
        return Reply(body=view, version=done.version)
