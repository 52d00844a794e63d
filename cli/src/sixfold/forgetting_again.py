"""Have everybody forgotten again who was forgotten since a copy was made, and ask for the rest."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from uuid import UUID

from chassis.backup.forgetting import (
    RESTORE,
    Forgotten,
    confirmed_in,
    destroy_again,
    finish,
    forgotten_by,
    remove_rows,
)
from chassis.clock import SystemClock, moment
from chassis.context import Context, of_our_own
from chassis.database import Database
from chassis.erasure_list import Entry
from chassis.errors import NotFound
from chassis.ids import derived_id
from chassis.key_store import Erasure, SqlKeys
from chassis.roles import blueprint_of
from chassis.storage import Storage
from identity.forgetting import request_erasure
from sixfold.backup_settings import BackupSettings

Say = Callable[[str], None]
IDENTITY = "identity"
_NO_KEYS = "sqlite://"


def forget_again(
    settings: BackupSettings, urls: dict[str, str], entries: Sequence[Entry], *, say: Say
) -> None:
    """Forget again whoever the list and the logs name, and let processes start.

    Keys, rows and look-ups go at once; whoever the restored log does not know as forgotten is
    asked for again, so that the services say so in their logs as they did the first time.

    Args:
        settings: Of the new installation.
        urls: The restored databases of the services.
        entries: The list.
        say: Told what was done.

    Raises:
        Unavailable: a database or the list does not answer.
    """
    confirmed = {service: confirmed_in(url) for service, url in urls.items()}
    if settings.has_keys:
        counts = destroy_again(
            settings.keys, entries, master_key=settings.master_key, confirmed=confirmed
        )
        for service, count in counts.items():
            say(f"{service}: {count} keys had come back and were destroyed again")
    else:
        say("no databases of keys are named; restore them with: sixfold backup keys restore")
    _remove_rows(settings, urls, entries, confirmed)
    asked = _ask_again(settings, urls, entries) if IDENTITY in urls else 0
    say(f"{len(entries)} erasures on the list; {asked} were unknown to the backup and begin again")
    finish(urls, entries)
    if settings.has_keys:
        finish(settings.keys, entries)


@contextmanager
def storage_on(settings: BackupSettings, service: str, url: str) -> Iterator[Storage]:
    """Open what a service keeps on a restored database, without keys where none are named."""
    keys_url = settings.keys.get(service, _NO_KEYS) if settings.has_keys else _NO_KEYS
    blueprint, clock, listing = blueprint_of(service), SystemClock(), settings.erasures
    with (
        closing(Database(url, pool_size=1)) as database,
        closing(Database(keys_url, pool_size=1)) as keys,
    ):
        yield Storage(
            service=service,
            database=database,
            registry=blueprint.registry,
            keys=SqlKeys(keys, master_key=settings.master_key, clock=clock),
            clock=clock,
            secret=settings.secret,
            inline=blueprint.inline,
            erasures=replace(listing, service=service) if listing else None,
        )


def _remove_rows(
    settings: BackupSettings,
    urls: Mapping[str, str],
    entries: Sequence[Entry],
    confirmed: Mapping[str, Sequence[Forgotten]],
) -> None:
    """Remove rows and look-ups; of whoever turns out to be more subjects, the keys too."""
    for service, url in urls.items():
        forgotten = forgotten_by(service, entries, confirmed[service])
        with storage_on(settings, service, url) as storage:
            more = remove_rows(storage, blueprint_of(service).forget, forgotten)
            if more and settings.has_keys and service in settings.keys:
                _destroy(storage, more)


def _destroy(storage: Storage, erasures: Sequence[Erasure]) -> None:
    for each in erasures:
        storage.keys.destroy(each.tenant, each.subject)


def _ask_again(settings: BackupSettings, urls: dict[str, str], entries: Sequence[Entry]) -> int:
    """Have every person on the list forgotten whom the restored log still knows; return how many.

    The services do it as they did it the first time: each confirms.
    """
    with storage_on(settings, IDENTITY, urls[IDENTITY]) as storage:
        # Nothing is listed once more: it is what the list says already.
        unlisted = replace(storage, erasures=None)
        return sum(_asked(unlisted, entry) for entry in entries if entry.about is not None)


def _asked(storage: Storage, entry: Entry) -> bool:
    """Ask for whoever is a living person in this log: two who were merged since are two here."""
    named = dict.fromkeys((entry.about or "", *entry.subjects))
    asked = [_requested(storage, entry, subject) for subject in named]
    return any(asked)


def _requested(storage: Storage, entry: Entry, subject: str) -> bool:
    try:
        with storage.begin(_why(storage, entry, subject)) as work:
            if work.already_done:
                return False
            request_erasure(work, person_id=UUID(subject))
            return work.has_news
    except (NotFound, ValueError):
        return False  # whoever came after the backup was made is not in it; nor is a phone a person


def _why(storage: Storage, entry: Entry, subject: str) -> Context:
    command_id = derived_id(entry.tenant, "forget again", entry.request_id, subject)
    return of_our_own(
        storage.secret, command_id, tenant=entry.tenant, actor=RESTORE, now=moment(entry.at)
    )
