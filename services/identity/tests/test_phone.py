"""The rules of a phone: whose it is, how that is proven, and what a guesser gets."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from chassis.errors import Rejected
from chassis.testing.contexts import SECRET
from chassis.testing.scenario import Scenario
from identity import codes
from identity.contact_events import PhoneEvent, PhoneVerified, VerificationFailed
from identity.examples import (
    ACCOUNT_ID,
    CHALLENGE_ID,
    CLAIMED,
    CONTESTED,
    FAILED,
    NOW,
    OTHER_ID,
    PERSON_ID,
    PHONE_ID,
    REASSIGNED,
    RELEASED,
    STARTED,
    VERIFIED,
)
from identity.phone import CODE_LIFETIME, CODES, CODES_WINDOW, PHONE, TRIES, VALIDITY, Phone
from identity.phone_commands import (
    AttestPhone,
    ClaimPhone,
    CodeExpired,
    ConfirmPhone,
    NoOpenVerification,
    NotContested,
    NotHolder,
    PhoneCap,
    PhoneCommand,
    PhoneFrozen,
    PhoneNotClaimed,
    ReassignPhone,
    ReleasePhone,
    SettleContest,
    StartVerification,
    TooManyCodes,
    TooManyTries,
)

ME, SHE = frozenset({PERSON_ID}), frozenset({OTHER_ID})
CLAIM = ClaimPhone(
    phone_id=PHONE_ID,
    person_id=PERSON_ID,
    kin=ME,
    phone_token="7d" * 32,
    e164="+8613800138000",
    region="CN",
    tz="Asia/Shanghai",
    account_id=ACCOUNT_ID,
    programme="readers",
    campaign_id="spring",
    held=0,
)
START = StartVerification(
    phone_id=PHONE_ID,
    person_id=PERSON_ID,
    kin=ME,
    challenge_id=CHALLENGE_ID,
    channel="sms",
    now=NOW,
)
CONFIRM = ConfirmPhone(
    phone_id=PHONE_ID,
    person_id=PERSON_ID,
    challenge_id=CHALLENGE_ID,
    code_is_right=True,
    kin=ME,
    now=NOW,
)
ATTEST = AttestPhone(phone_id=PHONE_ID, kin=ME, now=NOW)
HER_CLAIM = replace(CLAIMED, person_id=OTHER_ID)
HER_START = replace(STARTED, person_id=OTHER_ID)
HER_CONFIRM = replace(CONFIRM, person_id=OTHER_ID, kin=SHE)


def given(*history: PhoneEvent) -> Scenario[Phone, PhoneCommand, PhoneEvent]:
    return Scenario(PHONE, history)


def test_a_number_is_claimed_once() -> None:
    """A form sent twice would make two claims."""
    given().when(CLAIM).then(CLAIMED)
    given(CLAIMED).when(CLAIM).then_nothing()


def test_a_sixth_number_is_refused() -> None:
    """A call shop would count as one person."""
    given().when(replace(CLAIM, held=5)).then_rejected(PhoneCap)


def test_a_code_is_sent_to_a_claimed_number_only() -> None:
    """Anybody could have messages sent to any number."""
    given(CLAIMED).when(START).then(STARTED)
    given().when(START).then_rejected(PhoneNotClaimed)
    given(HER_CLAIM).when(START).then_rejected(PhoneNotClaimed)


def test_codes_cannot_be_ordered_without_end() -> None:
    """A stranger's phone could be flooded, and a guesser would have endless tries."""
    sent = [replace(STARTED, challenge_id=UUID(int=n)) for n in range(CODES)]

    given(CLAIMED, *sent).when(START).then_rejected(TooManyCodes)
    later = replace(START, now=NOW + CODES_WINDOW)
    given(CLAIMED, *sent).when(later).then(
        replace(STARTED, expires_at=NOW + CODES_WINDOW + CODE_LIFETIME)
    )


def test_the_right_code_verifies_the_number_for_as_long_as_it_cannot_change_hands() -> None:
    """A number would stay somebody's for ever, also after the operator re-issued it."""
    given(CLAIMED, STARTED).when(CONFIRM).then(VERIFIED)
    assert VERIFIED.valid_until == NOW + VALIDITY


