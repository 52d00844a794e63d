"""Every service's read models hold the same rows on both databases, and can be built anew."""

import re
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from repository import Service, services
from sqlalchemy import select

from chassis.clock import FixedClock
from chassis.database import Database
from chassis.follower import Follower
from chassis.migrations import migrate
from chassis.privacy import MemoryKeys
from chassis.read_models import page_delivery
from chassis.rebuilding import ReadModel
from chassis.sequencer import sequence
from chassis.storage import Storage
from chassis.testing.contexts import NOW, SECRET, context

SERVICES = services()
SEALED = re.compile(r"sealed:v1:[\w+/=-]+")
Rows = dict[str, list[str]]


@pytest.mark.servers
@pytest.mark.parametrize("name", sorted(SERVICES))
def test_both_databases_hold_the_same_rows(name: str, tmp_path: Path, postgresql_url: str) -> None:
    """A page would show something else in production than in the demonstration."""
    service = SERVICES[name]
    (here, rebuilt_here), (there, rebuilt_there) = (
        _shown(service, url) for url in (f"sqlite:///{tmp_path}/{name}.db", postgresql_url)
    )

    assert any(here.values())
    assert here == there
    assert rebuilt_here == rebuilt_there
    assert set(rebuilt_here.values()) == {True}


def _shown(service: Service, url: str) -> tuple[Rows, dict[str, bool]]:
    """Record an example of every event; return all rows, and whether each rebuild gave the same."""
    migrate(url, service.name)
    storage = _storage(service, url)
    blueprint = service.blueprint
    for number, kind in enumerate(service.registry):
        if kind.cls in service.examples:
            with storage.begin(context(command_id=UUID(int=number))) as work:
                work.add(f"example-{number}", [service.examples[kind.cls]])
    if not storage.database.is_sqlite:
        with storage.system.begin() as db:
            sequence(db)
    for projection in blueprint.projections:
        follower = Follower(page_delivery(storage, projection), storage.database)
        while follower.step():
            pass
    projections = (*blueprint.projections, *blueprint.inline)
    tables = [table for projection in projections for table in projection.tables]
    with storage.system.read() as db:
        rows = {t.name: sorted(map(_plain, db.execute(select(t)))) for t in tables}
    rebuilt = {p.name: _same(storage, blueprint, p.name) for p in projections if not p.also_written}
    storage.database.close()
    return rows, rebuilt


def _plain(row: Any) -> str:
    """Return a row as text; what is sealed looks different each time."""
    return SEALED.sub("sealed", repr(row))


def _same(storage: Storage, blueprint: Any, name: str) -> bool:
    model = ReadModel(storage, blueprint, name)
    model.begin()
    model.swap()
    return model.standing().previous is not None


def _storage(service: Service, url: str) -> Storage:
    return Storage(
        service=service.name,
        database=Database(url),
        registry=service.registry,
        keys=MemoryKeys(),
        clock=FixedClock(NOW),
        secret=SECRET,
        inline=service.blueprint.inline,
    )
