"""Restore backups, and have everybody forgotten again who was forgotten since."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import datetime

from chassis.backup.forgetting import destroy_again, finish
from chassis.backup.manifest import Manifest
from chassis.backup.point_in_time import Plan, plan_for, restore_at
from chassis.backup.restoring import restore
from chassis.blueprint import Blueprint
from chassis.roles import blueprint_of
from chassis.storage import Storage
from sixfold.backup_settings import BackupSettings
from sixfold.erasures import listed, newest_on
from sixfold.forgetting_again import forget_again, storage_on

Say = Callable[[str], None]


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
    shelf = settings.shelf
    manifest = shelf.manifest(name) if name else shelf.newest()
    entries = listed(settings, manifest, newest_on(shelf), without=without_list)
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
    shelf = settings.shelf
    plan = plan_for(shelf, at, segments=segments)
    entries = listed(settings, plan.base, plan.cover, newest_on(shelf), without=without_list)
    urls = {each: url for each, url in settings.databases.items() if each in plan.vector}
    with ExitStack() as stack:

        def storage_of(service: str, url: str) -> tuple[Storage, Blueprint]:
            return stack.enter_context(storage_on(settings, service, url)), blueprint_of(service)

        restore_at(plan, shelf, urls, storage_of, segments=segments, say=say)
    forget_again(settings, urls, entries, say=say)
    return plan


def bring_keys_back(
    settings: BackupSettings, name: str | None, *, without_list: bool, say: Say
) -> Manifest:
    """Restore the databases of keys and destroy again what was destroyed since; raises the same."""
    shelf = settings.key_shelf
    manifest = shelf.manifest(name) if name else shelf.newest()
    entries = listed(settings, manifest, newest_on(shelf), without=without_list)
    urls = {each: url for each, url in settings.keys.items() if each in manifest.services}
    restore(manifest, shelf, urls, key=settings.content_key, say=say)
    for service, count in destroy_again(urls, entries, master_key=settings.master_key).items():
        say(f"{service}: {count} keys had come back and were destroyed again")
    finish(urls, entries)
    return manifest