def test_a_code_works_once() -> None:
    """Whoever reads an old message could verify with it again."""
    given(CLAIMED, STARTED, VERIFIED).when(CONFIRM).then_rejected(NoOpenVerification)


def test_a_newer_code_replaces_the_older_one() -> None:
    """Several codes at once would multiply the tries."""
    newer = replace(STARTED, challenge_id=UUID(int=9))

    given(CLAIMED, STARTED, newer).when(CONFIRM).then_rejected(NoOpenVerification)


def test_an_expired_code_verifies_nothing() -> None:
    """A phone found in the street would verify its owner days later."""
    late = replace(CONFIRM, now=STARTED.expires_at)

    given(CLAIMED, STARTED).when(late).then_rejected(CodeExpired)


def test_a_wrong_code_counts() -> None:
    """Guessing would cost nothing."""
    given(CLAIMED, STARTED).when(replace(CONFIRM, code_is_right=False)).then(FAILED)


def test_after_five_tries_even_the_right_code_is_refused() -> None:
    """A patient guesser would get in."""
    given(CLAIMED, STARTED, replace(FAILED, left=0)).when(CONFIRM).then_rejected(TooManyTries)


def test_a_number_that_is_verified_as_anothers_is_contested() -> None:
    """A stranger would silently take a number over."""
    history = [CLAIMED, STARTED, VERIFIED, HER_CLAIM, HER_START]

    given(*history).when(HER_CONFIRM).then(CONTESTED)
    given(*history, CONTESTED).when(START).then_rejected(PhoneFrozen)
    given(*history, CONTESTED).when(ATTEST).then_rejected(PhoneFrozen)


def test_a_number_whose_verification_lapsed_goes_to_who_proves_to_hold_it() -> None:
    """The owner of a re-issued number would be taken for the one before."""
    later = VERIFIED.valid_until
    start = replace(HER_START, expires_at=later + CODE_LIFETIME)
    verified = PhoneVerified(
        phone_id=PHONE_ID,
        person_id=OTHER_ID,
        level="code",
        verified_at=later,
        valid_until=later + VALIDITY,
    )

    given(CLAIMED, STARTED, VERIFIED, HER_CLAIM, start).when(replace(HER_CONFIRM, now=later)).then(
        RELEASED, REASSIGNED, verified
    )


def test_a_reviewer_gives_a_contested_number_to_the_later_one() -> None:
    """A contested number would stay frozen for ever."""
    given(CLAIMED, VERIFIED, HER_CLAIM, CONTESTED).when(ReassignPhone(phone_id=PHONE_ID)).then(
        RELEASED, REASSIGNED, replace(VERIFIED, person_id=OTHER_ID)
    )
    given(CLAIMED, VERIFIED).when(ReassignPhone(phone_id=PHONE_ID)).then_rejected(NotContested)


def test_a_contest_ends_when_the_holder_gives_the_number_up() -> None:
    """The number of somebody who was forgotten would stay frozen for its new owner."""
    gone = [CLAIMED, VERIFIED, HER_CLAIM, CONTESTED, RELEASED, HER_START]

    given(*gone).when(HER_CONFIRM).then(replace(VERIFIED, person_id=OTHER_ID))


def test_a_contest_ends_when_both_are_one() -> None:
    """A person's own phone would stay frozen after their two records were joined."""
    settle = SettleContest(phone_id=PHONE_ID, person_id=PERSON_ID)

    given(CLAIMED, VERIFIED, HER_CLAIM, CONTESTED).when(settle).then(VERIFIED)
    given(CLAIMED, VERIFIED).when(settle).then_nothing()


def test_only_a_verified_number_can_be_attested() -> None:
    """A claim would pass for a checked contract."""
    real = replace(VERIFIED, level="real_name")

    given(CLAIMED, VERIFIED).when(ATTEST).then(real)
    given(CLAIMED, VERIFIED, real).when(ATTEST).then_nothing()
    given(CLAIMED).when(ATTEST).then_rejected(NotHolder)
    lapsed = replace(ATTEST, now=VERIFIED.valid_until)
    given(CLAIMED, VERIFIED).when(lapsed).then_rejected(NotHolder)


