"""Show that a package's revisions lead to exactly the tables its code uses."""

from collections.abc import Collection
from typing import Any

from alembic import autogenerate
from alembic.runtime.migration import MigrationContext
from sqlalchemy import MetaData

from chassis.migrations import migrate, opened
from chassis.migrations.drafting import know_all_tables


def assert_migrations_match(
    package: str, metadata: MetaData, url: str, *, elsewhere: Collection[str] = ()
) -> None:
    """Fail when a table was changed without a revision, or the other way round.

    Args:
        package: Whose revisions.
        metadata: The tables that its code uses.
        url: An empty database; a SQLite file in the test's own folder will do.
        elsewhere: Tables that a revision creates by hand.
    """
    know_all_tables(package)
    migrate(url, package)

    def include(_thing: Any, name: str | None, kind: str, *_: Any) -> bool:
        return kind != "table" or name not in elsewhere

    with opened(url) as db:
        options = {"compare_type": True, "include_object": include}
        context = MigrationContext.configure(db, opts=options)
        difference = autogenerate.compare_metadata(context, metadata)
    assert not difference, f"{package}: draft a revision for {difference}"
