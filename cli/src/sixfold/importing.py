"""Bring a user's own data into a running stack: good rows are kept, bad ones named by line."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from rich.console import Console

from chassis.tables_csv import BadRow
from listening.mentions_csv import Row as Mention
from listening.mentions_csv import read_rows as read_mentions
from sixfold import journeys
from sixfold.client import Client, Clients, fresh_key
from sixfold.feeding import Fed, chunks, feed_people, feed_rows, feed_visits
from sixfold.storefront import storefront_of
from sixfold.story import mention_body

R = TypeVar("R")
_FAILED = 1


def import_mentions(listening: Client, file: Path, zone: ZoneInfo | None, console: Console) -> int:
    """Import a file of mentions; return the exit code."""
    fed = Fed()
    with file.open("rb") as lines:
        good = _good(read_mentions(lines, zone=zone), fed)
    unmatched = 0
    for chunk in chunks(good):
        answer = listening.post(
            "/v1/imports/mentions", {"rows": [mention_body(row) for row in chunk]}, key=fresh_key()
        )
        fed.mentions += answer["recorded"]
        fed.known += answer["duplicates"]
        unmatched += answer["unmatched"]
        fed.refused += _refusals(answer, chunk)
    said = f"{fed.mentions} new mentions, {fed.known} known already, {unmatched} of no watch"
    return _summary(console, fed, said)


def import_journeys(
    clients: Clients, tenant: str, file: Path, *, zone: ZoneInfo, location: str, console: Console
) -> int:
    """Import a file of shop journeys; return the exit code.

    Goods are drawn from what the tenant offers: a file of journeys does not name them.
    """
    fed = Fed()
    with file.open("rb") as lines:
        visits = journeys.visits_of(_good(journeys.read_rows(lines, zone), fed))
    shop = storefront_of(clients["commerce"], tenant, location=location)
    people = feed_people(clients["identity"], shop, visits, fed)
    kept = feed_visits(clients["campaigns"], visits, people, fed)
    feed_rows(clients, shop, kept, people, fed)
    said = (
        f"{fed.visits} new visits, {fed.orders} new orders, {fed.chats} new chats, "
        f"{fed.known} known already"
    )
    return _summary(console, fed, said)


def _good(rows: Iterable[R | BadRow], fed: Fed) -> list[R]:
    kept: list[R] = []
    for row in rows:
        if isinstance(row, BadRow):
            fed.refused.append(f"line {row.line}: {row.reason}")
        else:
            kept.append(row)
    return kept


def _refusals(answer: Mapping[str, Any], rows: Sequence[Mention]) -> Iterator[str]:
    for refused in answer["refused"]:
        yield f"line {rows[refused['row'] - 1].line}: {refused['reason']}"


def _summary(console: Console, fed: Fed, text: str) -> int:
    for refusal in fed.refused:
        console.print(f"refused  {refusal}", style="yellow", markup=False)
    console.print(f"{text}, {len(fed.refused)} refused")
    return _FAILED if fed.refused else 0