def test_a_code_does_not_take_an_attested_level_away() -> None:
    """Proving a number again would make it less sure."""
    real = replace(VERIFIED, level="real_name")

    given(CLAIMED, real, STARTED).when(CONFIRM).then(real)


def test_a_number_can_be_given_up() -> None:
    """A person could not get rid of a wrong number."""
    release = ReleasePhone(phone_id=PHONE_ID, person_id=PERSON_ID, reason="recycled")

    given(CLAIMED, VERIFIED).when(release).then(RELEASED)
    given(CLAIMED, VERIFIED, RELEASED).when(release).then_nothing()
    given(CLAIMED, VERIFIED, RELEASED, HER_CLAIM, HER_START).when(HER_CONFIRM).then(
        replace(VERIFIED, person_id=OTHER_ID)
    )


ATTEMPTS = st.lists(st.tuples(st.booleans(), st.integers(0, 420)), min_size=1, max_size=12)


@for_all(ATTEMPTS)
def test_no_way_of_trying_gets_more_than_five_tries_or_five_minutes(
    attempts: Sequence[tuple[bool, int]],
) -> None:
    """Some order of right, wrong and late tries would get around a limit."""
    state = PHONE.fold([CLAIMED, STARTED])
    wrong, verified = 0, 0
    for right, seconds in attempts:
        at = NOW + timedelta(seconds=seconds)
        expected = _allowed(wrong=wrong, verified=verified, at=at)
        events = _try(state, right=right, at=at)
        assert bool(events) == expected
        for event in events:
            state = PHONE.evolve(state, event)
            wrong += isinstance(event, VerificationFailed)
            verified += isinstance(event, PhoneVerified)
    assert wrong <= TRIES
    assert verified <= 1
    assert (state.holder == PERSON_ID) == (verified == 1)


def _allowed(*, wrong: int, verified: int, at: datetime) -> bool:
    return verified == 0 and wrong < TRIES and at < NOW + CODE_LIFETIME


def _try(state: Phone, *, right: bool, at: datetime) -> Sequence[PhoneEvent]:
    try:
        return PHONE.decide(state, replace(CONFIRM, code_is_right=right, now=at))
    except Rejected:
        return []


@for_all(st.uuids(), st.uuids())
def test_a_code_fits_its_own_challenge_only(one: UUID, other: UUID) -> None:
    """One person's code would open another person's challenge more often than by chance."""
    code = codes.code_of(SECRET, "acme", one)

    assert len(code) == codes.DIGITS
    assert code.isdecimal()
    assert codes.is_right(SECRET, "acme", one, f" {code} ")
    assert not codes.is_right(SECRET, "acme", one, "")
    if codes.code_of(SECRET, "acme", other) != code:
        assert not codes.is_right(SECRET, "acme", other, code)


def test_codes_differ_between_tenants_and_deployments() -> None:
    """Who knows one deployment's code would know all of them."""
    made = {
        codes.code_of(secret, tenant, CHALLENGE_ID)
        for secret in (SECRET, b"another secret, thirty-two bytes")
        for tenant in ("acme", "globex")
    }

    assert len(made) == 4


@pytest.mark.requirement("C10")
def test_levels_rise_from_claimed_over_code_to_real_name(world: Any) -> None:
    """A number that was merely typed in would be trusted like a checked contract."""
    claimed = world.claim()
    phone, person = claimed["phone_id"], claimed["person_id"]
    levels = [world.person(person)["phones"][0]["level"]]
    attest = f"/v1/phones/{phone}/attestations"
    too_early = world.service.call("POST", attest)

    world.confirm(phone, world.ask_for_code(phone))
    levels.append(world.person(person)["phones"][0]["level"])
    world.service.post(attest)
    levels.append(world.person(person)["phones"][0]["level"])
    world.confirm(phone, world.ask_for_code(phone))
    world.claim("139 1234 5678", person_id=person)

    assert too_early.status_code == 403
    assert levels == ["claimed", "code", "real_name"]
    assert [number["level"] for number in world.person(person)["phones"]] == [
        "real_name",
        "claimed",
    ]
