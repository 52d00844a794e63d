"""The list of erasures, kept outside every backup: what was forgotten stays so after a restore.

An entry is a file of its own that is never written again, so the list only grows, on a directory
as on an object store.  Each is sealed: whoever can write there can neither add nor change one.
A mark tells a list that names nobody yet from a place where there is no list.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec

from chassis import seals
from chassis.clock import micros
from chassis.database import Waiter, directly
from chassis.errors import Alarm

if TYPE_CHECKING:
    from chassis.segments.store import Store

FORMAT = 1
FOLDER = "erasures"
MARK = "begun"
_ENDING = ".json"
_PURPOSE = "erasure list"
_NAME_DIGITS = 16


class BrokenErasureList(Alarm):
    """The list of erasures is not what was written; nothing may be restored with it."""

    code = "broken_erasure_list"


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Subjects that a service forgot, or was asked to.

    Args:
        service: Which service.
        request_id: The request to be forgotten.
        about: Whom it was about, where this service was asked by that person; else None.
        subjects: Whose keys are destroyed: here, and in every service where ``about`` is said.
        at: When it was listed, in microseconds since 1970.
    """

    format: int
    tenant: str
    service: str
    request_id: UUID
    about: str | None
    subjects: tuple[str, ...]
    at: int
    seal: str = seals.UNSEALED


class _Mark(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: int
    at: int
    seal: str = seals.UNSEALED


@dataclass(frozen=True, kw_only=True, slots=True)
class ErasureList:
    """The list as one service writes it, and as a restore reads it.

    Args:
        address: A directory, or an ``s3://`` address.
        secret: The deployment's, from which the seal's key derives.
        service: Who writes.
        wait: Runs a call that may block for long; under eventlet in a thread of its own.
    """

    address: str
    secret: bytes
    service: str = ""
    wait: Waiter = directly

    def add(
        self, *, tenant: str, request_id: UUID, subjects: Sequence[str], now: datetime,
        about: str | None = None,
    ) -> None:  # fmt: skip
        """List subjects; what is on the list already stays as it is.

        Raises:
            Unavailable: the place of the list does not answer; nothing may be confirmed.
        """
        entry = Entry(
            format=FORMAT,
            tenant=tenant,
            service=self.service,
            request_id=request_id,
            about=about,
            subjects=tuple(sorted(set(subjects))),
            at=micros(now),
        )
        self.wait(self._keep, entry)

    def entries(self) -> list[Entry]:
        """Return every entry, the oldest first.

        Raises:
            BrokenErasureList: one was not written by us, or changed.
            Unavailable: the place of the list does not answer.
        """
        store = self._store()
        names = [name for name in store.names() if name.endswith(_ENDING)]
        found = [self._parsed(name, store.read(name)) for name in names]
        return sorted(found, key=lambda entry: (entry.at, entry.service, entry.request_id))

    def begin(self, now: datetime) -> None:
        """Mark this place as a list's, if it is not yet; raises Unavailable."""
        store = self._store()
        if store.read(MARK) is None:
            mark = _Mark(format=FORMAT, at=micros(now))
            store.put(MARK, BytesIO(seals.encoded(seals.sealed(mark, self._key))))

    def count(self) -> int | None:
        """Return how many entries there are, unread; None where no list was ever begun.

        Raises:
            BrokenErasureList: the mark was not written by us.
            Unavailable: the place of the list does not answer.
        """
        store = self._store()
        names = store.names()
        found = sum(name.endswith(_ENDING) for name in names)
        if MARK in names:
            self._check_mark(store.read(MARK))
        return found if found or MARK in names else None

    def look(self) -> int | None:
        """Return what ``count`` does, if an entry could be written as far as can be seen.

        Raises:
            BrokenErasureList: the mark was not written by us.
            Unavailable: the place of the list does not answer, or is none.
        """
        self._store().ensure_place()
        return self.count()

    def _check_mark(self, stored: bytes | None) -> None:
        try:
            fits = seals.fits(msgspec.json.decode(stored or b"", type=_Mark), self._key)
        except (msgspec.DecodeError, UnicodeDecodeError):
            fits = False
        if not fits:
            raise BrokenErasureList("the mark of the list of erasures was not sealed by us")

    def _keep(self, entry: Entry) -> None:
        store, name = self._store(), _name_of(entry)
        if store.read(name) is None:
            content = seals.encoded(seals.sealed(entry, self._key))
            store.put(name, BytesIO(content))

    def _parsed(self, name: str, stored: bytes | None) -> Entry:
        try:
            entry = msgspec.json.decode(stored or b"", type=Entry)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BrokenErasureList(f"{name} in the list of erasures cannot be read") from error
        if name != _name_of(entry) or not seals.fits(entry, self._key):
            raise BrokenErasureList(f"{name} in the list of erasures was not sealed by us")
        return entry

    def _store(self) -> "Store":
        # pyarrow costs every process 40 MB; only one that erases somebody needs it here.
        from chassis.segments.store import store_at  # noqa: PLC0415

        return store_at(self.address, FOLDER)

    @property
    def _key(self) -> bytes:
        return seals.key_for(self.secret, _PURPOSE)


def entries_for(service: str, entries: Iterable[Entry]) -> list[Entry]:
    """Return the entries whose subjects one service has to forget again after a restore."""
    return [entry for entry in entries if entry.service == service or entry.about is not None]


def _name_of(entry: Entry) -> str:
    """Return an entry's file: another one for other subjects, so that none is ever replaced."""
    told = "\x1f".join((entry.tenant, entry.about or "", *entry.subjects)).encode()
    digest = hashlib.sha256(told).hexdigest()[:_NAME_DIGITS]
    return f"{entry.request_id}.{entry.service}.{digest}{_ENDING}"
