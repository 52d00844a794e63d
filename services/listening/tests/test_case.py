"""One reply is owed to one conversation: the rules, without any server."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.testing.scenario import Scenario
from listening.case import CASE
from listening.case_commands import (
    CallBreach,
    CaseCommand,
    DraftReply,
    OpenCase,
    RecordReply,
    RecordReplyFailure,
    ResolveCase,
    WarnOfDue,
)
from listening.case_events import CaseEvent, Promise, SlaBreached
from listening.case_refusals import (
    NeverDrafted,
    NoSuchCase,
    NothingToAnswer,
    OnlyTheBrandAnswersComplaints,
    PersonaOfAnotherBrand,
    ReplyUnderway,
    WithoutPersona,
)
from listening.case_state import Case
from listening.examples import (
    AT,
    AUTHOR,
    BRAND,
    CASE_ESCALATED,
    CASE_ID,
    CASE_OPENED,
    CASE_REOPENED,
    CASE_RESOLVED,
    CASE_TURNED_COMPLAINT,
    DUE_AT,
    MENTION_ID,
    PERSONA_ID,
    REPLY_DRAFTED,
    REPLY_FAILED,
    REPLY_ID,
    REPLY_SENT,
    ROOT_ID,
    SLA_BREACH_WITHDRAWN,
    SLA_BREACHED,
    SLA_WARNED,
    STANDING,
)
from listening.persona import Persona
from listening.work_calendar import Basis

COMPLAINT = replace(CASE_OPENED, type="complaint", priority=0)
SECOND = timedelta(seconds=1)
OTHER_REPLY = UUID(int=7)


def after(*history: CaseEvent) -> Scenario[Case, CaseCommand, CaseEvent]:
    return Scenario(CASE, history)


def mention(started_at: datetime = AT, intent: str = "consultation") -> OpenCase:
    promise = Promise(
        clock_started_at=started_at,
        due_at=started_at + timedelta(minutes=5),
        tier="day",
        policy_v="default-1",
        calendar_v="holidays-1",
        calendar_basis=Basis.OFFICIAL,
    )
    return OpenCase(
        case_id=CASE_ID,
        brand=BRAND,
        root_id=ROOT_ID,
        mention_id=MENTION_ID,
        author_account=AUTHOR,
        platform="weibo",
        intent=intent,  # type: ignore[arg-type]  # one of the literals
        promise=promise,
        product_refs=("book-1",),
        author=STANDING,
    )


def reply(**changes: object) -> DraftReply:
    drafted = DraftReply(
        case_id=CASE_ID,
        reply_id=REPLY_ID,
        persona_id=PERSONA_ID,
        persona=Persona(brand=BRAND, name="小包"),
        org="brand",
        text=REPLY_DRAFTED.text or "",
    )
    return replace(drafted, **changes)  # type: ignore[arg-type]  # names are DraftReply's


def sent(at: datetime, platform_reply_id: str | None = None) -> RecordReply:
    return RecordReply(
        case_id=CASE_ID, reply_id=REPLY_ID, at=at, platform_reply_id=platform_reply_id
    )


def test_a_mention_is_owed_a_reply() -> None:
    """A customer's question would wait for ever."""
    after().when(mention()).then(CASE_OPENED)


def test_a_conversation_has_one_open_case() -> None:
    """Two agents would answer the same customer."""
    after(CASE_OPENED).when(mention(AT + SECOND)).then_nothing()


def test_a_complaint_in_an_open_conversation_moves_it_up() -> None:
    """Anger that follows a mild question would wait behind everything else."""
    after(CASE_OPENED).when(mention(intent="complaint")).then(CASE_TURNED_COMPLAINT)
    after(COMPLAINT).when(mention(intent="complaint")).then_nothing()


def test_who_speaks_again_after_the_answer_is_owed_another_one() -> None:
    """A second question in a closed conversation would be overlooked."""
    closed = after(CASE_OPENED, REPLY_DRAFTED, REPLY_SENT, CASE_RESOLVED)
    again = replace(mention(CASE_REOPENED.clock_started_at), product_refs=())

    closed.when(again).then(CASE_REOPENED)


def test_what_was_said_before_the_answer_is_answered() -> None:
    """A post that reaches us late would be answered twice."""
    closed = after(CASE_OPENED, REPLY_DRAFTED, REPLY_SENT, CASE_RESOLVED)

    closed.when(mention(REPLY_SENT.at)).then_nothing()


