"""The bodies of requests about phones, and of their answers."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from marshmallow import validate

from identity.fields import Country, Short


@dataclass(frozen=True, kw_only=True, slots=True)
class ClaimBody:
    """A number as somebody entered it, in a form of a campaign or by themselves."""

    number: Short = field(repr=False)
    region: Country | None = None
    person_id: UUID | None = None
    account_id: UUID | None = None
    programme: str | None = None
    campaign_id: str | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ClaimView:
    """The claim that a number is somebody's."""

    phone_id: UUID
    person_id: UUID
    region: str
    zone: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LookUpBody:
    """A number as a buyer gave it at a till."""

    number: Short = field(repr=False)
    region: Country | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LookUpView:
    """How a number is known here, if anybody ever claimed it, and whose it is verified as."""

    phone_id: UUID | None
    person_id: UUID | None


@dataclass(frozen=True, kw_only=True, slots=True)
class VerificationBody:
    """How a code should be sent, and to which of the claimants if there are several."""

    channel: Literal["sms"] = "sms"
    person_id: UUID | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class VerificationView:
    """A code is on its way."""

    challenge_id: UUID
    expires_at: datetime
    attempts_left: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfirmationBody:
    """A code as it was entered."""

    code: Annotated[str, validate.Length(min=1, max=20)] = field(repr=False)
    person_id: UUID | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfirmationView:
    """What an entered code led to; a wrong one is answered with status 409."""

    code: Literal["verified", "wrong_code", "contested"]
    person_id: UUID
    attempts_left: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonOnPhone:
    """Which person gives a number up."""

    person_id: UUID
    occurred_at: datetime | None = None
