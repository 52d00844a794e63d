"""Tell a list of erasures that names few from one that was lost: by its mark, and by backups.

Each backup says in its sealed manifest how many entries the list had.  The list only grows, so one
with fewer, or none where there was one, is another list, or what is left of this one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter

from msgspec import UnsetType

from chassis.backup.forgetting import confirmed_in
from chassis.backup.manifest import Manifest
from chassis.backup.shelf import Shelf
from chassis.erasure_list import BrokenErasureList, Entry, ErasureList
from chassis.errors import Alarm, Rejected, Unavailable
from sixfold.backup_settings import BackupSettings

_LOST = "is ERASURE_LIST the place in which the services list, and all of it there?"


class NoErasureList(Rejected):
    """Nothing says who was forgotten since the backup was made."""

    code = "no_erasure_list"


def listed(settings: BackupSettings, *manifests: Manifest | None, without: bool) -> list[Entry]:
    """Return the list of erasures.

    Args:
        settings: Say where it is.
        manifests: Of the backups in use and the newest one; what they say of it must be true.
        without: Whether it is meant that there is no list, or only the rest of one.

    Raises:
        NoErasureList: there is none, and nobody said that this is meant.
        BrokenErasureList: it is not what was written, or fewer than a backup says.
        Unavailable: its place does not answer.
    """
    if settings.erasures is None:
        if without:
            return []
        raise NoErasureList(
            "set ERASURE_LIST, or say --without-erasure-list if there never was one"
        )
    if not without and settings.erasures.count() is None:
        raise NoErasureList(f"there is no list of erasures: {_LOST} Else --without-erasure-list")
    entries = settings.erasures.entries()
    known = known_by(*manifests) or 0
    if len(entries) < known and not without:
        raise BrokenErasureList(
            f"the list of erasures has {len(entries)} entries, a backup knows of {known}: {_LOST}"
            " Else --without-erasure-list"
        )
    return entries


def known_by(*manifests: Manifest | None) -> int | None:
    """Return how many entries the list has to have by what backups say, None by none of them."""
    counts = (manifest.erasures for manifest in manifests if manifest is not None)
    return max((count for count in counts if not isinstance(count, UnsetType)), default=None)


def newest_on(shelf: Shelf) -> Manifest | None:
    """Return the newest finished backup, if there is any; raises Unavailable."""
    # Two of one second have names in any order.
    return max(shelf.finished(), key=attrgetter("taken"), default=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Counted:
    """What a new backup says of the list.

    Args:
        entries: How many it must have from now on; None where no list is known.
        trouble: Why it cannot be the list that earlier backups, or the logs, know of.
    """

    entries: int | None
    trouble: Alarm | Unavailable | None = None


def counted(settings: BackupSettings, shelf: Shelf, *, begins: bool, anew: bool = False) -> Counted:
    """Count the list for a new backup: what it lacks is told after the backup was made.

    Args:
        settings: Say where it is.
        shelf: Of the earlier backups.
        begins: Whether a list that nobody has begun yet is begun.
        anew: Whether it is meant that the list has lost what earlier backups know of.

    Raises:
        Unavailable: the shelf or a database does not answer.
    """
    known = None if anew else known_by(newest_on(shelf))
    if settings.erasures is None:
        return Counted(entries=known)
    try:
        found = settings.erasures.count()
        if found is None and (anew or (known is None and begins)):
            found = _begun(settings, settings.erasures, anew=anew)
    except (Alarm, Unavailable) as trouble:
        return Counted(entries=known, trouble=trouble)
    return _compared(found, known)


def _begun(settings: BackupSettings, erasures: ErasureList, *, anew: bool) -> int:
    if not anew and any(confirmed_in(url) for url in settings.databases.values()):
        raise BrokenErasureList(
            f"people were forgotten by the logs, and there is no list of it: {_LOST} If it was"
            " before there was a list: --begin-erasure-list"
        )
    erasures.begin(datetime.now(UTC))
    return 0


def _compared(found: int | None, known: int | None) -> Counted:
    if known is None or (found is not None and found >= known):
        return Counted(entries=found)
    trouble = BrokenErasureList(
        f"the list of erasures has {found or 0} entries, an earlier backup knows of {known}:"
        f" {_LOST} If it was lost for good: --begin-erasure-list"
    )
    return Counted(entries=known, trouble=trouble)


def told(count: Counted, say: Callable[[str], None]) -> None:
    """Say how many entries the list has; raises what is wrong with it."""
    if count.trouble is not None:
        raise count.trouble
    if count.entries is not None:
        say(f"{count.entries} entries on the list of erasures")
