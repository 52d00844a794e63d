"""Which facts the loop finds in the events of the four services."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from chassis.clock import micros
from chassis.envelope import Recorded
from chassis.errors import Invalid
from chassis.events import UnknownEvent
from chassis.ids import derived_id
from chassis.testing.contexts import NOW
from four_logs import money, stamp, story
from loop.fact_tables import TABLES, Fact
from loop.facts import facts_of
from loop.intake import Unread, try_reading
from loop.upstream import upstream

_ID = derived_id("an event")
_BEFORE = Recorded(
    id=_ID, tenant="acme", stream="s-1", version=1, type="", schema_version=1, lane=0,
    occurred_at=NOW, recorded_at=NOW, actor="user:u", command_id=_ID, correlation_id=_ID,
    causation_id=_ID, traceparent=None, subjects=(), data=b"{}", position=7, prev=0,
    chain=bytes(32),
)  # fmt: skip
_MORE: list[tuple[str, str, dict[str, Any]]] = [
    ("identity", "tenant_revised", {"zone": "Europe/Paris", "currency": "EUR"}),
    ("identity", "person_split", {"undoes_link_id": "l1"}),
    ("identity", "erasure_requested", {"request_id": "r", "subjects": ["a", "b"]}),
    ("campaigns", "content_rejected", {"content_id": "k"}),
    ("campaigns", "content_withdrawn", {"content_id": "k"}),
    ("campaigns", "attribution_reversed", {"order_id": "o", "fraction": "0.5"}),
    ("commerce", "order_expired", {"order_id": "o"}),
    ("commerce", "order_completed", {"order_id": "o"}),
    *(("commerce", f"payment_{what}", {"payment_id": "p", "order_id": "o"})
      for what in ("authorized", "voided", "refunded")),
    ("commerce", "late_payment_received", {"payment_id": "p", "order_id": "o"}),
    *(("commerce", f"fulfilment_{what}", {"order_id": "o"})
      for what in ("accepted", "shipped", "delivered", "failed")),
    ("commerce", "return_received", {"order_id": "o"}),
]  # fmt: skip
EXAMPLES = {
    **{(source, name): data for source, name, data, _ in story()},
    **{(source, name): data for source, name, data in _MORE},
}


def event(name: str, data: Mapping[str, Any], **changes: Any) -> Recorded:
    """Return a stored event."""
    return replace(_BEFORE, type=name, data=json.dumps(data).encode(), **changes)


def facts_in(source: str, name: str, data: Mapping[str, Any]) -> list[Fact]:
    """Return an event's facts without their keys."""
    return [row.fact for row in facts_of(source, event(name, data))]


@pytest.mark.parametrize("consumed", list(upstream), ids=lambda one: one.name)
def test_every_event_that_the_loop_reads_becomes_facts(consumed: Any) -> None:
    """Otherwise a whole kind of event would be missing from every number."""
    rows = facts_of(consumed.source, event(consumed.name, EXAMPLES[consumed.source, consumed.name]))
    assert rows
    assert {type(row.fact) for row in rows} <= TABLES.keys()
    assert [(row.service, row.position, row.n) for row in rows] == [
        (consumed.source, 7, n) for n in range(len(rows))
    ]


def test_a_mention_counts_when_it_was_discovered() -> None:
    """Otherwise a slow poller would put mentions into weeks that are closed."""
    data = EXAMPLES["listening", "mention_detected"] | {
        "posted_at": stamp(1), "detected_at": stamp(3), "product_refs": ["tea", "cup"],
    }  # fmt: skip
    first, *products = facts_in("listening", "mention_detected", data)
    assert (first.at - first.posted_at) == 2 * 3_600_000_000  # type: ignore[attr-defined]  # a Mention
    assert [fact.product for fact in products] == ["tea", "cup"]  # type: ignore[attr-defined]  # products


def test_an_event_that_nobody_reads_becomes_no_fact() -> None:
    """Otherwise every new event of a service would stop the loop."""
    assert facts_of("identity", event("consent_granted", {"person_id": "p"})) == []


def test_an_unknown_version_is_refused_and_not_skipped() -> None:
    """Otherwise numbers would silently lack what a newer producer says."""
    newer = event("order_confirmed", EXAMPLES["commerce", "order_confirmed"], schema_version=2)
    with pytest.raises(UnknownEvent):
        facts_of("commerce", newer)
    assert isinstance(try_reading("commerce", newer), Unread)


@pytest.mark.parametrize(
    ("source", "name", "broken"),
    [
        ("commerce", "order_confirmed", {"total": None}),
        ("commerce", "order_confirmed", {"total": money(1 << 70)}),
        ("commerce", "order_confirmed", {"order_id": "\ud800"}),
        ("campaigns", "attribution_reversed", {"fraction": "7"}),
    ],
)
def test_what_no_column_can_hold_is_refused(source: str, name: str, broken: Any) -> None:
    """Otherwise one strange event would stop the reader of a whole log."""
    data = EXAMPLES[source, name] | broken
    with pytest.raises(Invalid):
        facts_of(source, event(name, data))


def test_more_fields_than_we_read_change_nothing() -> None:
    """Otherwise a service could not add a field without asking the loop."""
    data = EXAMPLES["commerce", "order_placed"]
    assert facts_in("commerce", "order_placed", data) == facts_in(
        "commerce", "order_placed", {**data, "gift_wrap": True}
    )


def test_a_day_of_spend_is_kept_as_the_wall_clock_shows_it() -> None:
    """Otherwise a Monday's spend would fall into the week before, east of Greenwich."""
    (fact,) = facts_in("campaigns", "spend_recorded", EXAMPLES["campaigns", "spend_recorded"])
    assert fact.at == micros(NOW.replace(day=10, hour=0))
