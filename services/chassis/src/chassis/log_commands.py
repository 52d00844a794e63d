"""Which commands a log remembers: asked and told for a whole batch in one statement each."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from chassis import direct
from chassis.context import Context
from chassis.log import CommandReused
from chassis.log_rows import REMEMBER_COMMAND, command_row

_ASKED = {
    "sqlite": """(SELECT json_extract(value, '$[0]') AS tenant, json_extract(value, '$[1]') AS id
        FROM json_each(:asked))""",
    "postgresql": """(SELECT value ->> 0 AS tenant, CAST(value ->> 1 AS uuid) AS id
        FROM jsonb_array_elements(CAST(:asked AS jsonb)))""",
}
_KNOWN = {
    dialect: f"""SELECT c.command_id, c.digest FROM {asked} asked
    JOIN commands c ON c.tenant = asked.tenant AND c.command_id = asked.id"""  # noqa: S608
    for dialect, asked in _ASKED.items()
}
_REMEMBER_ALL = """INSERT INTO commands (tenant, command_id, digest, outcome)
SELECT * FROM unnest(CAST(:tenant AS text[]), CAST(:command_id AS uuid[]),
    CAST(:digest AS bytea[]), CAST(:outcome AS text[]))
ON CONFLICT DO NOTHING"""


def known(db: Connection, contexts: Sequence[Context]) -> set[UUID]:
    """Return the ids of those commands that were carried out before.

    Raises:
        CommandReused: one of the ids belongs to another command.
    """
    if not contexts:
        return set()
    digests = {context.command_id: context.digest for context in contexts}
    asked = json.dumps([[context.tenant, str(context.command_id)] for context in contexts])
    found = direct.rows(db, _KNOWN[db.dialect.name], {"asked": asked})
    done = {UUID(str(row["command_id"])): bytes(row["digest"]) for row in found}
    for command_id, digest in done.items():
        if digest != digests[command_id]:
            raise CommandReused(f"command {command_id} was another command")
    return set(done)


def remember(db: Connection, contexts: Sequence[Context]) -> None:
    """Note commands that recorded nothing, so that none of them is carried out again."""
    rows = [command_row(context, ()) for context in contexts]
    if not rows:
        return
    if db.dialect.name == "sqlite":
        direct.execute_many(db, REMEMBER_COMMAND, rows)
        return
    columns: dict[str, Any] = {name: [row[name] for row in rows] for name in rows[0]}
    direct.execute(db, _REMEMBER_ALL, columns)
