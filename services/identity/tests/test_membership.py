"""The rules of consent and membership."""

from dataclasses import replace

from chassis.testing.scenario import Scenario
from identity.contact_events import MembershipEvent
from identity.examples import ACCOUNT_ID, ENROLLED, GRANTED, LINK_ID, PERSON_ID, WITHDRAWN
from identity.membership import (
    MEMBERSHIP,
    ConsentMissing,
    EnrolMember,
    GrantConsent,
    Membership,
    MembershipCommand,
    PhoneNotVerified,
    WithdrawConsent,
)

GRANT = GrantConsent(
    person_id=PERSON_ID,
    purpose="marketing",
    channel="sms",
    basis="consent",
    text_version="2026-04",
    proof="form 7, box ticked",
)
WITHDRAW = WithdrawConsent(person_id=PERSON_ID, purpose="marketing", channel="sms")
ENROL = EnrolMember(
    member_id=LINK_ID,
    person_id=PERSON_ID,
    programme="readers",
    from_account=ACCOUNT_ID,
    campaign_id="spring",
    phone_verified=True,
)


def given(*history: MembershipEvent) -> Scenario[Membership, MembershipCommand, MembershipEvent]:
    return Scenario(MEMBERSHIP, history)


def test_a_yes_is_noted_with_the_text_that_it_was_given_to() -> None:
    """Nobody could prove what somebody agreed to."""
    given().when(GRANT).then(GRANTED)
    given(GRANTED).when(GRANT).then_nothing()


def test_a_new_text_needs_a_new_yes() -> None:
    """A changed text would count as agreed."""
    newer = replace(GRANT, text_version="2026-05")

    given(GRANTED).when(newer).then(replace(GRANTED, text_version="2026-05"))


def test_a_no_is_noted_also_when_it_comes_first() -> None:
    """Who refused would be asked again every day."""
    given(GRANTED).when(WITHDRAW).then(WITHDRAWN)
    given().when(WITHDRAW).then(WITHDRAWN)
    given(WITHDRAWN).when(WITHDRAW).then_nothing()


def test_a_yes_after_a_no_counts_again() -> None:
    """Nobody could change their mind."""
    given(GRANTED, WITHDRAWN).when(GRANT).then(GRANTED)


def test_phone_and_consent_make_a_member_once() -> None:
    """Nobody, or everybody twice, would become a member."""
    given(GRANTED).when(ENROL).then(ENROLLED)
    given(GRANTED, ENROLLED).when(ENROL).then_nothing()


def test_a_member_has_a_verified_phone() -> None:
    """A member could not be reached."""
    given(GRANTED).when(replace(ENROL, phone_verified=False)).then_rejected(PhoneNotVerified)


def test_a_member_has_agreed_to_marketing_or_service() -> None:
    """People would be members against their will."""
    analytics = replace(GRANTED, purpose="analytics")

    given().when(ENROL).then_rejected(ConsentMissing)
    given(analytics).when(ENROL).then_rejected(ConsentMissing)
    given(GRANTED, WITHDRAWN).when(ENROL).then_rejected(ConsentMissing)
    given(replace(GRANTED, purpose="service")).when(ENROL).then(ENROLLED)


def test_what_an_absorbed_person_agreed_to_counts_unless_they_refuse_now() -> None:
    """A merge would lose a consent, or overrule a refusal."""
    enrol = replace(ENROL, inherited={("marketing", "sms"): True})

    given().when(enrol).then(ENROLLED)
    given(WITHDRAWN).when(enrol).then_rejected(ConsentMissing)
