"""Restore backups, and have everybody forgotten again who was forgotten since."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from datetime import datetime
from uuid import UUID

from chassis.backup.forgetting import destroy_again, finish
from chassis.backup.manifest import Manifest
from chassis.backup.point_in_time import Plan, plan_for, restore_at
from chassis.backup.restoring import restore
from chassis.blueprint import Blueprint
from chassis.clock import SystemClock, moment
from chassis.context import Context, digest_of
from chassis.database import Database
from chassis.erasure_list import Entry
from chassis.errors import NotFound, Rejected
from chassis.ids import derived_id
from chassis.key_store import SqlKeys
from chassis.roles import blueprint_of
from chassis.storage import Storage
from identity.forgetting import request_erasure
from sixfold.backup_settings import BackupSettings

Say = Callable[[str], None]
IDENTITY = "identity"


class NoErasureList(Rejected):
    """Nothing says who was forgotten since the backup was made."""

    code = "no_erasure_list"


def listed(settings: BackupSettings, *, without: bool) -> list[Entry]:
    """Return the list of erasures.

    Raises:
        NoErasureList: there is none, and nobody said that this is meant.
        BrokenErasureList: it is not what was written.
        Unavailable: its place does not answer.
    """
    if settings.erasures is not None:
        return settings.erasures.entries()
    if without:
        return []
    raise NoErasureList("set ERASURE_LIST, or say --without-erasure-list if there never was one")


def bring_back(
    settings: BackupSettings, name: str | None, *, without_list: bool, say: Say
) -> Manifest:
    """Restore the services' databases, the newest backup unless named.

    Args:
        settings: Of the new installation: its empty databases, and its keys where they are there.
        name: Of the backup.
        without_list: Whether it is meant that there is no list of erasures.
        say: Told what was done.

    Raises:
        Alarm: backup or list are not what was written.
        Rejected: it cannot be restored there.
        Unavailable: something does not answer.
    """
    entries = listed(settings, without=without_list)
    shelf = settings.shelf
    manifest = shelf.manifest(name) if name else shelf.newest()
    urls = {each: url for each, url in settings.databases.items() if each in manifest.services}
    restore(manifest, shelf, urls, say=say)
    forget_again(settings, urls, entries, say=say)
    return manifest


def bring_back_to(
    settings: BackupSettings,
    at: Mapping[str, int] | datetime,
    *,
    segments: str | None,
    without_list: bool,
    say: Say,
) -> Plan:
    """Restore the services' databases up to a position each, or as they were at a moment.

    Raises:
        Alarm, Rejected, Unavailable: as ``bring_back``.
    """
    entries = listed(settings, without=without_list)
    plan = plan_for(settings.shelf, at, segments=segments)
    urls = {each: url for each, url in settings.databases.items() if each in plan.vector}
    with ExitStack() as stack:

        def storage_of(service: str, url: str) -> tuple[Storage, Blueprint]:
            database = stack.enter_context(closing(Database(url, pool_size=1)))
            keys_url = settings.keys.get(service, "sqlite://") if settings.has_keys else "sqlite://"
            keys = stack.enter_context(closing(Database(keys_url, pool_size=1)))
            return _storage(settings, service, database, keys), blueprint_of(service)

        restore_at(plan, settings.shelf, urls, storage_of, segments=segments, say=say)
    forget_again(settings, urls, entries, say=say)
    return plan


def _storage(settings: BackupSettings, service: str, database: Database, keys: Database) -> Storage:
    blueprint, clock = blueprint_of(service), SystemClock()
    return Storage(
        service=service,
        database=database,
        registry=blueprint.registry,
        keys=SqlKeys(keys, master_key=settings.master_key, clock=clock),
        clock=clock,
        secret=settings.secret,
        inline=blueprint.inline,
    )


def forget_again(
    settings: BackupSettings, urls: dict[str, str], entries: Sequence[Entry], *, say: Say
) -> None:
    """Destroy again what the list says, ask again for each erasure, and let processes start."""
    if settings.has_keys:
        counts = destroy_again(settings.keys, entries, master_key=settings.master_key, logs=urls)
        for service, count in counts.items():
            say(f"{service}: {count} keys had come back and were destroyed again")
    else:
        say("no databases of keys are named; restore them with: sixfold backup keys restore")
    asked = _ask_again(settings, urls, entries) if IDENTITY in urls else 0
    say(f"{len(entries)} erasures on the list; {asked} were unknown to the backup and begin again")
    finish(urls, entries)
    if settings.has_keys:
        finish(settings.keys, entries)


def bring_keys_back(
    settings: BackupSettings, name: str | None, *, without_list: bool, say: Say
) -> Manifest:
    """Restore the databases of keys and destroy again what was destroyed since; raises the same."""
    entries = listed(settings, without=without_list)
    shelf = settings.key_shelf
    manifest = shelf.manifest(name) if name else shelf.newest()
    urls = {each: url for each, url in settings.keys.items() if each in manifest.services}
    restore(manifest, shelf, urls, key=settings.content_key, say=say)
    for service, count in destroy_again(urls, entries, master_key=settings.master_key).items():
        say(f"{service}: {count} keys had come back and were destroyed again")
    finish(urls, entries)
    return manifest


def _ask_again(settings: BackupSettings, urls: dict[str, str], entries: Sequence[Entry]) -> int:
    """Have every person on the list forgotten whom the restored log still knows; return how many.

    The services do it as they did it the first time: rows and look-ups go, and each confirms.
    """
    keys_url = settings.keys.get(IDENTITY, "sqlite://") if settings.has_keys else "sqlite://"
    with (
        closing(Database(urls[IDENTITY], pool_size=1)) as database,
        closing(Database(keys_url, pool_size=1)) as keys,
    ):
        storage = _storage(settings, IDENTITY, database, keys)
        return sum(_asked(storage, entry) for entry in entries if entry.about is not None)


def _asked(storage: Storage, entry: Entry) -> bool:
    person_id = UUID(entry.about)
    command_id = derived_id(entry.tenant, "forget again", entry.request_id)
    context = Context(
        tenant=entry.tenant,
        actor="system:restore",
        command_id=command_id,
        digest=digest_of(storage.secret, str(command_id).encode()),
        correlation_id=command_id,
        causation_id=command_id,
        traceparent=None,
        now=moment(entry.at),
    )
    try:
        with storage.begin(context) as work:
            if work.already_done:
                return False
            request_erasure(work, person_id=person_id)
            return work.has_news
    except NotFound:
        return False  # whoever came after the backup was made is not in it
