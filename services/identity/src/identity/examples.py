"""One good example of every event; tests vary them, and other teams read them as contracts."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from chassis.quotas.events import QUOTA_NEARLY_USED, QUOTA_USED_UP
from chassis.quotas.limits import NamedLimit
from identity.contact_events import (
    ConsentGranted,
    ConsentWithdrawn,
    MemberEnrolled,
    PhoneClaimed,
    PhoneContested,
    PhoneReassigned,
    PhoneReleased,
    PhoneVerified,
    VerificationFailed,
    VerificationStarted,
)
from identity.events import (
    AccountLinked,
    AccountObserved,
    AccountUnlinked,
    BrandFollowed,
    BrandUnfollowed,
    CustomerKindChanged,
    EmailDeclared,
    ErasureAcknowledged,
    ErasureEscalated,
    ErasureRequested,
    Evidence,
    MergeProposed,
    PersonErased,
    PersonRegistered,
    PersonsMerged,
    PersonSplit,
    Profile,
    TenantCreated,
    TenantQuotasSet,
    TenantRevised,
)

__all__ = ["QUOTA_NEARLY_USED", "QUOTA_USED_UP"]

NOW = datetime(2026, 5, 6, 2, 0, tzinfo=UTC)
ACCOUNT_ID = UUID("2f1f8a9e-0000-8000-8000-000000000001")
PERSON_ID = UUID("0190f3c0-0000-7000-8000-000000000002")
OTHER_ID = UUID("0190f3c0-0000-7000-8000-000000000003")
PHONE_ID = UUID("0190f3c0-0000-7000-8000-000000000004")
CHALLENGE_ID = UUID("0190f3c0-0000-7000-8000-000000000005")
LINK_ID = UUID("0190f3c0-0000-7000-8000-000000000006")
REQUEST_ID = UUID("0190f3c0-0000-7000-8000-000000000007")

TENANT_CREATED = TenantCreated(
    tenant_id="kuaibao",
    name="Kuaibao Books",
    zone="Asia/Shanghai",
    currency="CNY",
    country="CN",
    calendar="CN",
    retention_days=1095,
)
TENANT_REVISED = TenantRevised(
    tenant_id="kuaibao",
    name="Kuaibao Books",
    zone="Asia/Hong_Kong",
    currency="HKD",
    country="HK",
    calendar="HK",
    retention_days=365,
)
TENANT_QUOTAS_SET = TenantQuotasSet(
    tenant_id="kuaibao",
    zone="Asia/Shanghai",
    limits=(
        NamedLimit(name="events_a_day", limit=100_000),
        NamedLimit(name="products", limit=None),
        NamedLimit(name="watches", limit=50),
    ),
    reason="contract of May 2026",
)
OBSERVED = AccountObserved(
    account_id=ACCOUNT_ID,
    platform="weibo",
    platform_user_id="1660000000",
    name="爱读书的小林",
    profile=Profile(followers=210, following=180, posts=930, verified=False),
)
FOLLOWED = BrandFollowed(
    account_id=ACCOUNT_ID,
    property_id="weibo:kuaibao",
    platform="weibo",
    acquired_topic="detective novels",
    source_content_id=None,
    at=NOW,
)
UNFOLLOWED = BrandUnfollowed(account_id=ACCOUNT_ID, property_id="weibo:kuaibao", at=NOW)
REGISTERED = PersonRegistered(person_id=PERSON_ID, origin="form")
LINKED = AccountLinked(
    account_id=ACCOUNT_ID,
    person_id=PERSON_ID,
    evidence=Evidence(kind="otp", score=1.0),
    rule="phone_code",
)
UNLINKED = AccountUnlinked(account_id=ACCOUNT_ID, person_id=PERSON_ID, reason="consent_refused")
EMAIL_DECLARED = EmailDeclared(email_id=LINK_ID, person_id=PERSON_ID, address="xiaolin@example.org")
PROPOSED = MergeProposed(
    proposal_id=LINK_ID,
    a=PERSON_ID,
    b=OTHER_ID,
    score=0.8,
    features=("same_phone", "different_verified_phones"),
)
MERGED = PersonsMerged(
    survivor=PERSON_ID, absorbed=OTHER_ID, link_id=LINK_ID, rule="same_phone", approver=None
)
SPLIT = PersonSplit(
    from_person=PERSON_ID, to_person=OTHER_ID, accounts=(ACCOUNT_ID,), undoes_link_id=LINK_ID
)
CUSTOMER = CustomerKindChanged(person_id=PERSON_ID, kind="existing", because="order 1042")
ERASURE_REQUESTED = ErasureRequested(
    request_id=REQUEST_ID,
    person_id=PERSON_ID,
    subjects=(str(PERSON_ID), str(ACCOUNT_ID), str(PHONE_ID)),
    requested_at=NOW,
)
ACKNOWLEDGED = ErasureAcknowledged(request_id=REQUEST_ID, service="commerce")
ESCALATED = ErasureEscalated(
    request_id=REQUEST_ID, missing=("loop",), due_at=NOW + timedelta(days=7)
)
ERASED = PersonErased(request_id=REQUEST_ID, person_id=PERSON_ID)
CLAIMED = PhoneClaimed(
    phone_id=PHONE_ID,
    person_id=PERSON_ID,
    phone_token="7d" * 32,
    e164="+8613800138000",
    region="CN",
    tz="Asia/Shanghai",
    account_id=ACCOUNT_ID,
    programme="readers",
    campaign_id="spring",
)
STARTED = VerificationStarted(
    phone_id=PHONE_ID,
    person_id=PERSON_ID,
    challenge_id=CHALLENGE_ID,
    channel="sms",
    expires_at=NOW + timedelta(minutes=5),
    attempts_left=5,
)
FAILED = VerificationFailed(
    phone_id=PHONE_ID, person_id=PERSON_ID, challenge_id=CHALLENGE_ID, left=4
)
VERIFIED = PhoneVerified(
    phone_id=PHONE_ID,
    person_id=PERSON_ID,
    level="code",
    verified_at=NOW,
    valid_until=NOW + timedelta(days=90),
)
CONTESTED = PhoneContested(phone_id=PHONE_ID, holder=PERSON_ID, challenger=OTHER_ID, proven_at=NOW)
RELEASED = PhoneReleased(phone_id=PHONE_ID, person_id=PERSON_ID, reason="recycled")
REASSIGNED = PhoneReassigned(
    phone_id=PHONE_ID, from_person=PERSON_ID, to_person=OTHER_ID, evidence="otp"
)
GRANTED = ConsentGranted(
    person_id=PERSON_ID,
    purpose="marketing",
    channel="sms",
    basis="consent",
    text_version="2026-04",
    proof="form 7, box ticked",
)
WITHDRAWN = ConsentWithdrawn(person_id=PERSON_ID, purpose="marketing", channel="sms")
ENROLLED = MemberEnrolled(
    member_id=LINK_ID,
    person_id=PERSON_ID,
    programme="readers",
    from_account=ACCOUNT_ID,
    campaign_id="spring",
)
