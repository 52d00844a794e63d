"""Mentions from CSV with the replies that people gave; the demonstration's were written for it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chassis.tables_csv import BadRow, Layout, Record, read_table
from listening.mentions_csv import LAYOUT as MENTIONS
from listening.mentions_csv import Row as MentionRow
from listening.mentions_csv import row_of
from sixfold.client import Client

LAYOUT = Layout(
    required=MENTIONS.required,
    optional=(*MENTIONS.optional, "reply_minutes", "reply"),
    may_be_empty=MENTIONS.may_be_empty,
    longest={**MENTIONS.longest, "reply": 2_500},
    default_longest=MENTIONS.default_longest,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """A mention, and when and what somebody answered, if they did."""

    mention: MentionRow
    reply: str | None
    replied_at: datetime | None


def read_story(lines: Iterable[str | bytes]) -> Iterator[Told | BadRow]:
    """Read mentions with their replies; bad rows come back with line and reason."""
    for found in read_table(lines, LAYOUT):
        yield found if isinstance(found, BadRow) else _told(found)


def mention_body(row: MentionRow) -> dict[str, Any]:
    """Return a row as listening's import takes it."""
    return {
        "platform": row.platform,
        "post_id": row.post_id,
        "author_id": row.author_id,
        "author_name": row.author_name,
        "text": row.text,
        "posted_at": row.posted_at.isoformat(),
        "kind": row.kind,
        "parent_id": row.parent_id,
        "root_id": row.root_id,
        "is_at": row.is_at,
    }


def reply(listening: Client, case_id: str, told: Told, persona: str) -> None:
    """Record the reply that was given to a case."""
    at = told.replied_at
    listening.post(
        f"/v1/cases/{case_id}/replies",
        {"text": told.reply, "persona_id": persona, "occurred_at": at.isoformat() if at else None},
    )


def _told(found: Record) -> Told | BadRow:
    mention = row_of(found)
    if isinstance(mention, BadRow):
        return mention
    minutes, text = found.cells.get("reply_minutes", ""), found.cells.get("reply", "")
    if not minutes:
        return Told(mention=mention, reply=None, replied_at=None)
    if not minutes.isdigit():
        return BadRow(line=found.line, reason="reply_minutes is not a whole number.")
    replied_at = mention.posted_at + timedelta(minutes=int(minutes))
    return Told(mention=mention, reply=text, replied_at=replied_at)
