"""The one Alembic environment that every package's revisions run in."""
