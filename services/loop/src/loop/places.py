"""Where the loop keeps its facts."""

import os
from pathlib import Path

from sqlalchemy.engine import make_url

from chassis.settings import Settings, SettingsInvalid

VARIABLE = "FACTS_FILE"


def facts_file(settings: Settings) -> Path:
    """Return the DuckDB file: ``FACTS_FILE``, or beside the loop's own SQLite database.

    Raises:
        SettingsInvalid: neither says where.
    """
    given = os.environ.get(VARIABLE, "").strip()
    if given:
        return Path(given)
    database = make_url(settings.database_url)
    if database.get_backend_name() != "sqlite" or not database.database:
        raise SettingsInvalid([f"{VARIABLE}: needed unless DATABASE_URL is a SQLite file"])
    return Path(database.database).with_suffix(".duckdb")
