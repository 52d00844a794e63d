"""Whatever happens to a backup or while it is made or restored, no half of one counts as good."""

import os
import resource
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chassis import faults
from chassis.backup.checking import check
from chassis.backup.forgetting import finish
from chassis.backup.making import make
from chassis.backup.manifest import BrokenBackup, Manifest
from chassis.backup.pruning import Keep, prune
from chassis.backup.restoring import restore
from chassis.backup.shelf import NoSuchBackup, Shelf
from chassis.errors import Unavailable
from chassis.migrations import ensure_current
from chassis.restored import RestoreUnfinished
from chassis.testing.servers import PrivatePostgreSQL
from copied_services import (
    PRODUCER,
    Urls,
    contents,
    files_in,
    filled,
    fresh_databases,
    log_of,
    shelf_at,
)  # fmt: skip

KEY = b"k" * 32
MAKING = ["backup.copied", "backup.stored", "backup.checked"]
RESTORING = ["restore.replaced", "restore.loaded"]
ON_A_SERVER = ["restore.migrated", "restore.filled", "restore.before_commit", "restore.loaded"]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Urls:
    urls = files_in(tmp_path_factory.mktemp("source"))
    filled(urls)
    return urls


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return shelf_at(str(tmp_path / "backups"))


@pytest.fixture
def made(source: Urls, shelf: Shelf) -> Manifest:
    return make(source, shelf)[0]


def folder(shelf: Shelf, manifest: Manifest) -> Path:
    return Path(shelf.address, shelf.kind, manifest.id)


def verify(shelf: Shelf, name: str) -> None:
    manifest = shelf.manifest(name)
    check(manifest, shelf.folder(name))


def in_a_process(action: Callable[[], object]) -> int:
    """Do something in a process of its own; return how that ended."""
    child = os.fork()
    if not child:
        try:
            action()
        except BaseException:  # noqa: BLE001  # whatever it is: the parent looks at the code
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1]


def killed_at(point: str, action: Callable[[], object], visit: int = 1) -> None:
    """Do something in a process that is killed, as by a power cut, when it gets to a point."""

    def dying() -> None:
        faults.set_hook(faults.crash_at(point, visit))
        action()

    status = in_a_process(dying)
    assert os.WIFSIGNALED(status), f"never got to {point}"
    assert os.WTERMSIG(status) == signal.SIGKILL


@pytest.mark.parametrize("visit", [1, 2])
@pytest.mark.parametrize("point", MAKING)
def test_a_backup_that_was_cut_off_is_none(
    source: Urls, shelf: Shelf, point: str, visit: int
) -> None:
    """The newest backup would be half a one, on the day when it is needed."""
    if point == "backup.checked" and visit > 1:
        pytest.skip("a backup is checked once")
    killed_at(point, lambda: make(source, shelf), visit)
    assert list(shelf.finished()) == []
    with pytest.raises(NoSuchBackup):
        shelf.newest()
    halves = shelf.names()
    manifest, _ = make(source, shelf)
    assert shelf.newest() == shelf.manifest(manifest.id)
    assert manifest.id not in halves


