"""What one can ask of listening, and what it listens to.  No rules live here."""

from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from chassis import erasure
from chassis.entrypoints import command, query
from chassis.http import IMPORT_SCOPE
from chassis.quotas import hearing
from chassis.reactions import Received
from chassis.routes import Call, Reply
from chassis.service_edge import ServiceEdge
from chassis.subscribe import subscribe
from chassis.unit_of_work import UnitOfWork
from listening import answers, detection, handlers, messages, neighbours, queries
from listening.case import CASE
from listening.case_events import Organisation
from listening.sla_report import sla_report
from listening.watch import WATCH

READ, WRITE, REPLY = "listening.read", "listening.write", "listening.reply"
READ_PERSONAL = "listening.read.personal"
REPLY_AS_BRAND = "listening.reply.brand"
_IMPORT_BYTES = 16 << 20


class ListeningService(ServiceEdge):
    """Mentions, and the replies that are owed to them."""

    name = "listening"

    @command("/v1/watches", scope=WRITE, body=messages.WatchBody, reply=answers.WatchMade)
    def define_watch(self, work: UnitOfWork, call: Call[messages.WatchBody]) -> Reply:
        """Listen for a brand."""
        watch_id = handlers.define_watch(work, wanted=call.body)
        version = work.load(WATCH, watch_id).version
        return Reply(body=answers.WatchMade(watch_id=watch_id), version=version)

    @query("/v1/watches", scope=READ, reply=answers.WatchView, many=True)
    def list_watches(self, db: Connection, call: Call[None]) -> Reply:
        """List what the brands listen for."""
        return Reply(body=queries.list_watches(db, call.tenant))

    @command(
        "/v1/watches/<uuid:watch_id>/revisions",
        scope=WRITE,
        status=200,
        body=messages.WatchRevision,
        reply=answers.WatchMade,
    )
    def revise_watch(self, work: UnitOfWork, call: Call[messages.WatchRevision]) -> Reply:
        """Listen by other words from now on; a paused watch listens again."""
        watch_id: UUID = call.path["watch_id"]
        handlers.revise_watch(
            work, watch_id=watch_id, wanted=call.body, expected_version=call.if_match
        )
        version = work.load(WATCH, watch_id).version
        return Reply(body=answers.WatchMade(watch_id=watch_id), version=version)

    @command("/v1/watches/<uuid:watch_id>/pauses", scope=WRITE, status=200, reply=answers.WatchMade)
    def pause_watch(self, work: UnitOfWork, call: Call[None]) -> Reply:
        """Stop listening until the watch is revised."""
        watch_id: UUID = call.path["watch_id"]
        handlers.pause_watch(work, watch_id=watch_id, expected_version=call.if_match)
        version = work.load(WATCH, watch_id).version
        return Reply(body=answers.WatchMade(watch_id=watch_id), version=version)

    @command("/v1/personas", scope=WRITE, body=messages.PersonaBody, reply=answers.PersonaView)
    def register_persona(self, work: UnitOfWork, call: Call[messages.PersonaBody]) -> Reply:
        """Answer under one more name."""
        persona_id = handlers.register_persona(work, wanted=call.body)
        view = answers.PersonaView(
            persona_id=persona_id, brand=call.body.brand, name=call.body.name.strip()
        )
        return Reply(body=view)

    @query("/v1/personas", scope=READ, reply=answers.PersonaView, many=True)
    def list_personas(self, db: Connection, call: Call[None]) -> Reply:
        """List the names under which the brands answer."""
        return Reply(body=queries.list_personas(db, call.tenant))

    @command(
        "/v1/reply-policy",
        method="PUT",
        status=200,
        scope=WRITE,
        body=messages.PolicyBody,
        reply=answers.PolicyMade,
    )
    def change_reply_policy(self, work: UnitOfWork, call: Call[messages.PolicyBody]) -> Reply:
        """Promise other reply times to whom the brand discovers from now on."""
        version = handlers.change_reply_policy(work, wanted=call.body)
        return Reply(body=answers.PolicyMade(policy_v=version))

    @command("/v1/mentions", scope=WRITE, body=messages.MentionBody, reply=answers.MentionTaken)
    def detect_mention(self, work: UnitOfWork, call: Call[messages.MentionBody]) -> Reply:
        """Hand in one post; what no watch matches is counted, not kept."""
        return Reply(body=detection.detect(work, post=call.body))

    @command(
        "/v1/imports/mentions",
        scope=WRITE,
        audit="mentions.import",
        status=200,
        body=messages.MentionImport,
        reply=answers.ImportTaken,
        body_bytes=_IMPORT_BYTES,
    )
    def import_mentions(self, work: UnitOfWork, call: Call[messages.MentionImport]) -> Reply:
        """Hand in up to 1,000 posts of the past; a bad row is refused alone, by its number."""
        call.claims.require(IMPORT_SCOPE)
        return Reply(body=detection.import_mentions(work, rows=call.body.rows))

    @query(
        "/v1/mentions",
        scope=READ,
        query=messages.MentionQuery,
        reply=answers.MentionPage,
        audit="mentions.read_personal",
        audit_with=READ_PERSONAL,
    )
    def list_mentions(self, db: Connection, call: Call[None]) -> Reply:
        """List mentions, the newest first; what people wrote only for who may read it."""
        wanted: messages.MentionQuery = call.query
        after = call.cursors.read(wanted.cursor)
        rows = queries.list_mentions(db, call.tenant, wanted, after=after)
        shown, more = rows[: wanted.limit], len(rows) > wanted.limit
        opens = READ_PERSONAL in call.claims.scopes
        views = tuple(
            queries.mention_view(row, self._post(db, call, row["mention_id"]) if opens else None)
            for row in shown
        )
        place = queries.mention_place(shown[-1]) if more else None
        return Reply(
            body=answers.MentionPage(
                mentions=views, next=call.cursors.write(place) if place else None
            )
        )

    @query("/v1/cases", scope=READ, query=messages.CaseQuery, reply=answers.CasePage)
    def list_cases(self, db: Connection, call: Call[None]) -> Reply:
        """List the replies owed: complaints first, then the one that is due first."""
        wanted: messages.CaseQuery = call.query
        after = call.cursors.read(wanted.cursor)
        rows = queries.list_cases(db, call.tenant, wanted, after=after)
        shown, more = rows[: wanted.limit], len(rows) > wanted.limit
        views = tuple(map(queries.case_row, shown))
        return Reply(
            body=answers.CasePage(
                cases=views,
                next=call.cursors.write(queries.case_place(shown[-1])) if more else None,
            )
        )

    @query("/v1/cases/<uuid:case_id>", scope=READ, reply=answers.CaseView)
    def show_case(self, db: Connection, call: Call[None]) -> Reply:
        """Show one case; its ETag is what a reply may be made conditional on."""
        view, version = queries.show_case(db, call.tenant, call.path["case_id"])
        return Reply(body=view, version=version)

    @command(
        "/v1/cases/<uuid:case_id>/replies",
        scope=REPLY,
        body=messages.ReplyBody,
        reply=answers.ReplyTaken,
        promised=True,
    )
    def reply_to_case(self, work: UnitOfWork, call: Call[messages.ReplyBody]) -> Reply:
        """Answer a conversation under a persona; complaints only on behalf of the brand."""
        case: UUID = call.path["case_id"]
        reply_id = handlers.draft_reply(
            work,
            case=case,
            text=call.body.text,
            persona_id=call.body.persona_id,
            org=_organisation(call),
            sent_at=call.body.occurred_at,
            expected_version=call.if_match,
        )
        taken = answers.ReplyTaken(case_id=case, reply_id=reply_id)
        return Reply(body=taken, version=work.load(CASE, case).version)

    @command(
        "/v1/cases/<uuid:case_id>/resolutions",
        scope=REPLY,
        body=messages.ResolutionBody,
        promised=True,
    )
    def resolve_case(self, work: UnitOfWork, call: Call[messages.ResolutionBody]) -> Reply:
        """Close a case without a reply, and say why."""
        case: UUID = call.path["case_id"]
        handlers.resolve_case(
            work, case=case, outcome=call.body.outcome, expected_version=call.if_match
        )
        return Reply(version=work.load(CASE, case).version)

    @query("/v1/reports/sla", scope=READ, query=messages.SlaQuery, reply=answers.SlaReport)
    def report_sla(self, db: Connection, call: Call[None]) -> Reply:
        """Report attainment, coverage, latencies, and how soon mentions were discovered."""
        return Reply(body=sla_report(db, call.tenant, brand=call.query.brand))

    @subscribe("identity", "tenant_created", "tenant_revised")
    def on_tenant(self, work: UnitOfWork, received: Received) -> None:
        """Keep a tenant's wall clock and working days."""
        data = received.data
        neighbours.keep_tenant(work.db, work.tenant, zone=data.zone, country=data.country)

    @subscribe("identity", "tenant_quotas_set")
    def on_tenant_quotas_set(self, work: UnitOfWork, received: Received) -> None:
        """Keep how much a tenant may do."""
        hearing.hear(work, zone=received.data.zone, limits=received.data.limits)

    @subscribe("identity", "account_linked")
    def on_account_linked(self, work: UnitOfWork, received: Received) -> None:
        """Know an author as a person."""
        data = received.data
        neighbours.link_account(
            work.db, work.tenant, account_id=data.account_id, person_id=data.person_id
        )

    @subscribe("identity", "account_unlinked")
    def on_account_unlinked(self, work: UnitOfWork, received: Received) -> None:
        """Take an author for unknown again."""
        neighbours.unlink_account(work.db, work.tenant, account_id=received.data.account_id)

    @subscribe("identity", "persons_merged")
    def on_persons_merged(self, work: UnitOfWork, received: Received) -> None:
        """Know two persons as one."""
        data = received.data
        neighbours.merge_persons(
            work.db, work.tenant, survivor=data.survivor, absorbed=data.absorbed
        )

    @subscribe("identity", "member_enrolled")
    def on_member_enrolled(self, work: UnitOfWork, received: Received) -> None:
        """Know a person as a member."""
        data = received.data
        neighbours.keep_membership(
            work.db,
            work.tenant,
            member_id=data.member_id,
            person_id=data.person_id,
            programme=data.programme,
        )

    @subscribe("identity", "erasure_requested")
    def on_erasure_requested(self, work: UnitOfWork, received: Received) -> None:
        """Make everything personal of somebody unreadable here."""
        data = received.data
        erasure.erase(
            work,
            request_id=data.request_id,
            subjects=tuple(dict.fromkeys((*data.subjects, data.person_id))),
            forget=neighbours.forget_subjects,
        )

    @subscribe("commerce", "order_confirmed")
    def on_order_confirmed(self, work: UnitOfWork, received: Received) -> None:
        """Count one more order of a person."""
        data = received.data
        neighbours.keep_order(
            work.db, work.tenant, order_id=data.order_id, person_id=data.person_id
        )

    def _post(self, db: Connection, call: Call[None], mention_id: UUID) -> Any:
        return queries.post_of(db, call.tenant, mention_id, call.keys)


def _organisation(call: Call[Any]) -> Organisation:
    return "brand" if REPLY_AS_BRAND in call.claims.scopes else "agency"
