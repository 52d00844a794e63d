"""Build a read model anew beside the live one, compare the two, and put one in the other's place.

The next version has a reader of its own: a checkpoint and parked events under
``<projection>@next``.  It never passes the live version, so both can be brought to the same
position in one transaction.  Whatever is exchanged goes with its reader's place in the same
transaction: the relay folds on from exactly where the rows stand.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection

from chassis import checkpoints, gate, parked
from chassis.blueprint import Blueprint
from chassis.comparing import SHOWN, Comparison, count_differing, count_rows, differences
from chassis.delivery import Delivery
from chassis.errors import NotFound, Rejected
from chassis.faults import reach
from chassis.keeping_out import keep_out, see_one_moment
from chassis.projections import Projection
from chassis.read_models import PAGE, page_delivery
from chassis.storage import Storage, log_on
from chassis.versions import Side, Version, exchange


class NoSuchReadModel(NotFound):
    """The service has no read model of that name."""

    code = "no_such_read_model"


class CannotBuildAnew(Rejected):
    """The log alone does not say what the read model's rows are."""

    code = "cannot_build_anew"


class NoSuchVersion(Rejected):
    """There is no such version of the read model; it has to be built, or swapped, first."""

    code = "no_such_version"


class VersionsDiffer(Rejected):
    """The next version has other rows than the live one, and nobody said that it should."""

    code = "versions_differ"

    def __init__(self, comparison: Comparison) -> None:
        super().__init__(f"{comparison.differing} rows differ, {comparison.parked} events parked")
        self.comparison = comparison


class EffectsWait(Rejected):
    """Events with effects are parked: exchanged now, effects would happen twice or never."""

    code = "effects_wait"


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """Where the versions of a read model stand in the log; None where there is no version."""

    head: int
    live: int
    next: int | None
    previous: int | None
    next_parked: int


