"""The files of one backup: compressed, hashed, sealed where they hold keys, fetched whole.

Whoever reads a file gets it only after its size and its hash were found right.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

import pyarrow as pa

from chassis.backup.manifest import BrokenBackup, File
from chassis.backup.sealed_file import opened, sealed
from chassis.errors import Unavailable
from chassis.segments.store import Store

ENDING = "zst"


@dataclass(frozen=True, kw_only=True, slots=True)
class Files:
    """Writes and reads the files of one backup.

    Args:
        store: Where they are.
        scratch: A local folder for one file at a time.
        key: Seals what they hold; None where everything personal is sealed already.
    """

    store: Store
    scratch: Path
    key: bytes | None = None

    @contextmanager
    def writing(self, name: str, kept: list[File]) -> Iterator[IO[bytes]]:
        """Give what takes a file's content; at the end of the block it is stored, and listed.

        Raises:
            Unavailable: there is no room for it, here or there.
        """
        path = self.scratch / name
        with room():
            with pa.CompressedOutputStream(str(path), ENDING_CODEC) as target:
                yield target
            kept.append(self._keep(name, path))

    def put(self, name: str, source: Path, kept: list[File]) -> None:
        """Store a copy of a local file; raises Unavailable."""
        with self.writing(name, kept) as target, source.open("rb") as file:
            while chunk := file.read(1 << 20):
                target.write(chunk)

    @contextmanager
    def reading(self, file: File) -> Iterator[Any]:
        """Give a file's content for reading, once all of it was found to be what was written.

        Raises:
            BrokenBackup: it is missing, or was changed.
            Unavailable: the place does not answer, or there is no room.
        """
        path = self.scratch / file.name
        with room():
            self._fetch(file, path)
        try:
            with pa.CompressedInputStream(pa.OSFile(str(path), "rb"), ENDING_CODEC) as content:
                yield content
        finally:
            path.unlink()

    def _keep(self, name: str, path: Path) -> File:
        if self.key is not None:
            sealed(path, self.key, name)
        with path.open("rb") as file:
            digest = file_digest(file, "sha256").hexdigest()
        with path.open("rb") as file:
            self.store.put(name, file)
        entry = File(name=name, size=path.stat().st_size, sha256=digest)
        path.unlink()
        return entry

    def _fetch(self, file: File, path: Path) -> None:
        try:
            with path.open("wb") as target:
                for chunk in self.store.chunks(file.name):
                    target.write(chunk)
        except FileNotFoundError as error:
            raise BrokenBackup(f"the file {file.name} is missing") from error
        with path.open("rb") as source:
            digest = file_digest(source, "sha256").hexdigest()
        if (path.stat().st_size, digest) != (file.size, file.sha256):
            raise BrokenBackup(f"the file {file.name} was changed")
        if self.key is not None:
            opened(path, self.key, file.name)


ENDING_CODEC = "zstd"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Give a local folder that is gone at the end; raises Unavailable."""
    with room(), TemporaryDirectory(prefix="sixfold-backup-") as folder:
        yield Path(folder)


@contextmanager
def room() -> Iterator[None]:
    """Turn what a full or broken local disk says into ``Unavailable``."""
    try:
        yield
    except (OSError, sqlite3.OperationalError) as error:
        raise Unavailable(f"a copy cannot be kept: {error}") from error
