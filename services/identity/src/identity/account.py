"""The account: one handle on one platform, and which of the brand's pages it follows."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import assert_never
from uuid import UUID

from chassis.decider import Decider
from chassis.errors import NotFound
from identity.events import (
    AccountEvent,
    AccountObserved,
    BrandFollowed,
    BrandUnfollowed,
    Profile,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ObserveAccount:
    """Take note of an account; what is None is not known this time."""

    account_id: UUID
    platform: str
    platform_user_id: str | None = field(default=None, repr=False)
    name: str | None = field(default=None, repr=False)
    profile: Profile | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordFollow:
    """Take note that an account follows a page of the brand."""

    account_id: UUID
    property_id: str
    topic: str | None
    source_content_id: str | None
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordUnfollow:
    """Take note that an account no longer follows a page of the brand."""

    account_id: UUID
    property_id: str
    at: datetime


AccountCommand = ObserveAccount | RecordFollow | RecordUnfollow


class AccountUnknown(NotFound):
    """The account was never seen."""

    code = "account_unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """What was last seen of an account, and what it follows."""

    seen: AccountObserved | None = None
    follows: frozenset[str] = frozenset()


def decide(account: Account, command: AccountCommand) -> Sequence[AccountEvent]:
    """Turn a command into facts, or refuse it."""
    match command:
        case ObserveAccount():
            return _observe(account, command)
        case RecordFollow():
            return _follow(account, command)
        case RecordUnfollow():
            return _unfollow(account, command)
        case _:
            assert_never(command)


def evolve(account: Account, event: AccountEvent) -> Account:
    """Apply one fact."""
    match event:
        case AccountObserved():
            return replace(account, seen=event)
        case BrandFollowed():
            return replace(account, follows=account.follows | {event.property_id})
        case BrandUnfollowed():
            return replace(account, follows=account.follows - {event.property_id})
        case _:
            assert_never(event)


def _observe(account: Account, command: ObserveAccount) -> Sequence[AccountEvent]:
    before = account.seen
    now = AccountObserved(
        account_id=command.account_id,
        platform=before.platform if before else command.platform,
        platform_user_id=command.platform_user_id or (before.platform_user_id if before else None),
        name=command.name or (before.name if before else None),
        profile=command.profile or (before.profile if before else None),
    )
    return [] if now == before else [now]


def _follow(account: Account, command: RecordFollow) -> Sequence[AccountEvent]:
    if account.seen is None:
        raise AccountUnknown(command.account_id)
    if command.property_id in account.follows:
        return []
    return [
        BrandFollowed(
            account_id=command.account_id,
            property_id=command.property_id,
            platform=account.seen.platform,
            acquired_topic=command.topic,
            source_content_id=command.source_content_id,
            at=command.at,
        )
    ]


def _unfollow(account: Account, command: RecordUnfollow) -> Sequence[AccountEvent]:
    if command.property_id not in account.follows:
        return []
    return [
        BrandUnfollowed(
            account_id=command.account_id, property_id=command.property_id, at=command.at
        )
    ]


ACCOUNT = Decider(category="account", initial=Account(), decide=decide, evolve=evolve)
