"""Where backups are kept: a folder for each, in a directory or in anything that speaks S3."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from secrets import token_hex

from chassis.backup import manifest
from chassis.backup.manifest import BackupKind, BrokenBackup, Manifest
from chassis.errors import NotFound
from chassis.segments.store import Store, folders_at, remove_folder, store_at

_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}\Z")


class NoSuchBackup(NotFound):
    """There is no finished backup of that name."""

    code = "no_such_backup"


@dataclass(frozen=True, kw_only=True, slots=True)
class Shelf:
    """The backups of one kind.

    Args:
        address: Of the place, a directory or an ``s3://`` address.
        kind: Of the services' databases, or of their keys.
        secret: From which the key of the manifests' seals derives.
    """

    address: str
    kind: BackupKind
    secret: bytes

    @property
    def key(self) -> bytes:
        """What the manifests are sealed with."""
        return manifest.key_of(self.secret, self.kind)

    def folder(self, name: str) -> Store:
        """Return the folder of one backup."""
        return store_at(self.address, f"{self.kind}/{name}")

    def names(self) -> list[str]:
        """Return every backup that was begun, the newest first; raises Unavailable."""
        found = folders_at(self.address, self.kind)
        return sorted(filter(_ID.match, found), reverse=True)

    def manifest(self, name: str) -> Manifest:
        """Return the manifest of a finished backup.

        Raises:
            NoSuchBackup: there is none, or it was never finished.
            BrokenBackup: it is not what was written.
            Unavailable: the place does not answer.
        """
        stored = self.folder(name).read(manifest.NAME) if _ID.match(name) else None
        if stored is None:
            raise NoSuchBackup(f"there is no finished backup {name}")
        return manifest.parsed(stored, id=name, kind=self.kind, key=self.key)

    def finished(self) -> Iterator[Manifest]:
        """Yield the backups whose manifests are whole, the newest first; raises Unavailable."""
        for name in self.names():
            try:
                yield self.manifest(name)
            except (NoSuchBackup, BrokenBackup):
                continue

    def newest(self) -> Manifest:
        """Return the newest finished backup; raises NoSuchBackup."""
        found = next(self.finished(), None)
        if found is None:
            raise NoSuchBackup("there is no finished backup")
        return found

    def remove(self, name: str) -> None:
        """Remove a backup, its manifest first: what is left of it is never taken for one."""
        folder = self.folder(name)
        if folder.read(manifest.NAME) is not None:
            folder.remove(manifest.NAME)
        remove_folder(self.address, f"{self.kind}/{name}")


def name_at(moment: datetime) -> str:
    """Return a new backup's name.

    >>> name_at(datetime(2026, 5, 10, 16, tzinfo=UTC))[:-6]
    '20260510T160000Z-'
    """
    return f"{moment:%Y%m%dT%H%M%SZ}-{token_hex(3)}"


def moment_of(name: str) -> datetime:
    """Return when a backup was begun.

    >>> moment_of("20260510T160000Z-0a1b2c")
    datetime.datetime(2026, 5, 10, 16, 0, tzinfo=datetime.timezone.utc)
    """
    return datetime.strptime(name.partition("-")[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
