"""Use cases around membership: what a person agrees to, and the programmes they join."""

from uuid import UUID

from chassis.ids import derived_id
from chassis.unit_of_work import UnitOfWork
from identity import linking, queries, verifying
from identity.membership import (
    MEMBERSHIP,
    EnrolMember,
    GrantConsent,
    Scope,
    WithdrawConsent,
)


def grant_consent(
    work: UnitOfWork,
    *,
    person_id: UUID,
    purpose: str,
    channel: str,
    basis: str,
    text_version: str,
    proof: str | None,
) -> None:
    """Note that a person agrees to be reached for a purpose over a channel."""
    person_id = linking.living(work, person_id)
    command = GrantConsent(
        person_id=person_id,
        purpose=purpose,
        channel=channel,
        basis=basis,
        text_version=text_version,
        proof=proof,
    )
    work.execute(MEMBERSHIP, person_id, command)


def withdraw_consent(work: UnitOfWork, *, person_id: UUID, purpose: str, channel: str) -> None:
    """Note that a person does not agree, or no longer does."""
    person_id = linking.living(work, person_id)
    command = WithdrawConsent(person_id=person_id, purpose=purpose, channel=channel)
    work.execute(MEMBERSHIP, person_id, command)


def enrol_member(
    work: UnitOfWork,
    *,
    person_id: UUID,
    programme: str,
    from_account: UUID | None,
    campaign_id: str | None,
) -> UUID:
    """Make a member of a person and return the membership's id, the same at every try.

    Raises:
        PhoneNotVerified: they hold no verified number now.
        ConsentMissing: they agreed to neither marketing nor service.
    """
    person_id = linking.living(work, person_id)
    kin = queries.kin_of(work.db, work.tenant, person_id)
    member_id = derived_id(work.tenant, "member", person_id, programme)
    command = EnrolMember(
        member_id=member_id,
        person_id=person_id,
        programme=programme,
        from_account=from_account,
        campaign_id=campaign_id,
        phone_verified=verifying.has_verified_phone(work, kin, work.now),
        inherited=_inherited(work, kin - {person_id}),
    )
    work.execute(MEMBERSHIP, person_id, command)
    return member_id


def _inherited(work: UnitOfWork, absorbed: frozenset[UUID]) -> dict[Scope, bool]:
    """Return what the absorbed said; where two of them differ, the refusal counts."""
    said: dict[Scope, bool] = {}
    for person_id in sorted(absorbed):
        for scope, given in work.load(MEMBERSHIP, person_id).state.consents.items():
            said[scope] = given and said.get(scope, True)
    return said
