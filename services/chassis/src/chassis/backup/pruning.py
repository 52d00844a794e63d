"""Which backups are kept: some of the last days, weeks and months, and always one that is whole."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from chassis.backup.checking import check
from chassis.backup.manifest import BrokenBackup, Manifest
from chassis.backup.shelf import NoSuchBackup, Shelf, moment_of

UNFINISHED = timedelta(days=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Keep:
    """How many backups are kept: the newest of each of so many days, weeks and months."""

    daily: int = 7
    weekly: int = 5
    monthly: int = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class Pruned:
    """What was done.

    Args:
        kept: Names of the backups that stay, the newest first.
        removed: Names of those that went.
        whole: The newest that was read and found whole; None when there is none.
    """

    kept: Sequence[str]
    removed: Sequence[str]
    whole: str | None


def wanted(names: Iterable[str], keep: Keep) -> set[str]:
    """Return those of some backups that a rule keeps.

    >>> wanted(["20260510T160000Z-0a1b2c", "20260510T040000Z-0a1b2c"], Keep(daily=1))
    {'20260510T160000Z-0a1b2c'}
    """
    newest_first = sorted(names, reverse=True)
    found: set[str] = set()
    for count, form in ((keep.daily, "%Y-%m-%d"), (keep.weekly, "%G-%V"), (keep.monthly, "%Y-%m")):
        newest: dict[str, str] = {}
        for name in newest_first:
            newest.setdefault(moment_of(name).strftime(form), name)
        found.update(list(newest.values())[:count])
    return found


def prune(
    shelf: Shelf,
    keep: Keep,
    *,
    key: bytes | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Pruned:
    """Remove what a rule does not keep, and what was begun more than a day ago and not finished.

    The newest backup that reads whole is kept whatever the rule says; when there is none, nothing
    that is finished is removed.

    Raises:
        Unavailable: the place does not answer.
    """
    names = shelf.names()
    finished = {manifest.id: manifest for manifest in shelf.finished()}
    whole = _newest_whole(shelf, finished.values(), key)
    kept = wanted(finished, keep) | {whole} if whole else set(finished)
    young = {name for name in names if moment_of(name) > now() - UNFINISHED}
    # One whose manifest is broken is not unfinished: somebody should look at it.
    looked_at = {name for name in names if name not in finished and _listed(shelf, name)}
    removed = [name for name in names if name not in kept | looked_at | (young - set(finished))]
    for name in removed:
        shelf.remove(name)
    return Pruned(kept=[name for name in names if name in kept], removed=removed, whole=whole)


def prune_older(
    shelf: Shelf,
    age: timedelta,
    *,
    key: bytes | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Pruned:
    """Remove everything that is older than an age, except the newest that reads whole.

    For copies of keys: as long as one is kept, it has the keys of those forgotten since.
    """
    names = shelf.names()
    whole = _newest_whole(shelf, shelf.finished(), key)
    removed = [name for name in names if moment_of(name) < now() - age and name != whole]
    for name in removed:
        shelf.remove(name)
    return Pruned(
        kept=[name for name in names if name not in removed], removed=removed, whole=whole
    )


def _newest_whole(shelf: Shelf, manifests: Iterable[Manifest], key: bytes | None) -> str | None:
    for manifest in manifests:
        try:
            check(manifest, shelf.folder(manifest.id), key=key)
        except BrokenBackup:
            continue
        return manifest.id
    return None


def _listed(shelf: Shelf, name: str) -> bool:
    try:
        shelf.manifest(name)
    except NoSuchBackup:
        return False
    except BrokenBackup:
        return True
    return True
