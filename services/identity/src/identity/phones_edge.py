"""The part of identity's door that is about phones."""

from chassis.entrypoints import command
from chassis.routes import Call, Reply
from chassis.unit_of_work import UnitOfWork
from identity import linking, phone_messages, verifying

_CONFLICT = 409


class PhonesEdge:
    """Numbers: claimed, verified, attested, given up."""

    @command(
        "/v1/phones/claims",
        scope="identity.write",
        body=phone_messages.ClaimBody,
        reply=phone_messages.ClaimView,
    )
    def claim_phone(self, work: UnitOfWork, call: Call[phone_messages.ClaimBody]) -> Reply:
        """Note that a number is said to be somebody's: a known person's, or a new one's."""
        body = call.body
        person_id = body.person_id or linking.person_behind(work, account_id=body.account_id)
        claim = verifying.Claim(
            written=body.number,
            region=body.region,
            account_id=body.account_id,
            programme=body.programme,
            campaign_id=body.campaign_id,
        )
        claimed = verifying.claim_phone(work, person_id=person_id, claim=claim)
        return Reply(
            body=phone_messages.ClaimView(
                phone_id=claimed.phone_id,
                person_id=claimed.person_id,
                region=claimed.region,
                zone=claimed.zone,
            )
        )

    @command(
        "/v1/phones/look-up",
        scope="identity.look_up",
        audit="phone.look_up",
        status=200,
        body=phone_messages.LookUpBody,
        reply=phone_messages.LookUpView,
    )
    def look_up_phone(self, work: UnitOfWork, call: Call[phone_messages.LookUpBody]) -> Reply:
        """Say how a number is known, so that a till can name it without telling it; keep nothing.

        A POST although it only reads: the number must not be in an address, which is logged.
        """
        found = verifying.look_up(work, number=call.body.number, region=call.body.region)
        view = phone_messages.LookUpView(phone_id=found.phone_id, person_id=found.person_id)
        return Reply(body=view)

    @command(
        "/v1/phones/<uuid:phone_id>/verifications",
        scope="identity.write",
        rate="codes",
        body=phone_messages.VerificationBody,
        reply=phone_messages.VerificationView,
    )
    def start_verification(
        self, work: UnitOfWork, call: Call[phone_messages.VerificationBody]
    ) -> Reply:
        """Have a one-time code sent to a claimed number."""
        challenge = verifying.start_verification(
            work,
            phone_id=call.path["phone_id"],
            person_id=call.body.person_id,
            channel=call.body.channel,
        )
        return Reply(
            body=phone_messages.VerificationView(
                challenge_id=challenge.challenge_id,
                expires_at=challenge.expires_at,
                attempts_left=challenge.left,
            )
        )

    @command(
        "/v1/phones/<uuid:phone_id>/confirmations",
        scope="identity.write",
        status=200,
        body=phone_messages.ConfirmationBody,
        reply=phone_messages.ConfirmationView,
        promised=True,
    )
    def confirm_phone(self, work: UnitOfWork, call: Call[phone_messages.ConfirmationBody]) -> Reply:
        """Try a one-time code; a wrong one counts."""
        tried = verifying.confirm_phone(
            work,
            phone_id=call.path["phone_id"],
            person_id=call.body.person_id,
            code=call.body.code,
        )
        view = phone_messages.ConfirmationView(
            code=tried.outcome, person_id=tried.person_id, attempts_left=tried.left
        )
        return Reply(body=view, status=_CONFLICT if tried.outcome == "wrong_code" else None)

    @command(
        "/v1/phones/<uuid:phone_id>/attestations",
        scope="identity.review",
        status=204,
        audit="phone.attest",
    )
    def attest_phone(self, work: UnitOfWork, call: Call[None]) -> Reply:
        """Note that the operator's contract for a verified number names its holder."""
        verifying.attest_phone(work, phone_id=call.path["phone_id"])
        return Reply()

    @command(
        "/v1/phones/<uuid:phone_id>/reassignments",
        scope="identity.review",
        status=204,
        audit="phone.reassign",
    )
    def reassign_phone(self, work: UnitOfWork, call: Call[None]) -> Reply:
        """Decide that a contested number belongs to the one who proved to hold it last."""
        verifying.reassign_phone(work, phone_id=call.path["phone_id"])
        return Reply()

    @command(
        "/v1/phones/<uuid:phone_id>/releases",
        scope="identity.write",
        status=204,
        body=phone_messages.PersonOnPhone,
    )
    def release_phone(self, work: UnitOfWork, call: Call[phone_messages.PersonOnPhone]) -> Reply:
        """Take a number from a person, at their own wish."""
        verifying.release_phone(work, phone_id=call.path["phone_id"], person_id=call.body.person_id)
        return Reply()
