"""What was metered is the same however the log is folded, and what runs out is told once."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import MetaData, create_engine

from chassis import direct
from chassis.clock import FixedClock
from chassis.envelope import Envelope
from chassis.ids import new_id
from chassis.keyed_rows import fold_into
from chassis.quotas import metering, tables
from chassis.quotas.hearing import told
from chassis.quotas.limits import NamedLimit
from chassis.quotas.periods import day_of, period_at
from chassis.quotas.telling import USED, tell
from chassis.storage import Storage, log_on
from chassis.testing.contexts import NOW, context
from chassis.testing.notebook import NoteWritten, notebook_storage
from chassis.testing.telemetry import recorded_telemetry

ZONES = ["Asia/Shanghai", "Europe/Paris", "America/Havana", "Asia/Kathmandu", "UTC"]
_FIRST = datetime(2026, 3, 27, tzinfo=UTC)
MOMENTS = st.integers(0, 5 * 86_400).map(lambda seconds: _FIRST + timedelta(seconds=seconds))


def envelope(recorded_at: datetime, kind: str = "note_written", tenant: str = "acme") -> Envelope:
    identity = new_id()
    return Envelope(
        id=identity, tenant=tenant, stream="note-1", version=1, type=kind, schema_version=1,
        lane=0, occurred_at=recorded_at - timedelta(days=400), recorded_at=recorded_at,
        actor="user:u1", command_id=identity, correlation_id=identity, causation_id=identity,
        traceparent=None, subjects=(), data=b"{}",
    )  # fmt: skip


def folded(events: Sequence[Envelope], cuts: Sequence[int]) -> tuple[list[Any], Any]:
    """Return the rows after folding events page by page, and an open connection to them."""
    db = create_engine("sqlite://").connect()
    metadata = MetaData()
    tables.define_tables(metadata)
    metadata.create_all(db)
    projection = metering.metering()
    ends = sorted({min(cut, len(events)) for cut in cuts} | {0, len(events)})
    for first, last in pairwise(ends):
        projection.apply_all([(None, event) for event in events[first:last]], db)
    rows = direct.tuples(db, "SELECT * FROM metered ORDER BY tenant, quarter, kind")
    return [*rows, *direct.tuples(db, "SELECT * FROM metered_totals")], db


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(MOMENTS, st.sampled_from(["a", "b"])), max_size=30),
    st.lists(st.integers(0, 30), max_size=4),
    st.sampled_from(ZONES),
)
def test_use_is_the_same_however_it_is_folded(
    facts: list[tuple[datetime, str]], cuts: list[int], zone: str
) -> None:
    """A read model built anew would send another bill for the same month."""
    events = [envelope(at, kind) for at, kind in facts]
    rows, db = folded(events, cuts)
    where = ZoneInfo(zone)
    days = {period_at("day", at, where).key: period_at("day", at, where) for at, _ in facts}
    summed = sum(sum(metering.by_kind(db, "acme", period).values()) for period in days.values())

    assert rows == folded(events, [])[0] == folded(events[::-1], [])[0]
    assert summed == len(events) == metering.total(db, "acme")


def test_an_event_counts_on_the_day_it_was_recorded() -> None:
    """An import of the past would change days that are over, and bills that were sent."""
    late = envelope(datetime(2026, 3, 28, 16, tzinfo=UTC))  # it happened 400 days before
    _, db = folded([late], [])
    shanghai = ZoneInfo("Asia/Shanghai")
    before, of = day_of(date(2026, 3, 28), shanghai), day_of(date(2026, 3, 29), shanghai)

    assert metering.by_kind(db, "acme", of) == {"note_written": 1}
    assert metering.by_kind(db, "acme", before) == {}
    assert metering.by_kind(db, "other", of) == {}


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return notebook_storage(tmp_path, FixedClock(NOW))


def allow(storage: Storage, **limits: int) -> None:
    named = [NamedLimit(name=name, limit=limit) for name, limit in limits.items()]
    with storage.system.begin() as db:
        fold_into(db, [told("acme", zone="Asia/Shanghai", limits=named)])
    storage.quotas.look_again()


def record(storage: Storage, times: int) -> None:
    for _ in range(times):
        note = NoteWritten(note_id=new_id(), title="a")
        with storage.begin(context(), storage.quotas.charge("acme")) as work:
            work.add(f"note-{note.note_id}", [note])


def said(storage: Storage) -> list[tuple[str, Any]]:
    with storage.system.read() as db:
        found = log_on(db).after(0, limit=1000)
    return [
        (event.type, storage.registry.decode(event, storage.keys))
        for event in found
        if event.type.startswith("quota_")
    ]


def test_a_quota_that_comes_to_its_end_is_told_once(storage: Storage) -> None:
    """Nobody would know before the first refusal, or everybody would hear it all day."""
    allow(storage, events_a_day=10)
    record(storage, 7)
    assert tell(storage) == 0
    record(storage, 1)
    assert [tell(storage), tell(storage)] == [1, 0]
    record(storage, 2)
    assert [tell(storage), tell(storage)] == [1, 0]
    (nearly, first), (up, second) = said(storage)

    assert (nearly, first.quota, first.limit, first.used) == (
        "quota_nearly_used", "events_a_day", 10, 8,
    )  # fmt: skip
    assert (up, second.used) == ("quota_used_up", 10)
    assert second.ends == datetime(2026, 5, 6, 16, tzinfo=UTC)


def test_it_is_told_again_in_the_next_period_and_for_another_limit(storage: Storage) -> None:
    """A tenant that was given more would come to the end of it unwarned."""
    allow(storage, events_a_day=5)
    record(storage, 4)
    tell(storage)
    allow(storage, events_a_day=4)
    tell(storage)
    allow(storage, events_a_day=5)
    tell(storage)
    storage.clock.advance(timedelta(days=1))  # type: ignore[attr-defined]  # a fixed clock
    assert tell(storage) == 0
    record(storage, 4)
    tell(storage)

    assert [(name, event.limit) for name, event in said(storage)] == [
        ("quota_nearly_used", 5), ("quota_used_up", 4), ("quota_nearly_used", 5),
    ]  # fmt: skip


def test_what_does_not_begin_anew_is_told_once_a_day(storage: Storage) -> None:
    """A full catalogue would be forgotten after the first day, or told every five seconds."""
    allow(storage, notes=2)
    record(storage, 2)
    told_today = [tell(storage), tell(storage)]
    storage.clock.advance(timedelta(days=1))  # type: ignore[attr-defined]  # a fixed clock

    assert [*told_today, tell(storage), tell(storage)] == [1, 0, 1, 0]


def test_a_gauge_shows_how_much_is_used_and_falls_with_the_next_period(storage: Storage) -> None:
    """An alert would never fire, or never clear."""
    allow(storage, events_a_day=4)
    record(storage, 3)
    shown = []
    for _ in range(2):
        with recorded_telemetry() as seen:
            tell(storage)
            shown += [(at["quota"], point.value) for at, point in seen.measurements()[USED.name]]
        storage.clock.advance(timedelta(days=1))  # type: ignore[attr-defined]  # a fixed clock

    assert shown == [("events_a_day", 0.75), ("events_a_day", 0)]


def test_old_counts_are_forgotten(storage: Storage) -> None:
    """The table would grow by every minute of every tenant."""
    allow(storage, events_a_day=4)
    record(storage, 1)
    storage.clock.advance(timedelta(days=60))  # type: ignore[attr-defined]  # a fixed clock
    tell(storage)

    with storage.system.read() as db:
        assert direct.tuples(db, "SELECT * FROM quota_counts") == []
