"""Who may take part in a drop, and whose turn it is."""

from collections.abc import Sequence
from datetime import timedelta

from chassis.errors import NotFound, Rejected
from commerce.drop_commands import CallNext, Enter, Standing, Use
from commerce.drop_events import (
    DropEntered,
    DropEntryPassedOver,
    DropEvent,
    DropGranted,
    DropScheduled,
)
from commerce.drop_state import Drop, Entry, Pieces


class DropUnknown(NotFound):
    """There is no such drop."""

    code = "drop_unknown"


class DropNotOpen(Rejected):
    """It has not begun."""

    code = "drop_not_open"


class DropIsClosed(Rejected):
    """It has ended."""

    code = "drop_closed"


class DropIsSoldOut(Rejected):
    """Every piece belongs to somebody."""

    code = "drop_sold_out"


class OtherChannel(Rejected):
    """The product is for sale on one platform only, for now."""

    code = "exclusive_to_other_channel"
    requirement = "X3"


class NotVerified(Rejected):
    """Only persons with a verified phone may take part."""

    code = "person_not_verified"


class DropLimitReached(Rejected):
    """One person may not have so many, under all their accounts together."""

    code = "drop_limit_reached"


class EntrantErased(Rejected):
    """The person asked to be forgotten; nothing new is kept under this id."""

    code = "buyer_erased"


def terms_of(drop: Drop) -> DropScheduled:
    """Return what was announced.

    Raises:
        DropUnknown: nothing was.
    """
    if drop.scheduled is None:
        raise DropUnknown("There is no such drop.")
    return drop.scheduled


def enter(drop: Drop, command: Enter) -> Sequence[DropEvent]:
    """Take somebody in: granted at once while there is enough and nobody waits."""
    terms = terms_of(drop)
    if command.entry_id in drop.entries:
        return []
    _may_enter(drop, terms, command)
    entered = DropEntered(
        drop_id=terms.drop_id,
        entry_id=command.entry_id,
        number=drop.entered + 1,
        person_id=command.person_id,
        phones=tuple(sorted(command.standing.phones)),
        qty=command.qty,
        origin=command.origin,
        at=command.at,
    )
    if drop.first is not None or command.qty > drop.free:
        return [entered]
    entry = Entry(
        entry_id=command.entry_id,
        number=entered.number,
        person_id=command.person_id,
        qty=command.qty,
    )
    return [entered, _grant(terms, entry, command)]


def _may_enter(drop: Drop, terms: DropScheduled, command: Enter) -> None:
    if command.at < terms.opens_at:
        raise DropNotOpen(f"Come back at {terms.opens_at.isoformat()}.")
    _sells(drop, terms, command)
    right_channel(terms, command.origin.platform, command)
    reason = _bar(terms, command.standing)
    if reason == "erased":
        raise EntrantErased("This person asked to be forgotten.")
    if reason == "not_verified":
        raise NotVerified("Verify a phone number first, then come again.")
    most = max(
        held.waiting + held.granted + held.ordered for held in pieces_of(drop, command.standing)
    )
    if most + command.qty > terms.per_person:
        raise DropLimitReached(f"One person may have {terms.per_person}.")


def _sells(drop: Drop, terms: DropScheduled, command: Enter) -> None:
    if drop.sold_out or command.qty > terms.stock - drop.sold:
        raise DropIsSoldOut("Everything is sold." if drop.sold_out else "Ask for fewer.")
    if drop.closed or command.at >= terms.closes_at:
        raise DropIsClosed(f"It closed at {terms.closes_at.isoformat()}.")


def right_channel(terms: DropScheduled, platform: str, command: Enter | Use) -> None:
    """Refuse other platforms while exclusivity lasts; raises OtherChannel."""
    lasts = terms.exclusive_until is None or command.at < terms.exclusive_until
    if terms.channel_exclusive not in (None, platform) and lasts:
        raise OtherChannel(f"Come by way of {terms.channel_exclusive}.")


def _bar(terms: DropScheduled, standing: Standing) -> str | None:
    """Return why somebody may not take part at all."""
    if standing.erased:
        return "erased"
    return "not_verified" if terms.verified_only and not standing.verified else None


def pieces_of(drop: Drop, standing: Standing) -> Sequence[Pieces]:
    """Return what all ids of one person have together, and what each of their phones has.

    A phone that goes from hand to hand verifies one person after the other.
    """
    every = [drop.people[who] for who in standing.kin if who in drop.people]
    person = Pieces(
        waiting=sum(pieces.waiting for pieces in every),
        granted=sum(pieces.granted for pieces in every),
        ordered=sum(pieces.ordered for pieces in every),
    )
    phones = [drop.phones[phone] for phone in standing.phones if phone in drop.phones]
    return [person, *phones]


def _grant(terms: DropScheduled, entry: Entry, command: Enter | CallNext) -> DropGranted:
    return DropGranted(
        drop_id=terms.drop_id,
        entry_id=entry.entry_id,
        person_id=entry.person_id,
        qty=entry.qty,
        pay_until=command.at + timedelta(seconds=terms.pay_within),
    )


def call_next(drop: Drop, command: CallNext) -> Sequence[DropEvent]:
    """Grant the first in line what they wait for, or let them leave the line."""
    terms, entry = terms_of(drop), drop.first
    if entry is None or drop.ended or command.at >= terms.closes_at:
        return []
    reason = _unservable(drop, terms, entry, command.standing)
    if reason is not None:
        return [
            DropEntryPassedOver(
                drop_id=terms.drop_id, entry_id=entry.entry_id, qty=entry.qty, reason=reason
            )
        ]
    return [_grant(terms, entry, command)] if entry.qty <= drop.free else []


def _unservable(drop: Drop, terms: DropScheduled, entry: Entry, standing: Standing) -> str | None:
    if entry.qty > terms.stock - drop.sold:
        return "too_few_left"  # the line would stand still behind this entry for ever
    if entry.qty > drop.free:
        return None
    most = max(held.granted + held.ordered for held in pieces_of(drop, standing))
    if most + entry.qty > terms.per_person:
        return "limit_reached"  # two who waited turned out to be one person
    return _bar(terms, standing)
