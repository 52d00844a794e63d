"""The main job: a stranger watches a mention become an order."""

import gzip
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.console import Console

from chassis.tables_csv import BadRow
from sixfold import report, setting_up, story
from sixfold.client import Clients
from sixfold.feeding import Fed, feed_people, feed_rows, feed_visits
from sixfold.following_up import fulfil_orders, reply_to_chats, verify_phones
from sixfold.journeys import Visit, read_rows, visits_of
from sixfold.settling import vector, wait_until_settled
from sixfold.shop import BRAND, TENANT, ZONE
from sixfold.stack import DatabaseKind, Stack, clients_of
from sixfold.storefront import storefront_of
from sixfold.story import Told

Say = Callable[[str], None]
WEEK = timedelta(weeks=1)
AGAIN = ".venv/bin/sixfold replay --json"


def run(
    directory: Path, *, database: DatabaseKind, rows: int | None, once: bool, console: Console
) -> None:
    """Start a private stack, feed it half a year, print the loop, and stay up.

    Args:
        directory: Of the stack.
        database: Where the services keep their data.
        rows: Feed only the first rows of the journeys; None feeds all.
        once: Leave after the table.
        console: Where to print.
    """
    leave_in_order()
    began = time.monotonic()

    def say(line: str) -> None:
        console.print(f"[dim]{time.monotonic() - began:5.0f} s[/]  {line}")

    visits, told = journeys(rows), mentions()
    start = min(visits[0].started_at, told[0].mention.posted_at)
    with Stack(directory, database=database, start_at=monday(start), say=say) as stack:
        threading.Thread(target=stack.watch, daemon=True).start()
        clients = clients_of(stack.addresses.urls, stack.token, TENANT)
        console_url = (
            f"{stack.addresses.urls['loop']}/?token={stack.token(TENANT, 'you', ['loop.read'])}"
        )
        say(f"watch it live: {console_url}")
        fed = play(stack, clients, visits, told, say)
        # The loop's newest numbers may be a moment old: ask for those at the very end.
        at = vector(wait_until_settled(clients, stack.clock.now()))
        answer = clients["loop"].get("/v1/loop/stages", at=at)
        whole = clients["loop"].get("/v1/loop/hash", at=at)["hash"]
        report.show(
            console, answer["stages"], whole, seconds=time.monotonic() - began, fed=fed,
            where=[f"page  {console_url}", f"logs  {stack.logs}", f"again {AGAIN}"],
        )  # fmt: skip
        if not once:
            console.print("Ctrl-C stops everything.")
            threading.Event().wait()


def leave_in_order() -> None:
    """Let SIGTERM and Ctrl-C unwind the program: its servers stop, what they kept goes.

    A program that a script starts in the background would ignore Ctrl-C otherwise.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, signal.default_int_handler)


def play(
    stack: Stack, clients: Clients, visits: Sequence[Visit], told: Sequence[Told], say: Say
) -> Fed:
    """Feed everything, week by week, on the stack's shared clock."""
    fed, start = Fed(), stack.clock.now()
    persona = setting_up.open_shop(clients, start)
    wait_until_settled(clients, start)
    shop = storefront_of(clients["commerce"], TENANT, brand=BRAND)
    people = feed_people(clients["identity"], shop, visits, fed)
    wait_until_settled(clients, start)
    members = verify_phones(clients, buyers(visits), people, start)
    say(f"{members} customers proved their phone by one-time code and became members")
    kept = feed_visits(clients["campaigns"], visits, people, fed)
    say(f"{fed.people} people and {fed.visits} visits imported")
    approver = clients_of(stack.addresses.urls, stack.token, TENANT, "approver")["campaigns"]
    for number, (week, its_visits, its_mentions) in enumerate(weeks(kept, told)):
        # Last week's, all of which have come to rest: one just paid may not be asked for yet.
        fulfil_orders(clients["commerce"])
        setting_up.publish_posts(clients["campaigns"], approver, number, week)
        setting_up.record_spend(clients["campaigns"], week)
        cases = setting_up.tell_mentions(clients["listening"], its_mentions, fed)
        feed_rows(clients, shop, its_visits, people, fed)
        wait_until_settled(clients, week, services=["listening"])
        setting_up.reply_to_mentions(clients["listening"], its_mentions, cases, persona)
        reply_to_chats(clients["listening"], fed.open_chats, persona)
        wait_until_settled(clients, week)
        # Timers of the week fire now: what was answered or paid in time is past them already.
        stack.clock.set(week + WEEK)
        say(f"{week:%d %b %Y}: {fed.orders} orders, {fed.mentions + fed.chats} messages so far")
    fulfil_orders(clients["commerce"])
    wait_until_settled(clients, stack.clock.now())
    return fed


def weeks(
    visits: Sequence[Visit], told: Sequence[Told]
) -> Iterator[tuple[datetime, list[Visit], list[Told]]]:
    """Yield each week that has anything, with its visits and mentions in order."""
    by_visit = {
        week: list(group) for week, group in groupby(visits, lambda visit: monday(visit.started_at))
    }
    by_mention = {
        week: list(group)
        for week, group in groupby(told, lambda one: monday(one.mention.posted_at))
    }
    for week in sorted({*by_visit, *by_mention}):
        yield week, by_visit.get(week, []), by_mention.get(week, [])


def monday(at: datetime) -> datetime:
    """Return the beginning of a moment's week in the shop's zone, in UTC."""
    local = at.astimezone(ZoneInfo(ZONE))
    start = local - timedelta(days=local.weekday())
    return start.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)


def buyers(visits: Sequence[Visit]) -> list[str]:
    """Return the users that came by social media and bought, in order of their first visit."""
    found = [
        visit.user for visit in visits if visit.channel == "social" and "purchase" in visit.steps
    ]
    return list(dict.fromkeys(found))


def journeys(most: int | None = None) -> list[Visit]:
    """Return the visits that come with the demonstration, or those in its first rows."""
    packed = files("sixfold.data").joinpath("ecom.csv.gz").read_bytes()
    lines = gzip.decompress(packed).splitlines(keepends=True)
    if most is not None:
        lines = lines[: 1 + most]  # the header comes first
    rows = [row for row in read_rows(lines, ZoneInfo(ZONE)) if not isinstance(row, BadRow)]
    return visits_of(rows)


def mentions() -> list[Told]:
    """Return the mentions that come with the demonstration, in order."""
    lines = files("sixfold.data").joinpath("mentions.csv").read_bytes().splitlines(keepends=True)
    told = [one for one in story.read_story(lines) if not isinstance(one, BadRow)]
    return sorted(told, key=lambda one: one.mention.posted_at)
