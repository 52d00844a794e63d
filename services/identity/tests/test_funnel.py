"""How many came how far is the same whichever events were parked for a while."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, select

from chassis.testing.harness import Happened
from identity import queries, tables
from identity.projections import funnel


def lived(world: Any) -> None:
    """Make somebody a member, and let another be absorbed, set apart and absorbed elsewhere."""
    shop = {"origin": "shop"}
    first = world.service.post("/v1/persons", shop)["person_id"]
    second = world.prove(account_id=world.follow("42"), programme="readers")["person_id"]
    handle = {"account_id": world.follow("lin", platform="wechat")}
    third = world.service.post("/v1/persons", {**shop, **handle})["person_id"]
    world.agree(second)
    world.agree(third)
    merges = "/v1/persons/merges"
    link = world.service.post(merges, {"a": second, "b": third})["link_id"]
    world.service.post(f"/v1/persons/{third}/splits", {"link_id": link})
    world.service.clock.advance(timedelta(seconds=1))
    world.prove("139 1234 5678", person_id=second)
    world.service.post(merges, {"a": first, "b": third})
    world.service.settle()


def folded(db: Connection, happened: Sequence[Happened]) -> tuple[set[Any], dict[str, int]]:
    """Return the people, and how many came how far, after events in this order."""
    for table in funnel.tables:
        db.execute(table.delete())
    funnel.apply_all([(entry.event, entry.envelope) for entry in happened], db)
    people = set(db.execute(select(tables.people)).tuples())
    return people, queries.count_funnel(db, "acme")


def test_what_overtakes_a_parked_stream_is_not_lost(world: Any) -> None:
    """Whoever was verified while their registration was parked would never be counted."""
    lived(world)
    happened = world.service.happened()
    streams = sorted({entry.envelope.stream for entry in happened})

    with world.service.storage.database.engine.connect() as db:
        expected = folded(db, happened)
        late = {
            stream: folded(db, sorted(happened, key=lambda entry: entry.envelope.stream == stream))
            for stream in streams
        }

    assert expected[1] == {"fans": 2, "known": 2, "verified": 1, "consented": 1, "members": 1}
    assert late == dict.fromkeys(streams, expected)
