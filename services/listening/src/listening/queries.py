"""What listening answers from its read models."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, exists, not_, or_, select

from chassis import schemas
from chassis.clock import moment
from chassis.privacy import KeyStore, MemoryKeys
from chassis.storage import log_on
from listening.answers import CaseRow, CaseView, MentionView, PersonaView, WatchView
from listening.case import CASE
from listening.case_events import Standing
from listening.case_refusals import NoSuchCase
from listening.case_state import Case
from listening.events import MentionDetected, registry
from listening.matching import WatchTerms
from listening.mention import MENTION, ActiveWatch
from listening.messages import CaseQuery, MentionQuery
from listening.tables import mentions, personas, turns, watches


def active_watches(db: Connection, tenant: str) -> list[ActiveWatch]:
    """Return the watches that a tenant's posts are held against."""
    return [
        ActiveWatch(
            watch_id=view.watch_id,
            brand=view.brand,
            terms=WatchTerms(terms=view.terms, exclude=view.exclude, require_at=view.require_at),
            platforms=view.platforms,
        )
        for view in list_watches(db, tenant)
        if view.listening
    ]


def list_watches(db: Connection, tenant: str) -> list[WatchView]:
    """Return every watch of a tenant."""
    found = select(watches).where(watches.c.tenant == tenant).order_by(watches.c.watch_id)
    return [
        WatchView(
            watch_id=row["watch_id"],
            brand=row["brand"],
            terms=tuple(row["terms"]),
            exclude=tuple(row["exclude"]),
            platforms=tuple(row["platforms"]),
            require_at=row["require_at"],
            listening=row["listening"],
        )
        for row in db.execute(found).mappings()
    ]


def list_personas(db: Connection, tenant: str) -> list[PersonaView]:
    """Return every persona of a tenant."""
    found = select(personas).where(personas.c.tenant == tenant).order_by(personas.c.persona_id)
    return [
        PersonaView(persona_id=row["persona_id"], brand=row["brand"], name=row["name"])
        for row in db.execute(found).mappings()
    ]


def list_mentions(
    db: Connection, tenant: str, wanted: MentionQuery, *, after: Sequence[Any] | None
) -> list[RowMapping]:
    """Return one row more than a page of mentions, the newest first."""
    rules = [mentions.c.tenant == tenant]
    if wanted.brand is not None:
        rules.append(mentions.c.brand == wanted.brand)
    if wanted.polarity is not None:
        rules.append(mentions.c.polarity == wanted.polarity)
    if wanted.unanswered is not None:
        rules.append(unanswered() if wanted.unanswered else not_(unanswered()))
    if after is not None:
        rules.append(_before(int(after[0]), UUID(after[1]), str(after[2])))
    order = (mentions.c.detected_at.desc(), mentions.c.mention_id, mentions.c.brand)
    found = select(mentions).where(and_(*rules)).order_by(*order).limit(wanted.limit + 1)
    return list(db.execute(found).mappings())


def unanswered() -> ColumnElement[bool]:
    """Say of a mention that no reply and no reason followed it."""
    settled = and_(
        turns.c.tenant == mentions.c.tenant,
        turns.c.case_id == mentions.c.case_id,
        turns.c.settled_at >= mentions.c.detected_at,
    )
    return not_(exists().where(settled))


def mention_view(row: RowMapping, post: MentionDetected | None) -> MentionView:
    """Return a mention for its readers; with the post, what its author wrote."""
    same = ("mention_id", "brand", "case_id", "platform", "kind", "author_account", "is_at")
    return MentionView(
        **{name: row[name] for name in (*same, "lang", "polarity", "intent")},
        posted_at=moment(row["posted_at"]),
        detected_at=moment(row["detected_at"]),
        author_name=post.author_name if post else None,
        text=post.text if post else None,
    )


