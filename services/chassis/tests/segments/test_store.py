"""A file is in a store whole or not at all, however large it is."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pyarrow import fs

from chassis.errors import Unavailable
from chassis.segments import store as stores
from chassis.segments.store import CHUNK, Store, store_at
from chassis.testing.object_store import ENVIRONMENT, PrivateObjectStore

CONTENT = b"0123456789abcdef" * (12 * CHUNK // 16)


class Limited:
    """Files of a store that, as Amazon's, refuses to copy what is larger than its limit."""

    def __init__(self, files: Any) -> None:
        self._files = files

    def __getattr__(self, name: str) -> Any:
        """Do everything else as it is done."""
        return getattr(self._files, name)

    def move(self, source: str, target: str) -> None:
        """Refuse, or move."""
        if self._files.get_file_info(source).size > stores.ONE_COPY:
            raise OSError("InvalidRequest: the copy source is larger than the maximum")
        self._files.move(source, target)


class Broken(BytesIO):
    """A source whose disk breaks before the end."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next piece."""
        if self.tell() > len(CONTENT) - CHUNK:
            raise OSError
        return super().read(size)


@pytest.fixture(scope="module")
def object_store(server_directory: Path) -> Iterator[PrivateObjectStore]:
    with PrivateObjectStore(server_directory / "stores") as store:
        yield store


@pytest.fixture(params=["elsewhere", pytest.param("bucket", marks=pytest.mark.servers)])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Give a store that is no directory of this machine, as far as it knows."""
    if request.param == "elsewhere":
        files = fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem())
        return Store(Limited(files), "files")
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    private: PrivateObjectStore = request.getfixturevalue("object_store")
    found = store_at(private.bucket(request.node.name.replace("_", "-")[:30]), "files")
    return Store(Limited(found._files), found._folder)


@pytest.mark.parametrize("limit", [len(CONTENT) - 1, len(CONTENT)])
def test_what_no_single_copy_can_move_is_stored_too(
    store: Store, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    """The backup of a large table would be uploaded for hours and then be refused."""
    monkeypatch.setattr(stores, "ONE_COPY", limit)
    for _ in range(2):
        store.put("large.zst", BytesIO(CONTENT))
    assert store.names() == {"large.zst"}
    assert store.read("large.zst") == CONTENT


@pytest.mark.parametrize("limit", [0, len(CONTENT)])
def test_an_upload_that_fails_leaves_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    """Half a file would lie under the name of a whole one."""
    monkeypatch.setattr(stores, "ONE_COPY", limit)
    with pytest.raises(Unavailable):
        store.put("large.zst", Broken(CONTENT))
    assert store.names() == set()
