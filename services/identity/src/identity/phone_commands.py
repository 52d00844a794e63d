"""What can be asked of a phone, and why it may be refused."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from chassis.errors import Forbidden, NotFound, Rejected
from identity.events import ReleaseReason


@dataclass(frozen=True, kw_only=True, slots=True)
class ClaimPhone:
    """Say that a number is a person's.

    Args:
        kin: Everybody who is known to be the same person.
        held: How many numbers they claim already.
    """

    phone_id: UUID
    person_id: UUID
    kin: frozenset[UUID]
    phone_token: str = field(repr=False)
    e164: str = field(repr=False)
    region: str
    tz: str
    account_id: UUID | None
    programme: str | None
    campaign_id: str | None
    held: int


@dataclass(frozen=True, kw_only=True, slots=True)
class StartVerification:
    """Send a one-time code to a claimed number; ``kin`` is everybody known to be the person."""

    phone_id: UUID
    person_id: UUID
    kin: frozenset[UUID]
    challenge_id: UUID
    channel: str
    now: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfirmPhone:
    """Prove to hold a number with the code that was sent to it.

    Args:
        kin: Everybody who is known to be the same person.
    """

    phone_id: UUID
    person_id: UUID
    challenge_id: UUID
    code_is_right: bool
    kin: frozenset[UUID]
    now: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class AttestPhone:
    """Say that the operator's contract for the number names the person."""

    phone_id: UUID
    kin: frozenset[UUID]
    now: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class SettleContest:
    """The two who hold a number are one person: go on with it as theirs."""

    phone_id: UUID
    person_id: UUID


@dataclass(frozen=True, kw_only=True, slots=True)
class ReassignPhone:
    """The two who hold a number are different: it is the later one's now."""

    phone_id: UUID


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleasePhone:
    """No longer take a number for a person's."""

    phone_id: UUID
    person_id: UUID
    reason: ReleaseReason


PhoneCommand = (
    ClaimPhone
    | StartVerification
    | ConfirmPhone
    | AttestPhone
    | SettleContest
    | ReassignPhone
    | ReleasePhone
)


class PhoneCap(Rejected):
    """One human being hardly has so many phones."""

    code = "identifier_cap"


class PhoneNotClaimed(NotFound):
    """The person has not claimed this number."""

    code = "phone_not_claimed"


class PhoneFrozen(Rejected):
    """Two persons hold this number; a reviewer decides."""

    code = "phone_frozen"


class TooManyCodes(Rejected):
    """Enough codes were sent to this number for now."""

    code = "too_many_codes"
    status = 429

    def __init__(self, wait: timedelta) -> None:
        super().__init__("Use the last code, or wait.")
        self.retry_after = max(1, int(wait.total_seconds()))


class NoOpenVerification(Rejected):
    """No code is waiting to be entered: none was sent, or it was used."""

    code = "no_open_verification"


class TooManyTries(Rejected):
    """The code was guessed at too often; ask for a new one."""

    code = "too_many_tries"


class CodeExpired(Rejected):
    """The code has expired; ask for a new one."""

    code = "code_expired"


class NotHolder(Forbidden):
    """The number is not verified as this person's."""

    code = "not_holder"


class NotContested(Rejected):
    """Only one person holds this number."""

    code = "not_contested"
