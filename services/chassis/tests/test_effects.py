"""Effects of a read model beside its rows, when another version takes its place."""

from pathlib import Path

import pytest
from sqlalchemy import Connection

import belfry
from belfry import Rung, bells, blueprint, record, settle
from chassis import parked, parked_audit
from chassis.envelope import Envelope
from chassis.errors import Unavailable
from chassis.projections import Projection
from chassis.rebuilding import EffectsWait, ReadModel
from chassis.testing.contexts import NOW


def test_a_swap_waits_for_effects_that_are_parked(tmp_path: Path) -> None:
    """An effect would happen twice, or never, with what is parked in one of two versions."""
    storage, telling = (
        belfry.made(f"sqlite:///{tmp_path}/belfry.db"),
        Projection("telling", [bells]),
    )

    @telling.effect(Rung)
    def tell(_event: Rung, _stored: Envelope, _db: Connection) -> None:
        raise Unavailable("nobody listens")

    record(storage, [Rung(bell="maria", times=1)])
    settle(storage, telling)
    built = ReadModel(storage, blueprint(telling), "telling")
    built.begin()
    with pytest.raises(EffectsWait):
        built.swap(accept_differences=True)

    with storage.system.begin() as db:
        for late in parked.listed(db):
            parked_audit.skip(db, late.subscription, late.event.position, now=NOW)
    built.swap(accept_differences=True)

    assert built.standing().previous is not None
    storage.database.close()