class ReadModel:
    """One read model of a service, with the versions beside the live one.

    Args:
        storage: The service's.
        blueprint: The service.
        name: Of the projection.
        page: How many events one transaction takes.

    Raises:
        NoSuchReadModel: no projection has that name.
    """

    def __init__(
        self, storage: Storage, blueprint: Blueprint, name: str, *, page: int = PAGE
    ) -> None:
        self.projection, self.inline = _found(blueprint, name)
        self._storage = storage
        self._database = storage.system
        self._page = page
        self._next = self._version(Side.NEXT)
        self._previous = self._version(Side.PREVIOUS)

    def standing(self) -> Standing:
        """Return where every version stands."""
        with self._database.read() as db:
            return Standing(
                head=log_on(db).head(),
                live=self._live(db),
                next=self._at(db, self._next),
                previous=self._at(db, self._previous),
                next_parked=self._parked(db),
            )

    def begin(self, *, resume: bool = False) -> None:
        """Make an empty next version, in place of one that was begun earlier.

        Args:
            resume: Go on with one that was begun earlier by the same code, if there is one.

        Raises:
            CannotBuildAnew: the read model is not made of folds over the log alone.
        """
        self._refuse_what_the_log_does_not_say()
        with self._database.begin() as db:
            if not (resume and self._next.exists(db)):
                self._next.create(db)
        reach("rebuild.begun")

    def step(self) -> int:
        """Fold the next page; return how many events were handled, 0 when it has caught up.

        Raises:
            NoSuchVersion: no rebuild was begun.
            Conflict: somebody else works on the same version.
        """
        with gate.shut(f"the rebuild of {self.projection.name}"):
            tried = self._delivery(self._next).retry_due()
        with self._database.begin() as db:
            self._require(db, self._next)
            folded = self._fold_page(db, self._next, self._live(db))
            reach("rebuild.before_commit")
        reach("rebuild.committed")
        return tried + folded

    def compare(self, *, limit: int = SHOWN) -> Comparison:
        """Bring the next version to where the live one stands, and compare every row.

        The service goes on meanwhile: the comparison sees one moment of both.

        Args:
            limit: How many differing rows to return of each table.

        Raises:
            NoSuchVersion: no rebuild was begun.
        """
        while self.step():
            pass
        with self._side_by_side() as (db, position):
            pairs = [(table, self._next.place(table)) for table in self.projection.tables]
            return Comparison(
                position=position,
                rows=sum(count_rows(db, live) for live, _ in pairs),
                differing=sum(count_differing(db, live, other) for live, other in pairs),
                first=[
                    difference
                    for live, other in pairs
                    for difference in differences(db, live, other, limit=limit)
                ],
                parked=self._parked(db),
            )

    def swap(self, *, accept_differences: bool = False) -> None:
        """Make the next version the live one; the live one is kept as the previous.

        Args:
            accept_differences: Whether it is meant to have other rows.

        Raises:
            VersionsDiffer: it has, and that was not accepted.
            EffectsWait: events are parked of which the effects have, or have not, happened.
            NoSuchVersion: no rebuild was begun.
            Unavailable: the live tables were in use for too long; nothing was exchanged.
        """
        if accept_differences:
            while self.step():
                pass
        elif not (found := self.compare()).equal:
            raise VersionsDiffer(found)
        self._exchange(self._next, self._previous)

    def rollback(self) -> None:
        """Make the previous version the live one again; the live one is kept as the next.

        Raises:
            NoSuchVersion: nothing was swapped.
            EffectsWait: as in ``swap``.
            Unavailable: the live tables were in use for too long; nothing was exchanged.
        """
        self._exchange(self._previous, self._next)

    def discard(self) -> None:
        """Remove the versions beside the live one."""
        with self._database.begin() as db:
            self._next.drop(db)
            self._previous.drop(db)

    def _exchange(self, candidate: Version, other: Version) -> None:
        with self._database.begin() as db:
            checkpoints.hold(db, self.projection.name)
            keep_out(db, self.projection.tables, readers=True, placed=self.inline)
            self._require(db, candidate)
            self._catch_up(db, candidate, position := self._live(db))
            self._refuse_waiting_effects(db, candidate)
            reach("rebuild.before_exchange")
            exchange(db, self.projection, candidate, other, position)
            reach("rebuild.before_exchanged")
        reach("rebuild.exchanged")

    def _refuse_waiting_effects(self, db: Connection, candidate: Version) -> None:
        """Refuse while it is open whether the effects of parked events have happened."""
        waiting = parked.count_by_subscription(db)
        if self.projection.has_effects and {self.projection.name, candidate.name} & set(waiting):
            raise EffectsWait("Retry or skip what is parked, in both versions, then swap.")

    @contextmanager
    def _side_by_side(self) -> Iterator[tuple[Connection, int]]:
        """Open a transaction that sees both versions at one position."""
        with self._database.begin() as db:
            with self._writers_kept_out():
                see_one_moment(db)
            self._catch_up(db, self._next, position := self._live(db))
            yield db, position

    @contextmanager
    def _writers_kept_out(self) -> Iterator[None]:
        """Keep commands from an inline read model until all it shows has a position."""
        if not self.inline or self._database.is_sqlite:
            yield
            return
        with self._database.begin() as db:
            keep_out(db, self.projection.tables, readers=False, placed=True)
            yield

    def _catch_up(self, db: Connection, version: Version, position: int) -> None:
        while self._fold_page(db, version, position):
            pass

    def _fold_page(self, db: Connection, version: Version, position: int) -> int:
        start = checkpoints.position(db, version.name)
        left = min(self._page, position - start)
        events = log_on(db).after(start, limit=left) if left > 0 else []
        if events:
            with gate.shut(f"the rebuild of {self.projection.name}"):
                self._delivery(version).deliver(db, events)
            checkpoints.move_whole(db, version.name, old=start, new=events[-1].position)
        return len(events)

    def _delivery(self, version: Version) -> Delivery:
        return page_delivery(self._storage, self.projection, name=version.name, place=version.place)

    def _live(self, db: Connection) -> int:
        if self.inline:
            return log_on(db).head()
        return checkpoints.position(db, self.projection.name)

    def _at(self, db: Connection, version: Version) -> int | None:
        return checkpoints.position(db, version.name) if version.exists(db) else None

    def _parked(self, db: Connection) -> int:
        return parked.count_by_subscription(db).get(self._next.name, 0)

    def _require(self, db: Connection, version: Version) -> None:
        if not version.exists(db):
            raise NoSuchVersion(f"there is no {version.name}")

    def _version(self, side: Side) -> Version:
        return Version(self.projection, side, sqlite=self._database.is_sqlite)

    def _refuse_what_the_log_does_not_say(self) -> None:
        name, also = self.projection.name, self.projection.also_written
        if also is not None:
            raise CannotBuildAnew(f"{name} would become what it must no longer be: {also}")
        if not self.projection.only_folds or not self.projection.tables:
            raise CannotBuildAnew(f"{name} has steps of SQL, which write to the live tables")


def _found(blueprint: Blueprint, name: str) -> tuple[Projection, bool]:
    for projections, inline in ((blueprint.projections, False), (blueprint.inline, True)):
        for projection in projections:
            if projection.name == name:
                return projection, inline
    names = [projection.name for projection in (*blueprint.projections, *blueprint.inline)]
    raise NoSuchReadModel(f"{blueprint.name} has {', '.join(names) or 'no read model'}")