def test_a_flipped_byte_anywhere_is_found(shelf: Shelf, made: Manifest) -> None:
    """A bad disk would be found out by the restore."""
    for path in sorted(folder(shelf, made).iterdir()):
        whole = path.read_bytes()
        for at in {0, len(whole) // 3, len(whole) // 2, len(whole) - 2}:
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            with pytest.raises(BrokenBackup):
                verify(shelf, made.id)
        path.write_bytes(whole)
    verify(shelf, made.id)


def test_a_missing_or_cut_file_is_named(shelf: Shelf, made: Manifest) -> None:
    """Somebody who tidied up would be found out by the restore."""
    path = folder(shelf, made) / made.databases[0].files[0].name
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(BrokenBackup, match=path.name):
        verify(shelf, made.id)
    path.unlink()
    with pytest.raises(BrokenBackup, match=path.name):
        verify(shelf, made.id)


def test_a_manifest_of_another_backup_is_refused(source: Urls, shelf: Shelf) -> None:
    """An old copy could be passed off as today's."""
    old, new = (make(source, shelf)[0] for _ in range(2))
    shutil.copy(folder(shelf, old) / "manifest.json", folder(shelf, new) / "manifest.json")
    with pytest.raises(BrokenBackup, match=old.id):
        shelf.manifest(new.id)
    assert [manifest.id for manifest in shelf.finished()] == [old.id]


def test_a_changed_manifest_is_refused(shelf: Shelf, made: Manifest) -> None:
    """Whoever can write there could have another database restored."""
    path = folder(shelf, made) / "manifest.json"
    path.write_text(path.read_text().replace('"rows": 1,', '"rows": 2,'))
    with pytest.raises(BrokenBackup, match="changed"):
        shelf.manifest(made.id)


def test_without_the_secret_nothing_is_a_backup(shelf: Shelf, made: Manifest) -> None:
    """Anybody could put a database of their own making into the place of backups."""
    other = shelf_at(shelf.address, b"another secret of 32 bytes or more")
    with pytest.raises(BrokenBackup, match="another secret"):
        other.manifest(made.id)
    assert list(other.finished()) == []


def test_what_was_encrypted_opens_under_its_key_only(source: Urls, shelf: Shelf) -> None:
    """A copy of keys would be readable for whoever finds it."""
    manifest, _ = make(source, shelf, key=KEY)
    check(manifest, shelf.folder(manifest.id), key=KEY)
    with pytest.raises(BrokenBackup, match="another key"):
        check(manifest, shelf.folder(manifest.id), key=b"l" * 32)


def test_a_full_disk_leaves_no_backup(source: Urls, shelf: Shelf) -> None:
    """A backup without its last tables would be taken for one."""

    def cramped() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        # SQLite needs 32 KiB beside each file that it reads.
        resource.setrlimit(resource.RLIMIT_FSIZE, (34_000, 34_000))
        with pytest.raises(Unavailable, match="cannot be kept"):
            make(source, shelf)

    assert in_a_process(cramped) == 0
    assert list(shelf.finished()) == []


def test_what_was_never_finished_goes_in_time(source: Urls, shelf: Shelf, made: Manifest) -> None:
    """Halves of backups would fill the place for ever; one that is being made would be lost."""
    young, old = folder(shelf, made), folder(shelf, made).with_name("20200101T000000Z-000000")
    old.mkdir()
    (old / "greeter.events.zst").write_bytes(b"half")
    being_made = young.with_name(young.name[:-6] + "ffffff")
    being_made.mkdir()
    done = prune(shelf, Keep())
    assert done.removed == [old.name]
    assert being_made.exists()
    assert done.whole == made.id
    assert source


def test_nothing_goes_while_no_backup_is_whole(source: Urls, shelf: Shelf) -> None:
    """The last chance would be thrown away because it is old."""
    made = [make(source, shelf)[0] for _ in range(2)]
    for manifest in made:
        path = folder(shelf, manifest) / manifest.databases[0].files[0].name
        path.write_bytes(path.read_bytes()[:-1])
    done = prune(shelf, Keep(daily=0, weekly=0, monthly=0))
    assert done.whole is None
    assert not done.removed


@pytest.mark.parametrize("point", RESTORING)
def test_a_restore_that_was_cut_off_is_repeated(
    source: Urls, shelf: Shelf, made: Manifest, tmp_path: Path, point: str
) -> None:
    """A service would start on half a database, or nobody could begin again."""
    target = files_in(tmp_path / "target")
    killed_at(point, lambda: restore(made, shelf, target))
    with pytest.raises(RestoreUnfinished):
        ensure_current(target[PRODUCER], PRODUCER)
    restore(made, shelf, target)
    assert log_of(target[PRODUCER]) == log_of(source[PRODUCER])


@pytest.fixture
def server_pair(postgresql: PrivatePostgreSQL, request: pytest.FixtureRequest) -> Iterator[Urls]:
    yield from fresh_databases(postgresql, request)


@pytest.mark.servers
def test_a_restore_on_a_server_that_was_cut_off_is_repeated(
    source: Urls, shelf: Shelf, server_pair: Urls, postgresql: PrivatePostgreSQL,
    request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    """A service would start on half a database, or nobody could begin again."""
    assert source
    filled(server_pair)
    made, _ = make(server_pair, shelf)
    for target in fresh_databases(postgresql, request):
        for point in ON_A_SERVER:
            killed_at(point, lambda: restore(made, shelf, target))  # noqa: B023  # called at once
            if point != "restore.migrated":
                with pytest.raises(RestoreUnfinished):
                    ensure_current(target[PRODUCER], PRODUCER)
        restore(made, shelf, target)
        finish(target, [])
        ensure_current(target[PRODUCER], PRODUCER)
        assert log_of(target[PRODUCER]) == log_of(server_pair[PRODUCER])
        assert contents(target[PRODUCER])["counted"] == contents(server_pair[PRODUCER])["counted"]
