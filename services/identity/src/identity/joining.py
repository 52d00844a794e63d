"""The process from a fan over a phone to a member (S2), with what happens when it stops halfway.

A code that expires links nothing.  A number that is verified as somebody else's makes the two one
person, or a case for a reviewer.  Who refuses consent stays a fan, and the link is withdrawn.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import assert_never
from uuid import UUID

from chassis.processes import Process, Reaction, Refused, UseCase
from chassis.timers import TimerFired
from identity import enrolling, linking, merging
from identity.contact_events import (
    ConsentGranted,
    ConsentWithdrawn,
    MemberEnrolled,
    PhoneClaimed,
    PhoneContested,
    PhoneVerified,
)
from identity.events import PersonsMerged
from identity.membership import ENROLLING

RULE = "phone_code"


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """Where a number was entered: by which account, for which programme."""

    account_id: UUID | None = None
    programme: str | None = None
    campaign_id: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Joining:
    """How far a person has come.

    Args:
        forms: The forms in which they entered numbers, by number.
        proven: The form of the number that they proved to hold.
        consented: Whether they agreed to marketing or service.
        member: Whether they have joined.
    """

    forms: Mapping[str, Form] = field(default_factory=dict)
    proven: Form | None = None
    consented: bool = False
    member: bool = False


Trigger = (
    PhoneClaimed
    | PhoneVerified
    | PhoneContested
    | ConsentGranted
    | ConsentWithdrawn
    | MemberEnrolled
    | PersonsMerged
    | TimerFired
    | Refused
)


def person_of(trigger: Trigger) -> str | None:
    """Return whose way to membership an event belongs to."""
    match trigger:
        case PhoneContested():
            return str(trigger.challenger)
        case PersonsMerged():
            return str(trigger.absorbed)
        case TimerFired() | Refused():
            return None
        case _:
            return str(trigger.person_id)


def react(state: Joining, trigger: Trigger) -> Reaction[Joining]:  # noqa: PLR0911  # one arm each
    """Take the next step that has become possible."""
    match trigger:
        case PhoneClaimed():
            return Reaction(state=_filled(state, trigger))
        case PhoneVerified():
            return _proven(state, trigger.phone_id, trigger.person_id)
        case PhoneContested():
            return _contested(state, trigger)
        case ConsentGranted():
            return _agreed(state, trigger)
        case ConsentWithdrawn():
            return _refused_consent(state, trigger)
        case MemberEnrolled():
            return Reaction(state=replace(state, member=True), finished=True)
        case PersonsMerged():
            # What they agreed to and proved counts for the person they are now.
            return Reaction(state=state, steps=_enrol(state, trigger.absorbed), finished=True)
        case Refused():
            return _after_refusal(state, trigger)
        case TimerFired():
            return Reaction(state=state)
        case _:
            assert_never(trigger)


def _filled(state: Joining, claimed: PhoneClaimed) -> Joining:
    form = Form(
        account_id=claimed.account_id,
        programme=claimed.programme,
        campaign_id=claimed.campaign_id,
    )
    return replace(state, forms={**state.forms, str(claimed.phone_id): form})


def _proven(state: Joining, phone_id: UUID, person_id: UUID) -> Reaction[Joining]:
    proven = replace(state, proven=state.forms.get(str(phone_id), state.proven or Form()))
    return Reaction(
        state=proven,
        steps=[*_link(proven, person_id), *_enrol(proven, person_id)],
        finished=proven.member,
    )


def _contested(state: Joining, contested: PhoneContested) -> Reaction[Joining]:
    """Both received a code on the number within its validity, so they share it: join them."""
    proven = replace(state, proven=state.forms.get(str(contested.phone_id), Form()))
    join = UseCase(
        name="join",
        run=partial(
            merging.merge_or_propose,
            first=contested.holder,
            second=contested.challenger,
            rule="same_phone",
            score=merging.SAME_PHONE,
        ),
    )
    return Reaction(state=proven, steps=[*_link(proven, contested.challenger), join])


def _agreed(state: Joining, granted: ConsentGranted) -> Reaction[Joining]:
    if granted.purpose not in ENROLLING:
        return Reaction(state=state, finished=state.member)
    agreed = replace(state, consented=True)
    return Reaction(state=agreed, steps=_enrol(agreed, granted.person_id), finished=agreed.member)


def _refused_consent(state: Joining, withdrawn: ConsentWithdrawn) -> Reaction[Joining]:
    if withdrawn.purpose not in ENROLLING or state.consented or state.member:
        return Reaction(state=state, finished=state.member)
    if state.proven is None or state.proven.account_id is None:
        return Reaction(state=state)
    unlink = UseCase(
        name="unlink",
        run=partial(
            linking.unlink_account,
            account_id=state.proven.account_id,
            reason="consent_refused",
        ),
    )
    return Reaction(state=state, steps=[unlink])


def _after_refusal(state: Joining, refused: Refused) -> Reaction[Joining]:
    # A refused enrolment waits for the next consent or code; a refused link is for a reviewer,
    # who was asked by the step itself.
    del refused
    return Reaction(state=state, finished=state.member)


def _link(state: Joining, person_id: UUID) -> list[UseCase]:
    form = state.proven
    if form is None or form.account_id is None:
        return []
    run = partial(
        merging.link_or_propose,
        person_id=person_id,
        account_id=form.account_id,
        evidence=linking.evidence_of("otp"),
        rule=RULE,
    )
    return [UseCase(name="link", run=run)]


def _enrol(state: Joining, person_id: UUID) -> list[UseCase]:
    form = state.proven
    if form is None or form.programme is None or not state.consented or state.member:
        return []
    run = partial(
        enrolling.enrol_member,
        person_id=person_id,
        programme=form.programme,
        from_account=form.account_id,
        campaign_id=form.campaign_id,
    )
    return [UseCase(name="enrol", run=run)]


JOINING = Process(
    name="joining",
    initial=Joining(),
    triggers=(
        PhoneClaimed,
        PhoneVerified,
        PhoneContested,
        ConsentGranted,
        ConsentWithdrawn,
        MemberEnrolled,
        PersonsMerged,
    ),
    key_of=person_of,
    react=react,
)
