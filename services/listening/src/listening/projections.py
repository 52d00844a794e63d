"""Fold listening's events into its read models; ids and numbers only, never what people wrote."""

from typing import Any

from chassis import schemas
from chassis.changes import Change, Changes, insert, put, update
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

active_watches = Projection("active_watches", [watches])
known_personas = Projection("known_personas", [personas])
mention_list = Projection("mention_list", [mentions])
reply_board = Projection("reply_board", [turns])

Turn = CaseOpened | CaseReopened


@active_watches.fold(WatchDefined)
def listen(event: WatchDefined, envelope: Envelope) -> Changes:
    """Let a watch match."""
    yield _listen(event, envelope)


@active_watches.fold(WatchRevised)
def listen_otherwise(event: WatchRevised, envelope: Envelope) -> Changes:
    """Let a watch match by other words."""
    yield _listen(event, envelope)


@active_watches.fold(WatchPaused)
def stop_listening(event: WatchPaused, envelope: Envelope) -> Changes:
    """Let a watch match nothing."""
    watch = {"tenant": envelope.tenant, "watch_id": event.watch_id}
    yield update(watches, watch, listening=False)


@known_personas.fold(PersonaRegistered)
def list_persona(event: PersonaRegistered, envelope: Envelope) -> Changes:
    """Offer a persona."""
    yield insert(
        personas,
        tenant=envelope.tenant,
        persona_id=event.persona_id,
        brand=event.brand,
        name=event.name,
    )


@mention_list.fold(MentionDetected)
def list_mention(event: MentionDetected, envelope: Envelope) -> Changes:
    """List a mention, unread."""
    yield insert(
        mentions,
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


@mention_list.fold(MentionClassified)
def show_reading(event: MentionClassified, envelope: Envelope) -> Changes:
    """Show how a mention was read."""
    yield update(
        mentions,
        {"tenant": envelope.tenant, "mention_id": event.mention_id, "brand": event.brand},
        polarity=event.polarity,
        intent=event.intent,
        lang=event.lang,
    )


@reply_board.fold(CaseOpened)
def owe_reply(event: CaseOpened, envelope: Envelope) -> Changes:
    """Put a reply on the list of those owed."""
    yield _owe(event, envelope)


@reply_board.fold(CaseReopened)
def owe_another_reply(event: CaseReopened, envelope: Envelope) -> Changes:
    """Put one more reply on the list."""
    yield update(turns, {"tenant": envelope.tenant, "case_id": event.case_id}, latest=False)
    yield _owe(event, envelope)


@reply_board.fold(CaseTurnedComplaint)
def move_up(event: CaseTurnedComplaint, envelope: Envelope) -> Changes:
    """Move the reply before all that answer no complaint."""
    yield _set(event, envelope, type="complaint", priority=event.priority)


@reply_board.fold(ReplySent)
def note_reply(event: ReplySent, envelope: Envelope) -> Changes:
    """Take the reply off the list."""
    values = {"replied_at": micros(event.at), "latency_s": event.latency_s}
    yield _set(event, envelope, open=False, settled_at=micros(event.at), **values)


@reply_board.fold(CaseResolved)
def close(event: CaseResolved, envelope: Envelope) -> Changes:
    """Close the turn, with its reason."""
    yield _set(event, envelope, open=False, settled_at=micros(event.at), outcome=event.outcome)


@reply_board.fold(SlaBreached)
def mark_late(event: SlaBreached, envelope: Envelope) -> Changes:
    """Count the turn as late."""
    yield _set(event, envelope, breached=True)


@reply_board.fold(SlaBreachWithdrawn)
def unmark_late(event: SlaBreachWithdrawn, envelope: Envelope) -> Changes:
    """Count the turn as in time after all."""
    yield _set(event, envelope, breached=False)


def _listen(event: WatchDefined | WatchRevised, envelope: Envelope) -> Change:
    return put(
        watches,
        tenant=envelope.tenant,
        watch_id=event.watch_id,
        brand=event.brand,
        terms=list(event.terms),
        exclude=list(event.exclude),
        platforms=list(event.platforms),
        require_at=event.require_at,
        listening=True,
    )


def _owe(event: Turn, envelope: Envelope) -> Change:
    same = ("brand", "platform", "mention_id", "author_account", "type", "priority", "tier", "turn")
    return insert(
        turns,
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


def _set(
    event: CaseTurnedComplaint | ReplySent | CaseResolved | SlaBreached | SlaBreachWithdrawn,
    envelope: Envelope,
    **values: Any,
) -> Change:
    one = {"tenant": envelope.tenant, "case_id": event.case_id, "turn": event.turn}
    return update(turns, one, **values)