def test_a_reply_goes_out_under_a_registered_persona_of_the_brand() -> None:
    """Customers would be answered by a nameless corporate voice."""
    opened = after(CASE_OPENED)

    opened.when(reply()).then(REPLY_DRAFTED)
    opened.when(reply(persona_id=None)).then_rejected(WithoutPersona)
    opened.when(reply(persona=Persona())).then_rejected(WithoutPersona)
    opened.when(reply(persona=Persona(brand="other"))).then_rejected(PersonaOfAnotherBrand)


def test_an_agency_may_answer_but_not_a_complaint() -> None:
    """An agency would speak for the brand where it matters most."""
    after(CASE_OPENED).when(reply(org="agency")).then(replace(REPLY_DRAFTED, org="agency"))
    after(COMPLAINT).when(reply(org="agency")).then_rejected(OnlyTheBrandAnswersComplaints)
    turned = after(CASE_OPENED, CASE_TURNED_COMPLAINT)
    turned.when(reply(org="agency")).then_rejected(OnlyTheBrandAnswersComplaints)


def test_nobody_answers_twice() -> None:
    """A customer would get two answers to one question."""
    after(CASE_OPENED, REPLY_DRAFTED).when(reply()).then_nothing()
    after(CASE_OPENED, REPLY_DRAFTED).when(reply(reply_id=OTHER_REPLY)).then_rejected(ReplyUnderway)
    answered = after(CASE_OPENED, REPLY_DRAFTED, REPLY_SENT)
    answered.when(reply(reply_id=OTHER_REPLY)).then_rejected(NothingToAnswer)


def test_a_case_that_never_opened_cannot_be_worked_on() -> None:
    """A typing mistake in an id would create a case out of nothing."""
    nothing = after()
    for command in (
        reply(),
        sent(AT),
        RecordReplyFailure(case_id=CASE_ID, reply_id=REPLY_ID, error="x", final=True),
        WarnOfDue(case_id=CASE_ID, due_at=DUE_AT, pct=50),
        CallBreach(case_id=CASE_ID, due_at=DUE_AT),
        ResolveCase(case_id=CASE_ID, outcome="spam", at=AT),
    ):
        nothing.when(command).then_rejected(NoSuchCase)


def test_a_reply_that_went_out_stops_the_clock_once() -> None:
    """The same delivery told twice would count as two replies."""
    drafted = after(CASE_OPENED, REPLY_DRAFTED)

    drafted.when(sent(REPLY_SENT.at, "4900000000000002")).then(REPLY_SENT)
    after(CASE_OPENED, REPLY_DRAFTED, REPLY_SENT).when(sent(DUE_AT)).then_nothing()
    after(CASE_OPENED).when(sent(AT)).then_rejected(NeverDrafted)


@pytest.mark.parametrize(
    ("late_by", "within", "more"),
    [(0, True, ()), (1, False, (replace(SLA_BREACHED, by_s=1),))],
)
def test_the_due_second_itself_is_in_time(
    late_by: int, *, within: bool, more: tuple[SlaBreached, ...]
) -> None:
    """An answer in the last second would be called late, or a late one in time."""
    at = DUE_AT + late_by * SECOND
    expected = replace(
        REPLY_SENT, at=at, within=within, latency_s=300 + late_by, platform_reply_id=None
    )

    after(CASE_OPENED, REPLY_DRAFTED).when(sent(at)).then(expected, *more)


def test_a_breach_is_called_once_and_only_while_the_clock_runs() -> None:
    """One late answer would be counted twice, or a punctual one as late."""
    call = CallBreach(case_id=CASE_ID, due_at=DUE_AT)

    after(CASE_OPENED).when(call).then(SLA_BREACHED)
    after(CASE_OPENED, SLA_BREACHED).when(call).then_nothing()
    after(CASE_OPENED, CASE_RESOLVED).when(call).then_nothing()
    after(CASE_OPENED).when(replace(call, due_at=DUE_AT + SECOND)).then_nothing()


def test_a_breach_is_taken_back_when_word_of_a_punctual_answer_comes_late() -> None:
    """A record that arrives after its time would leave a punctual answer marked as late."""
    late_word = after(CASE_OPENED, REPLY_DRAFTED, SLA_BREACHED)
    settled = replace(REPLY_SENT, platform_reply_id=None)

    late_word.when(sent(REPLY_SENT.at)).then(settled, SLA_BREACH_WITHDRAWN)


