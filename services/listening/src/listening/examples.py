"""One good example of each event; tests vary them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from chassis.quotas.events import QUOTA_NEARLY_USED, QUOTA_USED_UP
from listening import case_events, events
from listening.case_state import case_id
from listening.work_calendar import Basis

__all__ = ["QUOTA_NEARLY_USED", "QUOTA_USED_UP"]

BRAND = "快书包"
WATCH_ID = UUID("0192f5d0-0000-7000-8000-00000000000a")
PERSONA_ID = UUID("0192f5d0-0000-7000-8000-00000000000b")
MENTION_ID = UUID("9a3794b9-1dbe-832c-aeba-d99c84b49009")
ROOT_ID = UUID("9a3794b9-1dbe-832c-aeba-d99c84b49010")
AUTHOR = UUID("bed02acf-234a-81aa-915f-cb522ad7d776")
REPLY_ID = UUID("0192f5d0-0000-7000-8000-00000000000c")
PERSON_ID = "0192f5d0-0000-7000-8000-00000000000d"
CASE_ID = case_id(BRAND, ROOT_ID)
AT = datetime(2026, 5, 6, 2, 0, tzinfo=UTC)
DUE_AT = AT + timedelta(minutes=5)

WATCH_DEFINED = events.WatchDefined(
    watch_id=WATCH_ID,
    brand=BRAND,
    terms=(BRAND, "kuaishubao"),
    exclude=("招聘",),
    platforms=("weibo", "wechat"),
    require_at=False,
)
WATCH_REVISED = events.WatchRevised(
    watch_id=WATCH_ID, brand=BRAND, terms=(BRAND,), exclude=(), platforms=(), require_at=False
)
WATCH_PAUSED = events.WatchPaused(watch_id=WATCH_ID, brand=BRAND)
PERSONA_REGISTERED = events.PersonaRegistered(persona_id=PERSONA_ID, brand=BRAND, name="小包")
REPLY_POLICY_CHANGED = events.ReplyPolicyChanged(
    brand=BRAND,
    policy_v="own-1",
    day_minutes=5,
    other_minutes=60,
    peak_minutes=15,
    opens="09:00",
    closes="18:00",
    peak_opens="21:00",
    boundary="earliest",
)
MENTION_DETECTED = events.MentionDetected(
    mention_id=MENTION_ID,
    brand=BRAND,
    platform="weibo",
    author_account=AUTHOR,
    post_id="4900000000000001",
    author_id="1000000001",
    author_name="小林",
    text="快书包太慢了,气死了",
    lang="zh-Hans",
    kind="comment",
    is_at=False,
    parent_id=ROOT_ID,
    root_id=ROOT_ID,
    product_refs=("book-1",),
    posted_at=AT - timedelta(seconds=40),
    detected_at=AT,
    watch_ids=(WATCH_ID,),
    matched_terms=(BRAND,),
)
MENTION_CLASSIFIED = events.MentionClassified(
    mention_id=MENTION_ID,
    brand=BRAND,
    author_account=AUTHOR,
    polarity="negative",
    score=Decimal("-0.6667"),
    lang="zh-Hans",
    intent="complaint",
    model="zh-lexicon-1+lid.176-lite",
)
STANDING = case_events.Standing(person_id=PERSON_ID, programmes=("club",), orders=2, open_cases=1)
CASE_OPENED = case_events.CaseOpened(
    case_id=CASE_ID,
    brand=BRAND,
    root_id=ROOT_ID,
    mention_id=MENTION_ID,
    author_account=AUTHOR,
    platform="weibo",
    type="consultation",
    priority=1,
    turn=1,
    policy_v="default-1",
    calendar_v="holidays-1",
    calendar_basis=Basis.OFFICIAL,
    tier="day",
    clock_started_at=AT,
    due_at=DUE_AT,
    product_refs=("book-1",),
    author=STANDING,
)
CASE_REOPENED = case_events.CaseReopened(
    case_id=CASE_ID,
    brand=BRAND,
    root_id=ROOT_ID,
    mention_id=MENTION_ID,
    author_account=AUTHOR,
    platform="weibo",
    type="consultation",
    priority=1,
    turn=2,
    policy_v="default-1",
    calendar_v="holidays-1",
    calendar_basis=Basis.OFFICIAL,
    tier="day",
    clock_started_at=AT + timedelta(hours=1),
    due_at=DUE_AT + timedelta(hours=1),
    product_refs=(),
    author=STANDING,
)
CASE_TURNED_COMPLAINT = case_events.CaseTurnedComplaint(
    case_id=CASE_ID, brand=BRAND, turn=1, mention_id=MENTION_ID, priority=0
)
REPLY_DRAFTED = case_events.ReplyDrafted(
    case_id=CASE_ID,
    reply_id=REPLY_ID,
    turn=1,
    persona_id=PERSONA_ID,
    persona_name="小包",
    org="brand",
    mention_id=MENTION_ID,
    author_account=AUTHOR,
    platform="weibo",
    text="对不起!我们马上查。",
    already_sent=False,
)
REPLY_SENT = case_events.ReplySent(
    case_id=CASE_ID,
    brand=BRAND,
    reply_id=REPLY_ID,
    turn=1,
    persona_id=PERSONA_ID,
    author_account=AUTHOR,
    platform_reply_id="4900000000000002",
    at=AT + timedelta(minutes=3),
    latency_s=180,
    within=True,
)
REPLY_FAILED = case_events.ReplyFailed(
    case_id=CASE_ID, reply_id=REPLY_ID, turn=1, error="unavailable", final=False
)
CASE_ESCALATED = case_events.CaseEscalated(
    case_id=CASE_ID, brand=BRAND, turn=1, because="channel_closed"
)
SLA_WARNED = case_events.SlaWarned(case_id=CASE_ID, brand=BRAND, turn=1, pct=50, due_at=DUE_AT)
SLA_BREACHED = case_events.SlaBreached(case_id=CASE_ID, brand=BRAND, turn=1, due_at=DUE_AT, by_s=0)
SLA_BREACH_WITHDRAWN = case_events.SlaBreachWithdrawn(
    case_id=CASE_ID,
    brand=BRAND,
    turn=1,
    due_at=DUE_AT,
    settled_at=AT + timedelta(minutes=3),
)
CASE_RESOLVED = case_events.CaseResolved(
    case_id=CASE_ID, brand=BRAND, turn=1, outcome="answered", at=AT + timedelta(minutes=3)
)
