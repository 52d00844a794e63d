"""What commerce reads of identity's events to know who is in which audience."""

from dataclasses import dataclass

from commerce.upstream import upstream


@upstream.event("identity", "customer_kind_changed")
@dataclass(frozen=True, kw_only=True, slots=True)
class CustomerKindChanged:
    """A person turned from a prospect into a customer, or was taken for one."""

    person_id: str
    kind: str


@upstream.event("identity", "member_enrolled")
@dataclass(frozen=True, kw_only=True, slots=True)
class MemberEnrolled:
    """A known person is a member of a programme."""

    person_id: str
    programme: str
