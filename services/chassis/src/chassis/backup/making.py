"""Make a backup: look at every database at one moment, copy each, read all of it back, list it."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from io import BytesIO

from msgspec import UNSET

from chassis.backup import manifest as manifests
from chassis.backup.checking import Checked, check
from chassis.backup.copying import copy_database
from chassis.backup.files import Files, scratch_folder
from chassis.backup.manifest import FORMAT, Manifest
from chassis.backup.shelf import Shelf, name_at
from chassis.backup.snapshots import one_moment
from chassis.backup.tables import allowed
from chassis.clock import micros
from chassis.database import Database
from chassis.errors import Invalid
from chassis.faults import reach

Say = Callable[[str], None]


def make(
    urls: Mapping[str, str],
    shelf: Shelf,
    *,
    key: bytes | None = None,
    erasures: int | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    say: Say = lambda _: None,
) -> tuple[Manifest, Checked]:
    """Copy several services' databases as they are at one moment.

    What was stored is read back and checked before it is listed as a backup.

    Args:
        urls: The databases, by service; of a role that sees every row.
        shelf: Where the backup goes.
        key: Seals the files' content, where they hold keys.
        erasures: How many entries the list of erasures has to have from now on, if there is one.
        now: The wall clock.
        say: Told of what was found whole.

    Raises:
        BrokenBackup: what was stored is not what was read.
        Conflict: the databases never showed one moment.
        Invalid: there are none.
        Unavailable: a database or the store does not answer, or there is no room.
    """
    if not urls:
        raise Invalid({"databases": ["There is nothing to back up."]})
    began = now()
    name = name_at(began)
    folder = shelf.folder(name)
    databases = {service: Database(url, pool_size=1) for service, url in urls.items()}
    try:
        with scratch_folder() as scratch, allowed(), one_moment(databases) as moment:
            taken, files = now(), Files(store=folder, scratch=scratch, key=key)
            copies = tuple(copy_database(each, db, files) for each, db in moment.views.items())
    finally:
        for database in databases.values():
            database.close()
    manifest = Manifest(
        format=FORMAT, id=name, kind=shelf.kind, began=micros(began), taken=micros(taken),
        ended=micros(now()), looks=moment.looks, databases=copies,
        erasures=UNSET if erasures is None else erasures,
    )  # fmt: skip
    checked = check(manifest, folder, key=key, say=say)
    reach("backup.checked")
    folder.put(manifests.NAME, BytesIO(manifests.to_bytes(manifest, shelf.key)))
    return manifest, checked