def post_of(
    db: Connection, tenant: str, mention_id: UUID, keys: KeyStore
) -> MentionDetected | None:
    """Return a mention as it was heard, opened as far as ``keys`` still can."""
    stored = log_on(db).stream(tenant, MENTION.stream(mention_id))
    events = (registry.decode(one, keys) for one in stored if one.type == "mention_detected")
    return next(events, None)


def list_cases(
    db: Connection, tenant: str, wanted: CaseQuery, *, after: Sequence[Any] | None
) -> list[RowMapping]:
    """Return one row more than a page of cases: complaints first, then by due time."""
    rules = [turns.c.tenant == tenant, turns.c.latest, turns.c.open.is_(wanted.state == "open")]
    if wanted.brand is not None:
        rules.append(turns.c.brand == wanted.brand)
    if after is not None:
        rules.append(_behind(int(after[0]), int(after[1]), UUID(after[2])))
    order = (turns.c.priority, turns.c.due_at, turns.c.case_id)
    found = select(turns).where(and_(*rules)).order_by(*order).limit(wanted.limit + 1)
    return list(db.execute(found).mappings())


def case_row(row: RowMapping) -> CaseRow:
    """Return a row of the queue."""
    same = ("case_id", "turn", "brand", "platform", "mention_id", "author_account", "type")
    more = ("priority", "tier", "calendar_basis", "breached", "outcome")
    replied_at = row["replied_at"]
    return CaseRow(
        **{name: row[name] for name in (*same, *more)},
        author=schemas.load(Standing, row["author"]),
        clock_started_at=moment(row["clock_started_at"]),
        due_at=moment(row["due_at"]),
        replied_at=None if replied_at is None else moment(replied_at),
    )


def show_case(db: Connection, tenant: str, case: UUID) -> tuple[CaseView, int]:
    """Return a case as its own stream has it, and the stream's version.

    Raises:
        NoSuchCase: nothing was ever owed to the conversation.
    """
    history = log_on(db).stream(tenant, CASE.stream(case))
    nothing_opens = MemoryKeys()
    state = CASE.fold(registry.decode(stored, nothing_opens) for stored in history)
    return _case_view(case, state), len(history)


def _case_view(case: UUID, state: Case) -> CaseView:
    opened = state.opened
    if opened is None:
        raise NoSuchCase(str(case))
    return CaseView(
        case_id=case,
        brand=opened.brand,
        state="open" if state.owed else "settled",
        turn=state.turn,
        complaint=state.complaint,
        mention_id=opened.mention_id,
        author_account=opened.author_account,
        author=opened.author,
        tier=opened.tier,
        clock_started_at=opened.clock_started_at,
        due_at=opened.due_at,
        policy_v=opened.policy_v,
        calendar_v=opened.calendar_v,
        calendar_basis=opened.calendar_basis.value,
        breached=state.breached,
        reply_underway=bool(state.drafts),
        replied_at=state.replied_at,
    )


def mention_place(row: RowMapping) -> list[Any]:
    """Return where a page of mentions ended."""
    return [row["detected_at"], str(row["mention_id"]), row["brand"]]


def case_place(row: RowMapping) -> list[Any]:
    """Return where a page of cases ended."""
    return [row["priority"], row["due_at"], str(row["case_id"])]


def _before(detected_at: int, mention_id: UUID, brand: str) -> ColumnElement[bool]:
    same_moment = mentions.c.detected_at == detected_at
    return or_(
        mentions.c.detected_at < detected_at,
        and_(same_moment, mentions.c.mention_id > mention_id),
        and_(same_moment, mentions.c.mention_id == mention_id, mentions.c.brand > brand),
    )


def _behind(priority: int, due_at: int, case: UUID) -> ColumnElement[bool]:
    # Spelt out: not every database compares a UUID inside a row value.
    return or_(
        turns.c.priority > priority,
        and_(turns.c.priority == priority, turns.c.due_at > due_at),
        and_(turns.c.priority == priority, turns.c.due_at == due_at, turns.c.case_id > case),
    )
