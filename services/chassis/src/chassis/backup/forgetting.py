"""After a restore: forget again whoever was forgotten since the copy was made, or ever before.

Two sources say who that is: the list that is kept elsewhere, which has what a copy cannot know,
and the restored logs, which have what was confirmed before there was a list.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing

import msgspec

from chassis import restored
from chassis.clock import SystemClock, micros
from chassis.database import Database
from chassis.erasure_list import Entry, erasures_for
from chassis.key_store import Erasure, SqlKeys
from chassis.log_verify import stored_pages
from chassis.storage import log_on

CONFIRMED = "erasure_confirmed"
_wall = SystemClock()


class _Confirmed(msgspec.Struct, frozen=True):
    subjects: tuple[str, ...]


def confirmed_in(url: str) -> list[Erasure]:
    """Return the subjects that a service's own log says it has forgotten; raises Unavailable."""
    with closing(Database(url, pool_size=1)) as database, database.read() as db:
        events = (event for event in stored_pages(log_on(db)) if event.type == CONFIRMED)
        found = {
            (event.tenant, subject)
            for event in events
            for subject in msgspec.json.decode(bytes(event.data), type=_Confirmed).subjects
        }
    return [Erasure(tenant=tenant, subject=subject) for tenant, subject in sorted(found)]


def destroy_again(
    keys: Mapping[str, str],
    entries: Sequence[Entry],
    *,
    master_key: bytes,
    logs: Mapping[str, str] | None = None,
) -> dict[str, int]:
    """Destroy the keys of everybody who was forgotten; return how many had come back.

    Args:
        keys: The databases of keys, by service.
        entries: The list.
        master_key: The deployment's.
        logs: The services' own databases, where they are at hand.

    Raises:
        Unavailable: a database does not answer.
    """
    counts = {}
    for service, url in keys.items():
        log = (logs or {}).get(service)
        erasures = [*erasures_for(service, entries), *(confirmed_in(log) if log else ())]
        with closing(Database(url, pool_size=1)) as database:
            store = SqlKeys(database, master_key=master_key, clock=_wall)
            counts[service] = store.reapply(dict.fromkeys(erasures))
    return counts


def finish(urls: Mapping[str, str], entries: Sequence[Entry]) -> None:
    """Let processes start on restored databases: whoever is on the list was forgotten again.

    Databases that were never restored have no mark, and need none.

    Raises:
        Unavailable: a database does not answer.
    """
    for url in urls.values():
        with closing(Database(url, pool_size=1)) as database, database.begin() as db:
            if restored.mark_of(db) is not None:
                restored.note_forgotten(db, micros(_wall.now()), len(entries))
