"""What listening does about watches, personas, promises and cases: a use case a function."""

from datetime import datetime
from uuid import UUID

from chassis.ids import derived_id
from chassis.unit_of_work import UnitOfWork
from listening import neighbours
from listening.case import CASE
from listening.case_commands import DraftReply, OpenCase, ResolveCase
from listening.case_events import Organisation, Outcome, Promise
from listening.case_refusals import AuthorForgotten
from listening.case_state import case_id
from listening.events import MentionDetected
from listening.intent import Intent
from listening.messages import PersonaBody, PolicyBody, WatchBody, WatchRevision
from listening.persona import PERSONA, Persona, RegisterPersona
from listening.reply_clock import ReplyPolicy, reply_due
from listening.reply_policy import REPLY_POLICY, ChangeReplyPolicy, policy_id, policy_of
from listening.watch import WATCH, DefineWatch, PauseWatch, ReviseWatch


def define_watch(work: UnitOfWork, *, wanted: WatchBody) -> UUID:
    """Begin to listen for a brand and return the watch's id."""
    watch_id = wanted.watch_id or derived_id(work.context.command_id, "watch")
    command = DefineWatch(
        watch_id=watch_id,
        brand=wanted.brand,
        terms=tuple(wanted.terms),
        exclude=tuple(wanted.exclude),
        platforms=tuple(wanted.platforms),
        require_at=wanted.require_at,
    )
    work.execute(WATCH, watch_id, command)
    return watch_id


def revise_watch(
    work: UnitOfWork, *, watch_id: UUID, wanted: WatchRevision, expected_version: int | None
) -> None:
    """Listen by other words from now on."""
    command = ReviseWatch(
        watch_id=watch_id,
        terms=tuple(wanted.terms),
        exclude=tuple(wanted.exclude),
        platforms=tuple(wanted.platforms),
        require_at=wanted.require_at,
    )
    work.execute(WATCH, watch_id, command, expected_version=expected_version)


def pause_watch(work: UnitOfWork, *, watch_id: UUID, expected_version: int | None) -> None:
    """Stop listening until the watch is revised."""
    work.execute(WATCH, watch_id, PauseWatch(watch_id=watch_id), expected_version=expected_version)


def register_persona(work: UnitOfWork, *, wanted: PersonaBody) -> UUID:
    """Answer under one more name and return the persona's id."""
    persona_id = wanted.persona_id or derived_id(work.context.command_id, "persona")
    command = RegisterPersona(persona_id=persona_id, brand=wanted.brand, name=wanted.name)
    work.execute(PERSONA, persona_id, command)
    return persona_id


def change_reply_policy(work: UnitOfWork, *, wanted: PolicyBody) -> str:
    """Promise other reply times and return the version of the promise."""
    command = ChangeReplyPolicy(
        brand=wanted.brand,
        day_minutes=wanted.day_minutes,
        other_minutes=wanted.other_minutes,
        peak_minutes=wanted.peak_minutes,
        opens=wanted.opens,
        closes=wanted.closes,
        peak_opens=wanted.peak_opens,
        boundary=wanted.boundary,
    )
    done = work.execute(REPLY_POLICY, policy_id(wanted.brand), command)
    return ReplyPolicy().version if done.state.current is None else done.state.current.policy_v


def open_case(work: UnitOfWork, *, detected: MentionDetected, intent: Intent) -> None:
    """Owe a reply to a mention, with what is known of its author at this moment."""
    case = case_id(detected.brand, detected.root_id)
    command = OpenCase(
        case_id=case,
        brand=detected.brand,
        root_id=detected.root_id,
        mention_id=detected.mention_id,
        author_account=detected.author_account,
        platform=detected.platform,
        intent=intent,
        promise=promise_of(work, brand=detected.brand, started_at=detected.detected_at),
        product_refs=tuple(detected.product_refs),
        author=neighbours.standing_of(work.db, work.tenant, detected.author_account),
    )
    work.execute(CASE, case, command)


def promise_of(work: UnitOfWork, *, brand: str, started_at: datetime) -> Promise:
    """Return when a brand's reply is due to whom it discovered at ``started_at``."""
    current = work.load(REPLY_POLICY, policy_id(brand)).state.current
    policy = ReplyPolicy() if current is None else policy_of(current)
    due = reply_due(started_at, policy, neighbours.calendar_of(work.db, work.tenant))
    return Promise(
        clock_started_at=started_at,
        due_at=due.due_at,
        tier=due.tier,
        policy_v=due.policy_v,
        calendar_v=due.calendar_v,
        calendar_basis=due.calendar_basis,
    )


def draft_reply(
    work: UnitOfWork,
    *,
    case: UUID,
    text: str,
    persona_id: UUID | None,
    org: Organisation,
    sent_at: datetime | None,
    expected_version: int | None,
) -> UUID:
    """Answer a conversation and return the reply's id.

    Raises:
        AuthorForgotten: nothing can be sent, or kept, for somebody who was erased.
    """
    opened = work.load(CASE, case).state.opened
    if opened is not None and not work.keys.open_key(work.tenant, str(opened.author_account)):
        raise AuthorForgotten("The author's data was erased.")
    persona = Persona() if persona_id is None else work.load(PERSONA, persona_id).state
    reply_id = derived_id(work.context.command_id, "reply")
    command = DraftReply(
        case_id=case,
        reply_id=reply_id,
        persona_id=persona_id,
        persona=persona,
        org=org,
        text=text,
        sent_at=sent_at,
    )
    work.execute(CASE, case, command, expected_version=expected_version)
    return reply_id


def resolve_case(
    work: UnitOfWork, *, case: UUID, outcome: Outcome, expected_version: int | None
) -> None:
    """Close a case with a reason."""
    command = ResolveCase(case_id=case, outcome=outcome, at=work.now)
    work.execute(CASE, case, command, expected_version=expected_version)
