"""What a backup says of itself: every file, every log's place, and a seal over all of it.

The manifest is written last.  A folder without one was begun and never finished; it is no backup.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec

from chassis import seals
from chassis.errors import Alarm
from chassis.log import LaneHead
from chassis.segments.manifest import Hash, Head, Lane, read_heads

FORMAT = 1
NAME = "manifest.json"
BackupKind = Literal["services", "keys"]
Name = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-z_.]+\Z")]
Count = Annotated[int, msgspec.Meta(ge=0)]


class BrokenBackup(Alarm):
    """The backup is not what was made; the message says where and how."""

    code = "broken_backup"


class File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of a backup, as it is stored."""

    name: Name
    size: Count
    sha256: Hash


class TableCopy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table's rows.

    Args:
        table: Its name.
        file: Where its rows are.
        rows: How many.
        columns: In the order in which the file has them; none in a copy of a whole database.
        span: Of a partitioned table: the lowest and the highest number by which it is parted.
    """

    table: str
    file: Name
    rows: Count
    columns: tuple[str, ...] = ()
    span: tuple[int, int] | None = None


class LogPlace(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far a log goes in a backup.

    Args:
        head: Its last position.
        lanes: The heads of its lanes, with their chains.
        unplaced: Events behind the head that had no position yet.
        released: Up to which position events are only in segments.
        segments: Where those are.
    """

    head: Count
    lanes: dict[Lane, Head]
    unplaced: Count = 0
    released: Count = 0
    segments: str = ""

    @property
    def heads(self) -> dict[int, LaneHead]:
        """The heads of the lanes."""
        return read_heads(self.lanes)


class DatabaseCopy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One service's database.

    Args:
        service: Whose it is.
        dialect: ``postgresql``: a file for each table; ``sqlite``: one for the database.
        revision: Of its schema.
        log: Where its log stands; None for a database of keys.
        tables: Its tables.
        sequences: Their next numbers' predecessors, by name.
        files: Everything that was written for it.
    """

    service: str
    dialect: Literal["postgresql", "sqlite"]
    revision: str | None
    log: LogPlace | None
    tables: tuple[TableCopy, ...]
    sequences: Mapping[str, int]
    files: tuple[File, ...]

    def file(self, name: str) -> File:
        """Return the entry of one file; raises BrokenBackup."""
        for file in self.files:
            if file.name == name:
                return file
        raise BrokenBackup(f"{self.service}: {name} is not listed")

    def table(self, name: str) -> TableCopy:
        """Return the entry of one table; raises BrokenBackup."""
        for table in self.tables:
            if table.table == name:
                return table
        raise BrokenBackup(f"{self.service}: the table {name} is missing")


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A finished backup.

    Args:
        id: Its folder's name, which begins with the moment of the copy.
        kind: Of the services' databases, or of their keys.
        began: When it was begun, in microseconds since 1970.
        taken: The moment that it shows.
        ended: When its last file was stored.
        looks: How often the databases were looked at until they showed one moment.
        databases: One for each service.
        erasures: How many entries the list of erasures had, by this backup or any before; unset
            where no list was known.
    """

    format: int
    id: str
    kind: BackupKind
    began: int
    taken: int
    ended: int
    looks: int
    databases: tuple[DatabaseCopy, ...]
    erasures: Count | msgspec.UnsetType = msgspec.UNSET
    seal: str = seals.UNSEALED

    @property
    def size(self) -> int:
        """How many bytes its files have."""
        return sum(file.size for each in self.databases for file in each.files)

    @property
    def vector(self) -> dict[str, int]:
        """The position of every log in it."""
        return {each.service: each.log.head for each in self.databases if each.log}

    @property
    def services(self) -> tuple[str, ...]:
        """Whose databases it has."""
        return tuple(each.service for each in self.databases)

    def database(self, service: str) -> DatabaseCopy:
        """Return the copy of one service's database; raises BrokenBackup."""
        for each in self.databases:
            if each.service == service:
                return each
        raise BrokenBackup(f"{self.id} has no database of {service}")


def key_of(secret: bytes, kind: BackupKind) -> bytes:
    """Return what the manifests of one kind are sealed with."""
    return seals.key_for(secret, f"backup manifest: {kind}")


def to_bytes(manifest: Manifest, key: bytes) -> bytes:
    """Return a manifest as it is stored, sealed."""
    return msgspec.json.format(seals.encoded(seals.sealed(manifest, key)), indent=1) + b"\n"


def parsed(stored: bytes, *, id: str, kind: BackupKind, key: bytes) -> Manifest:  # noqa: A002
    """Return a manifest from its bytes.

    Raises:
        BrokenBackup: it is none, of another backup, or was sealed with another secret.
    """
    try:
        manifest = msgspec.json.decode(stored, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BrokenBackup(f"the manifest of {id} cannot be read: {error}") from error
    if manifest.format != FORMAT:
        raise BrokenBackup(f"{id} has format {manifest.format}, this build reads {FORMAT}")
    if not seals.fits(manifest, key):
        raise BrokenBackup(f"the manifest of {id} was changed, or sealed with another secret")
    if (manifest.id, manifest.kind) != (id, kind):
        raise BrokenBackup(f"the manifest in {id} is that of {manifest.kind} {manifest.id}")
    return manifest
