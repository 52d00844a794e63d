"""identity's door: translation between the outside and the use cases.  No rules live here."""

from sqlalchemy import Connection

from chassis.entrypoints import command, query
from chassis.reactions import Received
from chassis.routes import Call, Reply
from chassis.service_edge import ServiceEdge
from chassis.subscribe import subscribe
from chassis.unit_of_work import UnitOfWork
from identity import forgetting, importing, observing, queries, tenant_messages, upstream
from identity.account import AccountUnknown
from identity.people_edge import PeopleEdge
from identity.phones_edge import PhonesEdge
from identity.tenants_edge import TenantsEdge


class IdentityService(PeopleEdge, PhonesEdge, TenantsEdge, ServiceEdge):
    """Who there is: tenants, accounts, persons, phones, members."""

    name = "identity"

    @command(
        "/v1/follows",
        scope="identity.write",
        body=tenant_messages.FollowBody,
        reply=tenant_messages.AccountRef,
    )
    def record_follow(self, work: UnitOfWork, call: Call[tenant_messages.FollowBody]) -> Reply:
        """Note that an account follows one of the brand's pages."""
        body = call.body
        account_id = observing.observe_account(
            work,
            platform=body.platform,
            platform_user_id=body.platform_user_id,
            name=body.name,
            profile=body.profile,
        )
        observing.record_follow(
            work,
            account_id=account_id,
            property_id=body.property_id,
            topic=body.topic,
            source_content_id=body.source_content_id,
            at=work.now,
        )
        return Reply(body=tenant_messages.AccountRef(account_id=account_id))

    @command(
        "/v1/unfollows",
        scope="identity.write",
        body=tenant_messages.UnfollowBody,
        reply=tenant_messages.AccountRef,
    )
    def record_unfollow(self, work: UnitOfWork, call: Call[tenant_messages.UnfollowBody]) -> Reply:
        """Note that an account no longer follows one of the brand's pages."""
        account_id = observing.record_unfollow(
            work,
            platform=call.body.platform,
            platform_user_id=call.body.platform_user_id,
            property_id=call.body.property_id,
            at=work.now,
        )
        return Reply(body=tenant_messages.AccountRef(account_id=account_id))

    @query(
        "/v1/accounts/lookup",
        scope="identity.read",
        query=tenant_messages.Handle,
        reply=tenant_messages.AccountView,
    )
    def find_account(self, db: Connection, call: Call[None]) -> Reply:
        """Find an account by its handle, and whose it is."""
        handle: tenant_messages.Handle = call.query
        account_id = queries.find(
            db, call.secret, call.tenant, "account", f"{handle.platform}/{handle.platform_user_id}"
        )
        if account_id is None:
            raise AccountUnknown
        owner = queries.owner_of(db, call.tenant, account_id)
        today = owner and queries.survivor_of(db, call.tenant, owner)
        return Reply(body=tenant_messages.AccountView(account_id=account_id, person_id=today))

    @command(
        "/v1/imports/people",
        scope="import",
        audit="people.import",
        body=tenant_messages.ImportBody,
        reply=tenant_messages.ImportView,
        status=200,
    )
    def import_people(self, work: UnitOfWork, call: Call[tenant_messages.ImportBody]) -> Reply:
        """Take in up to 500 followers, each through the same rules as a single one."""
        results = importing.import_people(work, call.body.rows)
        return Reply(body=tenant_messages.import_view(results))

    @query("/v1/funnel", scope="identity.read", reply=tenant_messages.FunnelView)
    def show_funnel(self, db: Connection, call: Call[None]) -> Reply:
        """Count how many came how far, from fan to member."""
        return Reply(body=tenant_messages.FunnelView(**queries.count_funnel(db, call.tenant)))

    @subscribe("listening", "mention_detected")
    def on_mention_detected(self, work: UnitOfWork, received: Received) -> None:
        """Note who speaks of the brand, also before they follow it."""
        mention: upstream.MentionDetected = received.data
        observing.observe_author(work, account_id=mention.author_account, platform=mention.platform)

    @subscribe("commerce", "order_confirmed")
    def on_order_confirmed(self, work: UnitOfWork, received: Received) -> None:
        """Note that somebody is a customer from now on."""
        order: upstream.OrderConfirmed = received.data
        observing.note_customer(work, buyer=order.person_id, order_id=order.order_id)

    @subscribe("listening", "erasure_confirmed")
    def on_listening_forgot(self, work: UnitOfWork, received: Received) -> None:
        """Note that listening has forgotten a person."""
        forgetting.acknowledge(work, request_id=received.data.request_id, service="listening")

    @subscribe("campaigns", "erasure_confirmed")
    def on_campaigns_forgot(self, work: UnitOfWork, received: Received) -> None:
        """Note that campaigns has forgotten a person."""
        forgetting.acknowledge(work, request_id=received.data.request_id, service="campaigns")

    @subscribe("commerce", "erasure_confirmed")
    def on_commerce_forgot(self, work: UnitOfWork, received: Received) -> None:
        """Note that commerce has forgotten a person."""
        forgetting.acknowledge(work, request_id=received.data.request_id, service="commerce")

    @subscribe("loop", "erasure_confirmed")
    def on_loop_forgot(self, work: UnitOfWork, received: Received) -> None:
        """Note that the loop has forgotten a person."""
        forgetting.acknowledge(work, request_id=received.data.request_id, service="loop")
