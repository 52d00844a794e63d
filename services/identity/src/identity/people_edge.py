"""The part of identity's door that is about persons, their consent and their memberships."""

from uuid import UUID

from sqlalchemy import Connection

from chassis.entrypoints import command, query
from chassis.routes import Call, Reply
from chassis.unit_of_work import UnitOfWork
from identity import enrolling, forgetting, linking, merging, messages, queries, verifying, views

REVIEW = "identity.review"
_ACCEPTED = 202


class PeopleEdge:
    """Persons: known, linked, merged, consenting, members, forgotten."""

    @command(
        "/v1/persons", scope="identity.write", body=messages.PersonBody, reply=messages.PersonRef
    )
    def register_person(self, work: UnitOfWork, call: Call[messages.PersonBody]) -> Reply:
        """Note that there is somebody, with the account or the address that they named."""
        body = call.body
        person_id = linking.register_person(work, origin=body.origin)
        if body.account_id is not None:
            linking.link_account(
                work,
                person_id=person_id,
                account_id=body.account_id,
                evidence=linking.evidence_of(body.evidence),
                rule="registration",
            )
        if body.email is not None:
            merging.declare_email(work, person_id=person_id, address=body.email)
        return Reply(body=messages.PersonRef(person_id=person_id))

    @query(
        "/v1/persons/<uuid:person_id>",
        scope="identity.read",
        reply=views.Person360,
        audit="person.read",
    )
    def show_person(self, db: Connection, call: Call[None]) -> Reply:
        """Show one person: handles with evidence, phones by level, membership, consents."""
        return Reply(body=views.person_360(views.reader(db, call), call.path["person_id"]))

    @command(
        "/v1/persons/<uuid:person_id>/accounts",
        scope="identity.write",
        status=204,
        body=messages.LinkBody,
    )
    def link_account(self, work: UnitOfWork, call: Call[messages.LinkBody]) -> Reply:
        """Take an account for a person's."""
        linking.link_account(
            work,
            person_id=call.path["person_id"],
            account_id=call.body.account_id,
            evidence=call.body.evidence,
            rule=call.body.rule,
        )
        return Reply()

    @command(
        "/v1/persons/<uuid:person_id>/emails",
        scope="identity.write",
        status=204,
        body=messages.EmailBody,
    )
    def declare_email(self, work: UnitOfWork, call: Call[messages.EmailBody]) -> Reply:
        """Note an address that a person named."""
        merging.declare_email(work, person_id=call.path["person_id"], address=call.body.address)
        return Reply()

    @command(
        "/v1/persons/matches",
        scope="identity.read",
        status=200,
        body=messages.MatchBody,
        reply=messages.MatchView,
    )
    def match_person(self, work: UnitOfWork, call: Call[messages.MatchBody]) -> Reply:
        """Find who somebody is by what they gave; a phone outranks an e-mail address."""
        body = call.body
        match = verifying.match(work, number=body.number, region=body.region, email=body.email)
        return Reply(body=messages.MatchView(person_id=match.person_id, by=match.by))

    @command(
        "/v1/persons/<uuid:person_id>/consents",
        scope="identity.write",
        status=204,
        body=messages.ConsentBody,
    )
    def grant_consent(self, work: UnitOfWork, call: Call[messages.ConsentBody]) -> Reply:
        """Note that a person agrees to be reached for a purpose over a channel."""
        enrolling.grant_consent(
            work,
            person_id=call.path["person_id"],
            purpose=call.body.purpose,
            channel=call.body.channel,
            basis=call.body.basis,
            text_version=call.body.text_version,
            proof=call.body.proof,
        )
        return Reply()

    @command(
        "/v1/persons/<uuid:person_id>/consents/withdrawals",
        scope="identity.write",
        status=204,
        body=messages.WithdrawalBody,
        promised=True,
    )
    def withdraw_consent(self, work: UnitOfWork, call: Call[messages.WithdrawalBody]) -> Reply:
        """Note that a person does not agree, or no longer does."""
        enrolling.withdraw_consent(
            work,
            person_id=call.path["person_id"],
            purpose=call.body.purpose,
            channel=call.body.channel,
        )
        return Reply()

    @query(
        "/v1/persons/<uuid:person_id>/consents",
        scope="identity.read",
        reply=messages.ConsentView,
        many=True,
    )
    def list_consents(self, db: Connection, call: Call[None]) -> Reply:
        """List everything a person said about being reached, oldest first."""
        today = queries.survivor_of(db, call.tenant, call.path["person_id"])
        kin = queries.kin_of(db, call.tenant, today)
        lines = queries.list_consents(db, call.tenant, kin)
        return Reply(body=[messages.consent_view(line) for line in lines])

    @command(
        "/v1/persons/<uuid:person_id>/memberships",
        scope="identity.write",
        body=messages.MembershipBody,
        reply=messages.MemberRef,
    )
    def enrol_member(self, work: UnitOfWork, call: Call[messages.MembershipBody]) -> Reply:
        """Make a member of a person who can be reached and agreed to it."""
        member_id = enrolling.enrol_member(
            work,
            person_id=call.path["person_id"],
            programme=call.body.programme,
            from_account=call.body.from_account,
            campaign_id=call.body.campaign_id,
        )
        return Reply(body=messages.MemberRef(member_id=member_id))

    @command(
        "/v1/persons/merges",
        scope="identity.write",
        audit="person.merge",
        audit_with=REVIEW,
        status=200,
        body=messages.MergeBody,
        reply=messages.MergeView,
    )
    def merge_persons(self, work: UnitOfWork, call: Call[messages.MergeBody]) -> Reply:
        """Join two persons, or queue them for a reviewer; with a proposal, be the reviewer."""
        body = call.body
        if body.proposal_id is None:
            joined = merging.merge_or_propose(
                work, first=body.a, second=body.b, rule="requested", score=merging.REQUESTED
            )
        else:
            call.claims.require(REVIEW)
            joined = merging.approve_merge(
                work,
                first=body.a,
                second=body.b,
                proposal_id=body.proposal_id,
                approver=call.claims.actor,
            )
        view = messages.merge_view(joined)
        return Reply(body=view, status=None if joined.merged else _ACCEPTED)

    @query("/v1/persons/merges", scope=REVIEW, reply=messages.ReviewView, many=True)
    def list_reviews(self, db: Connection, call: Call[None]) -> Reply:
        """List the pairs that wait for a reviewer, the likeliest first."""
        waiting = queries.list_reviews(db, call.tenant)
        return Reply(body=[messages.review_view(pair) for pair in waiting])

    @command(
        "/v1/persons/<uuid:person_id>/splits",
        scope=REVIEW,
        audit="person.split",
        body=messages.SplitBody,
        reply=messages.PersonRef,
    )
    def split_person(self, work: UnitOfWork, call: Call[messages.SplitBody]) -> Reply:
        """Undo one merge exactly and return who is themselves again."""
        freed: UUID = merging.split(
            work, person_id=call.path["person_id"], link_id=call.body.link_id
        )
        return Reply(body=messages.PersonRef(person_id=freed))

    @command(
        "/v1/persons/<uuid:person_id>/erasure",
        scope="identity.erase",
        audit="person.erase",
        status=202,
        reply=messages.ErasureRef,
        promised=True,
    )
    def request_erasure(self, work: UnitOfWork, call: Call[None]) -> Reply:
        """Ask every service to forget a person."""
        request_id = forgetting.request_erasure(work, person_id=call.path["person_id"])
        return Reply(body=messages.ErasureRef(request_id=request_id))

    @query("/v1/erasures/<uuid:request_id>", scope="identity.erase", reply=views.ErasureView)
    def show_erasure(self, db: Connection, call: Call[None]) -> Reply:
        """Show how far a request to be forgotten is."""
        return Reply(body=views.erasure(views.reader(db, call), call.path["request_id"]))
