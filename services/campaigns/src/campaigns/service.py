"""campaigns' door: what it answers and what it listens to."""

from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Connection
from werkzeug.http import dump_cookie, parse_cookie

from campaigns import handlers, imports, links, messages, replies, reports, subjects, views
from chassis.entrypoints import command, query
from chassis.http import IMPORT_SCOPE
from chassis.quotas import hearing
from chassis.reactions import Received
from chassis.routes import Call, Reply
from chassis.service_edge import ServiceEdge
from chassis.subscribe import subscribe
from chassis.unit_of_work import UnitOfWork

READ, WRITE, APPROVE = "campaigns.read", "campaigns.write", "campaigns.approve"
VISITOR_COOKIE, VISITOR_SECONDS = "sixfold_visitor", 30 * 24 * 3600
IMPORT_BYTES = 4 << 20


class CampaignsService(ServiceEdge):
    """Translate requests into use cases.  No rules live here."""

    name: ClassVar[str] = "campaigns"  # type: ignore[misc]  # nameko reads it from the class

    @command("/v1/contents", scope=WRITE, body=messages.Draft, reply=replies.Created)
    def draft_content(self, work: UnitOfWork, call: Call[messages.Draft]) -> Reply:
        """Write a content down, under exactly one face."""
        content_id, version = handlers.draft_content(work, call.body)
        return Reply(body=replies.Created(id=str(content_id)), version=version)

    @query("/v1/contents", scope=READ, query=messages.Page, reply=replies.ContentPage)
    def list_contents(self, db: Connection, call: Call[None]) -> Reply:
        """List the content calendar with its checks."""
        return Reply(body=views.content_page(db, call.tenant, call.query, call.cursors))

    @query("/v1/contents/<uuid:content_id>", scope=READ, reply=replies.ContentView)
    def show_content(self, db: Connection, call: Call[None]) -> Reply:
        """Show a content with its check and where it went out."""
        view, version = views.content_view(db, call.tenant, call.path["content_id"])
        return Reply(body=view, version=version)

    @command(
        "/v1/contents/<uuid:content_id>/checks",
        scope=WRITE,
        body=messages.Moment,
        reply=replies.Checked,
    )
    def check_content(self, work: UnitOfWork, call: Call[messages.Moment]) -> Reply:
        """Hold the rules of the moment against a content."""
        done = handlers.check_content(work, _content_id(call), expected_version=call.if_match)
        checked = replies.Checked(passed=done.state.passed, problems=done.state.problems)
        return Reply(body=checked, version=done.version)

    @command("/v1/contents/<uuid:content_id>/approvals", scope=APPROVE, body=messages.Moment)
    def approve_content(self, work: UnitOfWork, call: Call[messages.Moment]) -> Reply:
        """Let a content out that somebody else drafted and that passed its check."""
        content_id, seen = _content_id(call), call.if_match
        return Reply(version=handlers.approve_content(work, content_id, expected_version=seen))

    @command(
        "/v1/contents/<uuid:content_id>/publications",
        scope=WRITE,
        body=messages.Publication,
        reply=replies.Published,
    )
    def publish_content(self, work: UnitOfWork, call: Call[messages.Publication]) -> Reply:
        """Put a content into a slot of a platform; the same slot again is the same post."""
        token, version = handlers.publish_content(
            work, _content_id(call), call.body, expected_version=call.if_match
        )
        return Reply(body=replies.Published(link_token=token), version=version)

    @command(
        "/v1/contents/<uuid:content_id>/withdrawals",
        scope=WRITE,
        body=messages.Withdrawal,
        promised=True,
    )
    def withdraw_content(self, work: UnitOfWork, call: Call[messages.Withdrawal]) -> Reply:
        """Take a content back; its tracked links lead nowhere from now on."""
        content_id, seen = _content_id(call), call.if_match
        version = handlers.withdraw_content(
            work, content_id, reason=call.body.reason, expected_version=seen
        )
        return Reply(version=version)

    @command("/v1/length-limits", scope=APPROVE, body=messages.NewLimit)
    def set_length_limit(self, work: UnitOfWork, call: Call[messages.NewLimit]) -> Reply:
        """Tell how long a post may be on a platform from a moment on."""
        handlers.set_length_limit(work, call.body)
        return Reply()

    @command(
        "/r/<token>",
        method="GET",
        status=302,
        tenant_signed=links.tenant_of_request,
        open_query=True,
        actor="visitor",
    )
    def follow_link(self, work: UnitOfWork, call: Call[Any]) -> Reply:
        """Lead a visitor to a published link's target, and note the touch."""
        visitor = _visitor(call) or work.context.command_id
        link = handlers.follow_link(work, call.path["token"], visitor=visitor)
        cookie = dump_cookie(
            VISITOR_COOKIE,
            str(visitor),
            max_age=VISITOR_SECONDS,
            path=links.PREFIX,
            secure=True,
            httponly=True,
            samesite="Lax",
        )
        return Reply(headers={"Location": link.target, "Set-Cookie": cookie})

    @command("/v1/touches", scope=WRITE, body=messages.NewTouch, reply=replies.Created)
    def record_touch(self, work: UnitOfWork, call: Call[messages.NewTouch]) -> Reply:
        """Write down that somebody met the brand."""
        return Reply(body=replies.Created(id=str(handlers.record_touch(work, call.body))))

    @command(
        "/v1/imports/touches",
        scope=WRITE,
        audit="touches.import",
        body=messages.Rows,
        reply=replies.Imported,
        status=200,
        body_bytes=IMPORT_BYTES,
    )
    def import_touches(self, work: UnitOfWork, call: Call[messages.Rows]) -> Reply:
        """Record many touches at their own moments; rows that are known add nothing."""
        call.claims.require(IMPORT_SCOPE)
        return Reply(body=imports.import_rows(work, imports.TOUCHES, call.body.rows))

    @command(
        "/v1/imports/sessions",
        scope=WRITE,
        audit="sessions.import",
        body=messages.Rows,
        reply=replies.Imported,
        status=200,
        body_bytes=IMPORT_BYTES,
    )
    def import_sessions(self, work: UnitOfWork, call: Call[messages.Rows]) -> Reply:
        """Record many visits to the shop; rows that are known add nothing."""
        call.claims.require(IMPORT_SCOPE)
        return Reply(body=imports.import_rows(work, imports.SESSIONS, call.body.rows))

    @command("/v1/spend", scope=WRITE, body=messages.Spend)
    def record_spend(self, work: UnitOfWork, call: Call[messages.Spend]) -> Reply:
        """Write down what an ad cost on a day; the same figures again add nothing."""
        handlers.record_spend(work, call.body)
        return Reply()

    @query("/v1/attribution", scope=READ, query=messages.OfOrder, reply=replies.AttributionView)
    def show_attribution(self, db: Connection, call: Call[None]) -> Reply:
        """Show which touches got credit for an order, and what other models would say."""
        return Reply(body=views.attribution_view(db, call.tenant, call.query.order_id))

    @query(
        "/v1/reports/channels",
        scope=READ,
        query=messages.Period,
        reply=replies.ChannelFigures,
        many=True,
    )
    def report_channels(self, db: Connection, call: Call[None]) -> Reply:
        """Report touches, orders, revenue and spend by channel."""
        return Reply(body=reports.channel_figures(db, call.tenant, call.query))

    @query(
        "/v1/reports/faces",
        scope=READ,
        query=messages.Period,
        reply=replies.FaceFigures,
        many=True,
    )
    def report_faces(self, db: Connection, call: Call[None]) -> Reply:
        """Report how what was published divides into the four faces."""
        return Reply(body=reports.face_figures(db, call.tenant, call.query))

    @subscribe("identity", "tenant_created")
    def on_tenant_created(self, work: UnitOfWork, received: Received) -> None:
        """Keep a tenant's zone, money and country."""
        told = received.data
        handlers.remember_tenant(work, zone=told.zone, currency=told.currency, country=told.country)

    @subscribe("identity", "tenant_quotas_set")
    def on_tenant_quotas_set(self, work: UnitOfWork, received: Received) -> None:
        """Keep how much a tenant may do."""
        hearing.hear(work, zone=received.data.zone, limits=received.data.limits)

    @subscribe("identity", "account_linked")
    def on_account_linked(self, work: UnitOfWork, received: Received) -> None:
        """Count an account's touches as its person's."""
        told = received.data
        subjects.remember_account(work, account_id=told.account_id, person_id=told.person_id)

    @subscribe("identity", "persons_merged")
    def on_persons_merged(self, work: UnitOfWork, received: Received) -> None:
        """Count two persons' touches as one person's."""
        told = received.data
        subjects.remember_merge(work, survivor=told.survivor, absorbed=told.absorbed)

    @subscribe("identity", "erasure_requested")
    def on_erasure_requested(self, work: UnitOfWork, received: Received) -> None:
        """Forget whose touches somebody's were."""
        told = received.data
        handlers.erase_subjects(work, request_id=told.request_id, subject_ids=told.subjects)

    @subscribe("commerce", "order_placed")
    def on_order_placed(self, work: UnitOfWork, received: Received) -> None:
        """Keep the moment after which no touch counts for the order."""
        told = received.data
        handlers.remember_order(
            work,
            order_id=told.order_id,
            person_id=told.person_id,
            at=received.envelope.occurred_at,
        )

    @subscribe("commerce", "order_confirmed")
    def on_order_confirmed(self, work: UnitOfWork, received: Received) -> None:
        """Give the touches before a certain order their credit."""
        told = received.data
        handlers.attribute_order(
            work,
            order_id=told.order_id,
            person_id=told.person_id,
            amount=told.total,
            touch=told.origin.touch if told.origin else None,
        )

    @subscribe("commerce", "order_cancelled")
    def on_order_cancelled(self, work: UnitOfWork, received: Received) -> None:
        """Take all credit for an undone order back."""
        handlers.cancel_order(work, order_id=received.data.order_id)

    @subscribe("commerce", "payment_refunded")
    def on_payment_refunded(self, work: UnitOfWork, received: Received) -> None:
        """Take back the part of the credit for which money went back."""
        told = received.data
        handlers.refund_order(work, order_id=told.order_id, amount=told.amount)


def _content_id(call: Call[Any]) -> UUID:
    content_id: UUID = call.path["content_id"]
    return content_id


def _visitor(call: Call[Any]) -> UUID | None:
    """Return the id that we gave this browser before; of another form, it is not from us."""
    try:
        return UUID(parse_cookie(call.headers.get("Cookie")).get(VISITOR_COOKIE, ""))
    except ValueError:
        return None