def test_warnings_come_once_for_each_share() -> None:
    """Agents would be warned again and again, or not at all."""
    warn = WarnOfDue(case_id=CASE_ID, due_at=DUE_AT, pct=50)

    after(CASE_OPENED).when(warn).then(SLA_WARNED)
    after(CASE_OPENED, SLA_WARNED).when(warn).then_nothing()
    after(CASE_OPENED, REPLY_DRAFTED, REPLY_SENT).when(warn).then_nothing()


def test_a_reply_that_the_platform_never_takes_escalates_and_frees_the_case() -> None:
    """A closed channel would leave the case blocked by a reply that nobody can see."""
    failure = RecordReplyFailure(case_id=CASE_ID, reply_id=REPLY_ID, error="closed", final=True)
    failed = replace(REPLY_FAILED, error="closed", final=True)

    after(CASE_OPENED, REPLY_DRAFTED).when(failure).then(failed, CASE_ESCALATED)
    after(CASE_OPENED).when(failure).then_nothing()
    freed = after(CASE_OPENED, REPLY_DRAFTED, failed, CASE_ESCALATED)
    freed.when(reply(reply_id=OTHER_REPLY)).then(replace(REPLY_DRAFTED, reply_id=OTHER_REPLY))


def test_a_reply_that_may_yet_go_out_keeps_its_place() -> None:
    """A second answer would be written while the first is still being tried."""
    failure = RecordReplyFailure(
        case_id=CASE_ID, reply_id=REPLY_ID, error="unavailable", final=False
    )

    after(CASE_OPENED, REPLY_DRAFTED).when(failure).then(REPLY_FAILED)
    tried = after(CASE_OPENED, REPLY_DRAFTED, REPLY_FAILED)
    tried.when(reply(reply_id=OTHER_REPLY)).then_rejected(ReplyUnderway)


def test_closing_with_a_reason_stops_the_clock() -> None:
    """Spam would count as an unanswered customer."""
    close = ResolveCase(case_id=CASE_ID, outcome="spam", at=AT + SECOND)
    closed = replace(CASE_RESOLVED, outcome="spam", at=AT + SECOND)

    after(CASE_OPENED).when(close).then(closed)
    after(CASE_OPENED, closed).when(close).then_nothing()
    after(CASE_OPENED, CASE_RESOLVED, CASE_REOPENED).when(replace(close, turn=1)).then_nothing()


def test_a_reply_that_was_on_its_way_does_not_answer_what_was_asked_later() -> None:
    """A new question would be taken for answered by words written before it."""
    again = after(CASE_OPENED, REPLY_DRAFTED, CASE_RESOLVED, CASE_REOPENED)
    started = CASE_REOPENED.clock_started_at
    expected = replace(REPLY_SENT, at=started + SECOND, latency_s=1, turn=1, platform_reply_id=None)

    again.when(sent(started + SECOND)).then(expected)
    state = CASE.fold([CASE_OPENED, REPLY_DRAFTED, CASE_RESOLVED, CASE_REOPENED, expected])
    assert state.owed


replies_at = st.integers(min_value=-400, max_value=400).map(lambda s: DUE_AT + s * SECOND)
clock_commands = st.permutations(
    [
        WarnOfDue(case_id=CASE_ID, due_at=DUE_AT, pct=50),
        WarnOfDue(case_id=CASE_ID, due_at=DUE_AT, pct=80),
        CallBreach(case_id=CASE_ID, due_at=DUE_AT),
        CallBreach(case_id=CASE_ID, due_at=DUE_AT),
    ]
)


@given(timers=clock_commands, place=st.integers(0, 4), at=replies_at, by_reply=st.booleans())
def test_any_order_of_reply_and_timers_ends_the_same(
    *, timers: list[CaseCommand], place: int, at: datetime, by_reply: bool
) -> None:
    """Whether an answer was late would depend on which record was processed first."""
    settle: CaseCommand = (
        reply(sent_at=at)
        if by_reply
        else ResolveCase(case_id=CASE_ID, outcome="no_reply_needed", at=at)
    )
    history = run([*timers[:place], settle, *timers[place:]])
    alone = run([settle])

    assert sum(isinstance(event, SlaBreached) for event in history) <= 1
    assert CASE.fold(history) == CASE.fold(alone)
    assert CASE.fold(history).breached is (at > DUE_AT)


def run(commands: list[CaseCommand]) -> list[CaseEvent]:
    history: list[CaseEvent] = [CASE_OPENED]
    for command in commands:
        history.extend(CASE.decide(CASE.fold(history), command))
    return history
