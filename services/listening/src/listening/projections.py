"""Fold listening's events into its read models; ids and numbers only, never what people wrote."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, update

from chassis import schemas
from chassis.clock import micros
from chassis.envelope import Envelope
from chassis.projections import Projection
from listening.case_events import (
    CaseOpened,
    CaseReopened,
    CaseResolved,
    CaseTurnedComplaint,
    ReplySent,
    SlaBreached,
    SlaBreachWithdrawn,
)
from listening.case_state import case_id
from listening.events import (
    MentionClassified,
    MentionDetected,
    PersonaRegistered,
    WatchDefined,
    WatchPaused,
    WatchRevised,
)
from listening.tables import mentions, personas, turns, watches

active_watches = Projection("active_watches", ("watches",))
known_personas = Projection("known_personas", ("personas",))
mention_list = Projection("mention_list", ("mentions",))
reply_board = Projection("reply_board", ("turns",))

Turn = CaseOpened | CaseReopened


@active_watches.on(WatchDefined)
def listen(event: WatchDefined, envelope: Envelope, db: Connection) -> None:
    """Let a watch match."""
    _listen(event, envelope, db)


@active_watches.on(WatchRevised)
def listen_otherwise(event: WatchRevised, envelope: Envelope, db: Connection) -> None:
    """Let a watch match by other words."""
    _listen(event, envelope, db)


@active_watches.on(WatchPaused)
def stop_listening(event: WatchPaused, envelope: Envelope, db: Connection) -> None:
    """Let a watch match nothing."""
    db.execute(update(watches).where(_watch(envelope, event)).values(listening=False))


@known_personas.on(PersonaRegistered)
def list_persona(event: PersonaRegistered, envelope: Envelope, db: Connection) -> None:
    """Offer a persona."""
    row = {"persona_id": event.persona_id, "brand": event.brand, "name": event.name}
    db.execute(insert(personas).values(tenant=envelope.tenant, **row))


@mention_list.on(MentionDetected)
def list_mention(event: MentionDetected, envelope: Envelope, db: Connection) -> None:
    """List a mention, unread."""
    db.execute(
        insert(mentions).values(
            tenant=envelope.tenant,
            mention_id=event.mention_id,
            brand=event.brand,
            case_id=case_id(event.brand, event.root_id),
            platform=event.platform,
            kind=event.kind,
            author_account=event.author_account,
            is_at=event.is_at,
            lang=event.lang,
            posted_at=micros(event.posted_at),
            detected_at=micros(event.detected_at),
            recorded_at=micros(envelope.recorded_at),
        )
    )


@mention_list.on(MentionClassified)
def show_reading(event: MentionClassified, envelope: Envelope, db: Connection) -> None:
    """Show how a mention was read."""
    one = and_(
        mentions.c.tenant == envelope.tenant,
        mentions.c.mention_id == event.mention_id,
        mentions.c.brand == event.brand,
    )
    values = {"polarity": event.polarity, "intent": event.intent, "lang": event.lang}
    db.execute(update(mentions).where(one).values(values))


@reply_board.on(CaseOpened)
def owe_reply(event: CaseOpened, envelope: Envelope, db: Connection) -> None:
    """Put a reply on the list of those owed."""
    _owe(event, envelope, db)


@reply_board.on(CaseReopened)
def owe_another_reply(event: CaseReopened, envelope: Envelope, db: Connection) -> None:
    """Put one more reply on the list."""
    earlier = and_(turns.c.tenant == envelope.tenant, turns.c.case_id == event.case_id)
    db.execute(update(turns).where(earlier).values(latest=False))
    _owe(event, envelope, db)


@reply_board.on(CaseTurnedComplaint)
def move_up(event: CaseTurnedComplaint, envelope: Envelope, db: Connection) -> None:
    """Move the reply before all that answer no complaint."""
    _set(event, envelope, db, type="complaint", priority=event.priority)


@reply_board.on(ReplySent)
def note_reply(event: ReplySent, envelope: Envelope, db: Connection) -> None:
    """Take the reply off the list."""
    values = {"replied_at": micros(event.at), "latency_s": event.latency_s}
    _set(event, envelope, db, open=False, settled_at=micros(event.at), **values)


@reply_board.on(CaseResolved)
def close(event: CaseResolved, envelope: Envelope, db: Connection) -> None:
    """Close the turn, with its reason."""
    _set(event, envelope, db, open=False, settled_at=micros(event.at), outcome=event.outcome)


@reply_board.on(SlaBreached)
def mark_late(event: SlaBreached, envelope: Envelope, db: Connection) -> None:
    """Count the turn as late."""
    _set(event, envelope, db, breached=True)


@reply_board.on(SlaBreachWithdrawn)
def unmark_late(event: SlaBreachWithdrawn, envelope: Envelope, db: Connection) -> None:
    """Count the turn as in time after all."""
    _set(event, envelope, db, breached=False)


def _watch(envelope: Envelope, event: WatchDefined | WatchRevised | WatchPaused) -> Any:
    return and_(watches.c.tenant == envelope.tenant, watches.c.watch_id == event.watch_id)


def _listen(event: WatchDefined | WatchRevised, envelope: Envelope, db: Connection) -> None:
    db.execute(delete(watches).where(_watch(envelope, event)))
    db.execute(
        insert(watches).values(
            tenant=envelope.tenant,
            watch_id=event.watch_id,
            brand=event.brand,
            terms=list(event.terms),
            exclude=list(event.exclude),
            platforms=list(event.platforms),
            require_at=event.require_at,
            listening=True,
        )
    )


def _owe(event: Turn, envelope: Envelope, db: Connection) -> None:
    same = ("brand", "platform", "mention_id", "author_account", "type", "priority", "tier", "turn")
    db.execute(
        insert(turns).values(
            tenant=envelope.tenant,
            case_id=event.case_id,
            **{name: getattr(event, name) for name in same},
            latest=True,
            author=schemas.dump(event.author),
            product_refs=list(event.product_refs),
            calendar_basis=event.calendar_basis.value,
            clock_started_at=micros(event.clock_started_at),
            due_at=micros(event.due_at),
            recorded_at=micros(envelope.recorded_at),
            open=True,
            breached=False,
        )
    )


def _set(
    event: CaseTurnedComplaint | ReplySent | CaseResolved | SlaBreached | SlaBreachWithdrawn,
    envelope: Envelope,
    db: Connection,
    **values: Any,
) -> None:
    one: ColumnElement[bool] = and_(
        turns.c.tenant == envelope.tenant,
        turns.c.case_id == event.case_id,
        turns.c.turn == event.turn,
    )
    db.execute(update(turns).where(one).values(values))
