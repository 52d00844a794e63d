"""Where one log's segments are kept: a directory, or a bucket of anything that speaks S3."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import IO, Any
from urllib.parse import urlsplit

import pyarrow as pa
from pyarrow import fs

from chassis.errors import Invalid, Unavailable

PART = ".part"
CHUNK = 1 << 20
ONE_COPY = 4 << 30  # S3 copies no object of more than 5 GB in one request, and a move is a copy


class Store:
    """The files of one log.

    Args:
        files: A file system of pyarrow.
        folder: Of this log in it.
    """

    def __init__(self, files: Any, folder: str) -> None:
        self._files = files
        self._folder = folder

    def read(self, name: str) -> bytes | None:
        """Return a file's bytes, None where there is no such file; raises Unavailable."""
        with answering():
            try:
                with self._files.open_input_file(self._path(name)) as file:
                    found: bytes = file.read()
            except FileNotFoundError:
                return None
        return found

    def opened(self, name: str) -> Any:
        """Return a file for reading any part of it; raises FileNotFoundError, Unavailable."""
        with answering():
            return self._files.open_input_file(self._path(name))

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield a file's bytes piece by piece; raises FileNotFoundError, Unavailable."""
        with answering(), self._files.open_input_file(self._path(name)) as file:
            while chunk := file.read(CHUNK):
                yield chunk

    def names(self) -> set[str]:
        """Return the names of the files that are there; raises Unavailable."""
        wanted = fs.FileSelector(self._folder, allow_not_found=True)
        with answering():
            return {found.base_name for found in self._files.get_file_info(wanted) if found.is_file}

    def ensure_place(self) -> None:
        """Look, without writing, whether something could be put here.

        Raises:
            Unavailable: the place does not answer, or there is none: no such bucket, or a directory
                in which this process may make nothing.
        """
        if isinstance(self._files, fs.LocalFileSystem):
            folder = Path(self._folder)
            found = next(each for each in (folder, *folder.parents) if each.exists())
            there = found.is_dir() and os.access(found, os.W_OK | os.X_OK)
        else:
            found = Path(self._folder.partition("/")[0])
            with answering():
                there = self._files.get_file_info(str(found)).type != fs.FileType.NotFound
        if not there:
            raise Unavailable(f"{found} is no place that can be written")

    def put(self, name: str, source: IO[bytes]) -> None:
        """Store a file whole or not at all, replacing an earlier one; raises Unavailable.

        Of an object too large for that the store itself shows only what was uploaded whole; after
        an error here what it has of it is removed, and an earlier one of the name with it.
        """
        part = self._path(f"{name}.{token_hex(4)}{PART}")
        with answering():
            self._files.create_dir(self._folder, recursive=True)
            if not self._is_local and _size_of(source) > ONE_COPY:
                self._write(self._path(name), source)
                return
            self._write(part, source)
            self._keep(part)
            self._files.move(part, self._path(name))
            self._keep(self._folder)

    def remove(self, name: str) -> None:
        """Remove a file; raises FileNotFoundError, Unavailable."""
        with answering():
            self._files.delete_file(self._path(name))

    def sweep(self) -> None:
        """Remove what was begun by somebody who died; nobody else may be writing."""
        with answering():
            for name in self.names():
                if name.endswith(PART):
                    self._files.delete_file(self._path(name))

    def _write(self, path: str, source: IO[bytes]) -> None:
        try:
            # By its name pyarrow would compress a second time what is compressed.
            with self._files.open_output_stream(path, compression=None) as file:
                while chunk := source.read(CHUNK):
                    file.write(chunk)
        except BaseException:
            # pyarrow cannot abort an upload: closing has completed what there was of it.
            with suppress(FileNotFoundError):
                self._files.delete_file(path)
            raise

    @property
    def _is_local(self) -> bool:
        return isinstance(self._files, fs.LocalFileSystem)

    def _keep(self, path: str) -> None:
        # The log's rows may be dropped on the strength of this file: it must outlive a power cut.
        if self._is_local:
            number = os.open(path, os.O_RDONLY)
            try:
                os.fsync(number)
            finally:
                os.close(number)

    def _path(self, name: str) -> str:
        return f"{self._folder}/{name}"


def _size_of(source: IO[bytes]) -> int:
    at = source.tell()
    end = source.seek(0, os.SEEK_END)
    source.seek(at)
    return end - at


@contextmanager
def answering() -> Iterator[None]:
    """Turn a file system's failures into ``Unavailable``; a missing file stays what it is."""
    try:
        yield
    except FileNotFoundError:
        raise
    except (OSError, pa.ArrowException) as error:
        raise Unavailable(f"the archive does not answer: {error}") from error


def address_of(place: str) -> str:
    """Return the whole address of an archive.

    Args:
        place: A directory, or an address such as ``s3://bucket/folder?endpoint_override=...``.

    Raises:
        Invalid: it has a password in it, which would be written down with it.
    """
    if "://" not in place:
        return Path(place).absolute().as_uri()
    if "@" in urlsplit(place).netloc:
        raise Invalid({"segments": ["Credentials come from the environment, not the address."]})
    return place


def store_at(address: str, service: str) -> Store:
    """Return where a service's segments are kept in an archive.

    Raises:
        Invalid: there is no such kind of archive.
        Unavailable: it does not answer.
    """
    return Store(*_located(address, service))


def folders_at(address: str, folder: str) -> set[str]:
    """Return the names of the folders inside one; raises Invalid, Unavailable."""
    files, path = _located(address, folder)
    with answering():
        found = files.get_file_info(fs.FileSelector(path, allow_not_found=True))
    return {each.base_name for each in found if each.type == fs.FileType.Directory}


def remove_folder(address: str, folder: str) -> None:
    """Remove a folder with everything in it, if it is there; raises Invalid, Unavailable."""
    files, path = _located(address, folder)
    with answering():
        if files.get_file_info(path).type != fs.FileType.NotFound:
            files.delete_dir(path)


def _located(address: str, folder: str) -> tuple[Any, str]:
    try:
        files, path = fs.FileSystem.from_uri(address_of(address))
    except ValueError as error:
        raise Invalid({"segments": [str(error)]}) from error
    except OSError as error:
        raise Unavailable(f"the archive does not answer: {error}") from error
    return files, f"{path.rstrip('/')}/{folder}"


def digest_of(chunks: Iterator[bytes]) -> str:
    """Return the SHA-256 of bytes that come in pieces, in hexadecimal."""
    digest = sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()
