"""Make, list, check, restore and thin out backups, and say how it went."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from chassis.backup import textfile
from chassis.backup.checking import check
from chassis.backup.making import make
from chassis.backup.manifest import BrokenBackup, Manifest
from chassis.backup.pruning import Keep, Pruned, prune, prune_older
from chassis.backup.shelf import NoSuchBackup, Shelf, moment_of
from chassis.clock import moment
from sixfold.backup_settings import BackupSettings
from sixfold.erasures import counted, told

Say = Callable[[str], None]
_MICROS = 1_000_000


@dataclass(kw_only=True, slots=True)
class Run:
    """One job, and what monitoring is told of it; one that ends may say that it failed."""

    ok: bool = True
    values: dict[str, float] = field(default_factory=dict)


@contextmanager
def reported(settings: BackupSettings, job: str) -> Iterator[Run]:
    """Tell monitoring how the block went, whatever happens in it."""
    run, began = Run(), time.monotonic()
    try:
        yield run
    except BaseException:
        run.ok = False
        raise
    finally:
        seconds = time.monotonic() - began
        textfile.write(
            settings.textfile,
            job,
            ok=run.ok,
            ended=time.time(),
            duration_seconds=seconds,
            **run.values,
        )


def create(settings: BackupSettings, *, anew: bool, say: Say) -> Manifest:
    """Back up every service's database; raises as ``chassis.backup.making.make``.

    Args:
        settings: Where everything is.
        anew: Whether it is meant that the list of erasures has lost entries.
        say: Told of what was found and made.

    Raises:
        BrokenErasureList: the backup was made, but the list of erasures is not what it was.
    """
    with reported(settings, "backup") as run:
        listed = counted(settings, settings.shelf, begins=True, anew=anew)
        manifest, checked = make(
            settings.databases, settings.shelf, erasures=listed.entries, say=say
        )
        run.values.update(_told(settings.shelf, manifest))
        run.values["events"] = sum(log.events for log in checked.logs.values())
        say(line(manifest))
        told(listed, say)
    return manifest


def create_keys(settings: BackupSettings, *, anew: bool, say: Say) -> Manifest:
    """Back up every service's keys, to another place and under another key; raises the same."""
    with reported(settings, "key_backup") as run:
        shelf = settings.key_shelf
        listed = counted(settings, shelf, begins=False, anew=anew)
        manifest, _ = make(
            settings.keys, shelf, key=settings.content_key, erasures=listed.entries, say=say
        )
        run.values.update(_told(shelf, manifest))
        say(line(manifest))
        told(listed, say)
    return manifest


def described(shelf: Shelf) -> Iterator[str]:
    """Yield a line for each backup that was begun, the newest first; raises Unavailable."""
    for name in shelf.names():
        try:
            yield line(shelf.manifest(name))
        except NoSuchBackup:
            yield f"{name}  not finished"
        except BrokenBackup as broken:
            yield f"{name}  BROKEN: {broken}"


def line(manifest: Manifest) -> str:
    """Return what a list says of a backup."""
    vector = " ".join(f"{service}={at}" for service, at in manifest.vector.items())
    taken = moment(manifest.taken).isoformat(timespec="seconds")
    return f"{manifest.id}  {taken}  {manifest.size / 1e6:.1f} MB  {vector}".rstrip()


def verify(shelf: Shelf, name: str | None, *, key: bytes | None, say: Say) -> Manifest:
    """Read one backup whole, the newest unless named; raises BrokenBackup, NoSuchBackup."""
    manifest = shelf.manifest(name) if name else shelf.newest()
    check(manifest, shelf.folder(manifest.id), key=key, say=say)
    return manifest


def thin_out(settings: BackupSettings, keep: Keep) -> Pruned:
    """Remove backups that are not to be kept; raises Unavailable."""
    return prune(settings.shelf, keep)


def thin_out_keys(settings: BackupSettings, days: float) -> Pruned:
    """Remove copies of keys that are older than some days; raises Unavailable."""
    age = timedelta(days=days)
    done = prune_older(settings.key_shelf, age, key=settings.content_key)
    if settings.textfile is not None and done.kept:
        # The next run of the copy says it too; until then the alert must not fire for nothing.
        textfile.note(settings.textfile, "key_backup", **_shelved(settings.key_shelf))
    return done


def _told(shelf: Shelf, manifest: Manifest) -> dict[str, float]:
    return {
        "size_bytes": manifest.size,
        "taken_timestamp_seconds": manifest.taken / _MICROS,
        **_shelved(shelf),
    }


def _shelved(shelf: Shelf) -> dict[str, float]:
    kept = [manifest.id for manifest in shelf.finished()]
    return {"kept": len(kept), "oldest_timestamp_seconds": moment_of(kept[-1]).timestamp()}
