"""The rules of a person: one for each account, merged only on proof, split exactly."""

from dataclasses import replace
from uuid import UUID

import pytest

from chassis.errors import Rejected
from chassis.testing.scenario import Scenario
from identity.events import Evidence, PersonEvent
from identity.examples import (
    ACCOUNT_ID,
    CUSTOMER,
    EMAIL_DECLARED,
    ERASED,
    ERASURE_REQUESTED,
    LINK_ID,
    LINKED,
    MERGED,
    NOW,
    OTHER_ID,
    PERSON_ID,
    PROPOSED,
    REGISTERED,
    REQUEST_ID,
    SPLIT,
    UNLINKED,
)
from identity.person import (
    CAPS,
    PERSON,
    AccountLinkedElsewhere,
    DifferentPhones,
    IdentifierCap,
    LinkUnknown,
    Person,
    PersonForgotten,
    PersonUnknown,
)
from identity.person_commands import (
    CompleteErasure,
    DeclareEmail,
    Holdings,
    LinkAccount,
    Merge,
    PersonCommand,
    ProposeMerge,
    RegisterPerson,
    RequestErasure,
    SetCustomerKind,
    Split,
    UnlinkAccount,
)

ONE, TWO = UUID(int=1), UUID(int=2)
LINK = LinkAccount(
    account_id=ACCOUNT_ID,
    evidence=Evidence(kind="otp", score=1.0),
    rule="phone_code",
    owner=None,
    held=0,
)
MERGE = Merge(
    absorbed=OTHER_ID,
    link_id=LINK_ID,
    rule="same_phone",
    approver=None,
    mine=Holdings(verified_phones=frozenset({ONE}), phones=1),
    theirs=Holdings(),
)
ERASE = RequestErasure(request_id=REQUEST_ID, subjects=ERASURE_REQUESTED.subjects, now=NOW)


def given(*history: PersonEvent) -> Scenario[Person, PersonCommand, PersonEvent]:
    return Scenario(PERSON, history)


def test_somebody_becomes_known_once() -> None:
    """One person would count twice."""
    register = RegisterPerson(person_id=PERSON_ID, origin="form")

    given().when(register).then(REGISTERED)
    given(REGISTERED).when(register).then_nothing()


def test_an_account_is_linked_with_its_evidence() -> None:
    """Nobody could say why a handle is taken for somebody's."""
    given(REGISTERED).when(LINK).then(LINKED)
    given(REGISTERED, LINKED).when(LINK).then_nothing()


def test_an_account_has_one_person_at_most() -> None:
    """What one person said would be shown as another one's."""
    given(REGISTERED).when(replace(LINK, owner=OTHER_ID)).then_rejected(AccountLinkedElsewhere)


def test_too_many_accounts_are_not_one_human_being() -> None:
    """A shop's shared phone would become one giant person."""
    full = replace(LINK, held=CAPS.accounts)

    given(REGISTERED).when(full).then_rejected(IdentifierCap)


def test_a_link_can_be_withdrawn() -> None:
    """Who refuses consent would stay recognised."""
    unlink = UnlinkAccount(account_id=ACCOUNT_ID, reason="consent_refused")

    given(REGISTERED, LINKED).when(unlink).then(UNLINKED)
    given(REGISTERED).when(unlink).then_nothing()


def test_a_second_address_is_noted_and_the_twenty_first_refused() -> None:
    """People with several addresses would lose all but one."""
    declare = DeclareEmail(email_id=LINK_ID, address="xiaolin@example.org", held=1)

    given(REGISTERED).when(declare).then(EMAIL_DECLARED)
    full = replace(declare, held=CAPS.emails)
    given(REGISTERED).when(full).then_rejected(IdentifierCap)


def test_one_phone_makes_one_person() -> None:
    """A fan on two platforms would stay two people."""
    given(REGISTERED).when(MERGE).then(MERGED)
    given(REGISTERED, MERGED).when(MERGE).then_nothing()


def test_different_verified_phones_are_never_merged_by_themselves() -> None:
    """Two strangers would read each other's orders."""
    theirs = Holdings(verified_phones=frozenset({TWO}), phones=1)

    given(REGISTERED).when(replace(MERGE, theirs=theirs)).then_rejected(DifferentPhones)


@pytest.mark.parametrize(
    "theirs",
    [
        Holdings(phones=CAPS.phones),
        Holdings(emails=CAPS.emails + 1),
        Holdings(accounts=CAPS.accounts + 1),
    ],
)
def test_too_many_identifiers_stop_a_merge(theirs: Holdings) -> None:
    """One wrong link would snowball into a person who is half the town."""
    given(REGISTERED).when(replace(MERGE, theirs=theirs)).then_rejected(IdentifierCap)


def test_a_reviewer_may_merge_what_the_rules_do_not() -> None:
    """Somebody with two phones would stay two people whatever they say."""
    theirs = Holdings(verified_phones=frozenset({TWO}), phones=1)
    approved = replace(MERGE, theirs=theirs, approver="user:review")

    given(REGISTERED).when(approved).then(replace(MERGED, approver="user:review"))


def test_a_pair_is_proposed_once() -> None:
    """Reviewers would see the same pair again and again."""
    propose = ProposeMerge(
        proposal_id=LINK_ID, other=OTHER_ID, score=0.8, features=PROPOSED.features
    )

    given(REGISTERED).when(propose).then(PROPOSED)
    given(REGISTERED, PROPOSED).when(propose).then_nothing()


def test_a_merge_is_undone_by_its_link() -> None:
    """A wrong merge would be for ever."""
    split = Split(undoes_link_id=LINK_ID, accounts=(ACCOUNT_ID,))

    given(REGISTERED, MERGED).when(split).then(SPLIT)
    given(REGISTERED, MERGED, SPLIT).when(split).then_rejected(LinkUnknown)


def test_a_first_order_makes_a_customer_once() -> None:
    """Every order would be somebody's first."""
    bought = SetCustomerKind(kind="existing", because="order 1042")

    given(REGISTERED).when(bought).then(CUSTOMER)
    given(REGISTERED, CUSTOMER).when(bought).then_nothing()


def test_forgetting_is_asked_for_once() -> None:
    """Every service would be told again and again."""
    given(REGISTERED).when(ERASE).then(ERASURE_REQUESTED)
    given(REGISTERED, ERASURE_REQUESTED).when(ERASE).then_nothing()
    given().when(ERASE).then_rejected(PersonUnknown)


def test_forgetting_completes_once() -> None:
    """A person would be erased without having asked, or twice."""
    complete = CompleteErasure(request_id=REQUEST_ID)

    given(REGISTERED, ERASURE_REQUESTED).when(complete).then(ERASED)
    given(REGISTERED).when(complete).then_nothing()
    given(REGISTERED, ERASURE_REQUESTED, ERASED).when(complete).then_nothing()


@pytest.mark.parametrize("command", [LINK, MERGE, SetCustomerKind(kind="existing", because="x")])
@pytest.mark.parametrize(
    ("history", "refusal"),
    [([], PersonUnknown), ([REGISTERED, ERASURE_REQUESTED], PersonForgotten)],
)
def test_nothing_is_added_to_nobody_or_to_the_forgotten(
    command: PersonCommand, history: list[PersonEvent], refusal: type[Rejected]
) -> None:
    """A person who asked to be forgotten would be known again by the back door."""
    given(*history).when(command).then_rejected(refusal)
