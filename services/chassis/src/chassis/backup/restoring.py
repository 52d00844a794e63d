"""Restore a backup's databases elsewhere, after all of it was found to be what was made."""

from collections.abc import Callable, Mapping

from chassis.backup.checking import check
from chassis.backup.files import Files, scratch_folder
from chassis.backup.loading import load, refuse_full
from chassis.backup.manifest import Manifest
from chassis.backup.shelf import Shelf
from chassis.clock import SystemClock, micros
from chassis.errors import Invalid
from chassis.log_verify import Verified

Say = Callable[[str], None]
KEYS = "chassis.key_store"
_wall = SystemClock()


def restore(
    manifest: Manifest,
    shelf: Shelf,
    urls: Mapping[str, str],
    *,
    key: bytes | None = None,
    say: Say = lambda _: None,
) -> dict[str, Verified]:
    """Restore databases into empty ones; return what each log holds.

    All of the backup is checked before anything is written.  No process starts on the databases
    before ``forgetting.finish`` was called for each.

    Args:
        manifest: Of the backup.
        shelf: Where it is.
        urls: The empty databases by service, as their owners; of those that shall be restored.
        key: What its files are sealed with, if they are.
        say: Told what was done.

    Raises:
        BrokenBackup: the backup is not what was made.
        Invalid: it lacks one of the services.
        NotEmpty: a database has something in it.
        SchemaUnknown: a newer build made the backup.
        Unavailable: a database or the place does not answer, or there is no room.
    """
    missing = sorted(set(urls) - set(manifest.services))
    if missing or not urls:
        raise Invalid({"databases": [f"{manifest.id} has no {', '.join(missing) or 'databases'}"]})
    for url in urls.values():
        refuse_full(url, manifest.id)
    folder = shelf.folder(manifest.id)
    check(manifest, folder, key=key)
    say(f"{manifest.id}: every file, count and chain is as it was made")
    found: dict[str, Verified] = {}
    with scratch_folder() as scratch:
        files = Files(store=folder, scratch=scratch, key=key)
        for service, url in urls.items():
            log = load(
                manifest.database(service), url, KEYS if manifest.kind == "keys" else service,
                files, backup=manifest.id, now=micros(_wall.now()),
            )  # fmt: skip
            said = f"{log.events} events, chains hold" if log else "rows put back"
            say(f"{service}: restored, {said}")
            if log is not None:
                found[service] = log
    return found
