"""The bulk import of people: hundreds of rows in one request, each through the same rules."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from marshmallow import validate

from chassis import schemas
from chassis.errors import Invalid, Rejected
from chassis.ids import derived_id
from chassis.schemas import Readable
from chassis.unit_of_work import UnitOfWork
from identity import linking, observing, queries, verifying
from identity.account import ACCOUNT

Name = Annotated[str, validate.Length(min=1, max=200), Readable()]


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonRow:
    """One line: an account, whether it follows the brand, and who is behind it if that is known."""

    platform: Name
    platform_user_id: Name = field(repr=False)
    name: str | None = field(default=None, repr=False)
    topic: str | None = None
    at: datetime
    phone: str | None = field(default=None, repr=False)
    region: str | None = None
    property_id: str | None = None
    follows: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class RowResult:
    """What became of one line, counted from 1.

    ``code`` names the rule that refused; ``problems`` says which fields do not fit.
    """

    row: int
    outcome: Literal["added", "unchanged", "refused"]
    account_id: UUID | None = None
    person_id: UUID | None = None
    phone_id: UUID | None = None
    code: str | None = None
    problems: Any = None


def import_people(work: UnitOfWork, rows: Sequence[Any]) -> list[RowResult]:
    """Take every line in; a refused one leaves the others alone."""
    claims: Counter[UUID] = Counter()
    return [_read(work, number, row, claims) for number, row in enumerate(rows, start=1)]


def _read(work: UnitOfWork, number: int, line: Any, claims: Counter[UUID]) -> RowResult:
    try:
        row = schemas.load(PersonRow, line)
    except Invalid as error:
        return RowResult(row=number, outcome="refused", code=error.code, problems=error.problems)
    return _import(work, number, row, claims)


def _import(work: UnitOfWork, number: int, row: PersonRow, claims: Counter[UUID]) -> RowResult:
    account_id = observing.account_id_of(work, row.platform, row.platform_user_id)
    before = work.load(ACCOUNT, account_id).version
    try:
        _observe(work, row, account_id)
        claimed = _identify(work, row, account_id, claims) if row.phone else None
    except Rejected as refusal:
        return RowResult(row=number, outcome="refused", account_id=account_id, code=refusal.code)
    added = work.load(ACCOUNT, account_id).version > before or (claimed is not None and claimed.new)
    return RowResult(
        row=number,
        outcome="added" if added else "unchanged",
        account_id=account_id,
        person_id=claimed.person_id if claimed else None,
        phone_id=claimed.phone_id if claimed else None,
    )


def _observe(work: UnitOfWork, row: PersonRow, account_id: UUID) -> None:
    observing.observe_account(
        work,
        platform=row.platform,
        platform_user_id=row.platform_user_id,
        name=row.name,
        account_id=account_id,
    )
    if not row.follows:
        return
    observing.record_follow(
        work,
        account_id=account_id,
        property_id=row.property_id or row.platform,
        topic=row.topic,
        source_content_id=None,
        at=row.at,
    )


def _identify(
    work: UnitOfWork, row: PersonRow, account_id: UUID, claims: Counter[UUID]
) -> verifying.Claimed:
    person_id = _person_behind(work, account_id)
    claim = verifying.Claim(written=row.phone or "", region=row.region, account_id=account_id)
    claimed = verifying.claim_phone(
        work, person_id=person_id, claim=claim, pending=claims[person_id]
    )
    claims[person_id] += claimed.new
    return claimed


def _person_behind(work: UnitOfWork, account_id: UUID) -> UUID:
    owner = queries.owner_of(work.db, work.tenant, account_id)
    if owner is not None:
        return owner
    person_id = derived_id(work.tenant, "imported person", account_id)
    linking.register_person(work, origin="import", person_id=person_id)
    linking.link_account(
        work,
        person_id=person_id,
        account_id=account_id,
        evidence=linking.evidence_of("declared"),
        rule="import",
    )
    return person_id
