"""Tenants apart in PostgreSQL: three roles for each service, and row-level security.

The owner changes the schema.  The application is bound to one tenant in each transaction and sees
no row of another's.  The system role sees every tenant's rows, because what a sequencer, a
publisher or a subscription takes in one transaction belongs to many.

All of it stands behind the code's own conditions, which name the tenant in every statement.
SQLite has neither roles nor policies: there the code's conditions are all there is.
"""

from dataclasses import dataclass

SETTING = "sixfold.tenant"
"""The parameter of a PostgreSQL session that says which tenant a transaction is bound to."""
NO_TENANT = "SF401"
"""The code of the error that a row of some tenant was wanted while none was bound."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Roles:
    """The names of one service's three roles.

    >>> Roles.named("sixfold_commerce").application
    'sixfold_commerce_application'
    """

    owner: str
    application: str
    system: str

    @classmethod
    def named(cls, prefix: str) -> "Roles":
        """Return the roles whose names begin with ``prefix``."""
        return cls(
            owner=f"{prefix}_owner",
            application=f"{prefix}_application",
            system=f"{prefix}_system",
        )
