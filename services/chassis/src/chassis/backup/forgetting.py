"""After a restore: forget again whoever was forgotten since the copy was made, or ever before.

Two sources say who that is: the list that is kept elsewhere, which has what a copy cannot know,
and the restored logs, which have what was confirmed before there was a list.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from uuid import UUID

import msgspec

from chassis import restored
from chassis.clock import SystemClock, micros
from chassis.context import of_our_own
from chassis.database import Database
from chassis.erasure import Forget, remove_again
from chassis.erasure_list import Entry, entries_for
from chassis.key_store import Erasure, SqlKeys
from chassis.log_verify import stored_pages
from chassis.storage import Storage, log_on

CONFIRMED = "erasure_confirmed"
RESTORE = "system:restore"
_wall = SystemClock()


@dataclass(frozen=True, kw_only=True, slots=True)
class Forgotten:
    """Subjects of one request that one service has forgotten, or has to."""

    tenant: str
    request_id: UUID
    subjects: tuple[str, ...]


class _Confirmed(msgspec.Struct, frozen=True):
    request_id: UUID
    subjects: tuple[str, ...]


def confirmed_in(url: str) -> list[Forgotten]:
    """Return what a service's own log says that it has forgotten; raises Unavailable."""
    with closing(Database(url, pool_size=1)) as database, database.read() as db:
        events = (event for event in stored_pages(log_on(db)) if event.type == CONFIRMED)
        return [_confirmed(event.tenant, bytes(event.data)) for event in events]


def _confirmed(tenant: str, data: bytes) -> Forgotten:
    told = msgspec.json.decode(data, type=_Confirmed)
    return Forgotten(tenant=tenant, request_id=told.request_id, subjects=told.subjects)


def forgotten_by(
    service: str, entries: Sequence[Entry], confirmed: Sequence[Forgotten] = ()
) -> list[Forgotten]:
    """Return what one service has to forget again: by the list, and by its own log."""
    found: defaultdict[tuple[str, UUID], set[str]] = defaultdict(set)
    told: list[Entry | Forgotten] = [*entries_for(service, entries), *confirmed]
    for each in told:
        found[each.tenant, each.request_id].update(each.subjects)
    return [
        Forgotten(tenant=tenant, request_id=request_id, subjects=tuple(sorted(subjects)))
        for (tenant, request_id), subjects in found.items()
    ]


def destroy_again(
    keys: Mapping[str, str],
    entries: Sequence[Entry],
    *,
    master_key: bytes,
    confirmed: Mapping[str, Sequence[Forgotten]] | None = None,
) -> dict[str, int]:
    """Destroy the keys of everybody who was forgotten; return how many had come back.

    Args:
        keys: The databases of keys, by service.
        entries: The list.
        master_key: The deployment's.
        confirmed: What the services' own logs say, where they are at hand.

    Raises:
        Unavailable: a database does not answer.
    """
    counts = {}
    for service, url in keys.items():
        all_of_it = forgotten_by(service, entries, (confirmed or {}).get(service, ()))
        with closing(Database(url, pool_size=1)) as database:
            store = SqlKeys(database, master_key=master_key, clock=_wall)
            counts[service] = store.reapply(_subjects_of(all_of_it))
    return counts


def remove_rows(storage: Storage, forget: Forget, forgotten: Sequence[Forgotten]) -> list[Erasure]:
    """Remove the rows and look-ups that a restored database has of whoever was forgotten.

    Nothing is recorded.  Reactions do not do it: where the log came back with its commands, they
    are known as done, although the tables are older.

    Args:
        storage: Of the service, on the restored database as its owner, with the list if any.
        forget: What removes its own rows.
        forgotten: Whom.

    Returns:
        Who else they are in this copy; their keys are still to be destroyed.

    Raises:
        Unavailable: the database or the list does not answer.
    """
    found: list[Erasure] = []
    for each in forgotten:
        why = of_our_own(
            storage.secret, each.request_id, tenant=each.tenant, actor=RESTORE, now=_wall.now()
        )
        with storage.database.begin(each.tenant) as db:
            more = remove_again(
                storage.work_on(db, why, fresh=True),
                request_id=each.request_id, subjects=each.subjects, forget=forget,
            )  # fmt: skip
        found.extend(Erasure(tenant=each.tenant, subject=subject) for subject in more)
    return found


def _subjects_of(forgotten: Sequence[Forgotten]) -> list[Erasure]:
    found = {(each.tenant, subject) for each in forgotten for subject in each.subjects}
    return [Erasure(tenant=tenant, subject=subject) for tenant, subject in sorted(found)]


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
