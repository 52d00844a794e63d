"""All the ids that one buyer goes by."""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from commerce import persons
from commerce.tables import person_links


def names_of(db: Connection, tenant: str, member: str) -> Sequence[str]:
    """Return the person behind an id, with all their accounts and merged persons."""
    person = persons.person_behind(db, tenant, member)
    row = person_links.c
    others = select(row.member).where(row.tenant == tenant, row.person == person)
    return [person, *db.execute(others).scalars()]
