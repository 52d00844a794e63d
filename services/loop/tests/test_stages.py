"""The numbers of the six stages, against a story that was counted by hand."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlglot

from four_logs import FourLogs, mention, order
from loop.evaluate import Counted, events_of, value_of
from loop.intake import keep, read
from loop.replay import Result, replay, whole_log
from loop.stages import BY_NAME, NUMBERS, sql
from loop.store import FactStore

WEEK = "2026-W19"
BY_HAND: dict[str, Any] = {
    "mention_volume": 4,
    "mention_polarity": {"positive": 2, "negative": 1, "unscored": 1},
    "net_sentiment": "0.333333333",
    "positive_share": {"share": "0.666666667", "low": "0.207659601", "high": "0.938508055"},
    "discovery_lag": {"p50": 3_600_000_000, "p95": 14_400_000_000},
    "known_persons": 2,
    "followers": {"weibo": 4},
    "fan_funnel": {"1 follows": 4, "2 known person": 3, "3 phone verified": 1, "4 member": 1},
    "fan_to_member_rate": "0.250000000",
    "customer_kinds": {"existing": 2},
    "published_items": 1,
    "face_mix": {"issue": 1},
    "content_pipeline": {"approved": 1, "drafted": 1, "published": 1},
    "content_touches": 1,
    "touches_by_channel": {"search": 1, "weibo": 1},
    "sessions_by_source": {"direct": 1, "weibo": 2},
    "spend": {"EUR": 500},
    "cost_per_order": {"EUR": "250.000000000"},
    "attributed_orders": {"weibo": "1.000000000"},
    "sla_attainment": "0.666666667",
    "cases": {"answered": 3, "breached": 1, "opened": 3, "resolved": 1},
    "new_members": 1,
    "gmv": {"EUR": 5000},
    "orders": {"cancelled": 1, "confirmed": 2, "placed": 3},
    "conversion": {"direct": "1.000000000", "weibo": "0.500000000"},
    "payment_failure_rate": "0.333333333",
    "social_order_share": "0.666666667",
    "visit_steps": {"cart": 1, "home": 3},
    "goods_on_their_way": {"requested": 2},
    "complained_products": {"tea": 1},
    "top_products": {"tea": 4},
}


@pytest.fixture(scope="module")
def counted(replayed: Result) -> Counted:
    return replayed.tenants["acme"]


@pytest.fixture(scope="module")
def store(told: FourLogs) -> Iterator[FactStore]:
    made = FactStore()
    for source, feed in told.feeds.items():
        with made.transaction() as db:
            keep(db, read(source, whole_log(source, feed)), now=0)
    yield made
    made.close()


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number.name)
def test_a_number_is_what_was_counted_by_hand(number: Any, counted: Counted) -> None:
    """Otherwise the page shows a wrong number."""
    assert value_of(counted, number.name, WEEK) == BY_HAND[number.name]


def test_weeks_are_the_tenants_own(counted: Counted) -> None:
    """Otherwise a case of a Monday morning in Shanghai counts in the week before."""
    assert [week.name for week in counted.cycles] == ["total", WEEK, "2026-W20"]
    assert value_of(counted, "cases", "2026-W20") == {"opened": 1}
    assert value_of(counted, "cases", "total")["opened"] == 4


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number.name)
def test_every_number_leads_to_the_events_that_made_it(
    number: Any, store: FactStore, told: FourLogs
) -> None:
    """Otherwise somebody asks which facts made a number and gets no answer."""
    at = {source: told.head(source) for source in told.feeds}
    found = events_of(store, number.name, tenant="acme", cycle=WEEK, at=at)
    assert found
    assert events_of(store, number.name, tenant="other", cycle=WEEK, at=at) == []
    assert events_of(store, number.name, tenant="acme", cycle="2020-W01", at=at) == []


def test_the_events_behind_attainment_are_the_cases_replies_and_breaches(
    store: FactStore, told: FourLogs
) -> None:
    """Otherwise a bad week cannot be traced to the replies that came late."""
    at = {source: told.head(source) for source in told.feeds}
    found = events_of(store, "sla_attainment", tenant="acme", cycle=WEEK, at=at)
    kinds = sorted(event.type for event in found)
    assert kinds == ["case_opened"] * 3 + ["reply_sent"] * 3 + ["sla_breached"]


def test_the_events_behind_a_number_come_page_by_page(store: FactStore, told: FourLogs) -> None:
    """Otherwise a large number's list repeats or loses events."""
    at = {source: told.head(source) for source in told.feeds}
    first = events_of(store, "mention_volume", tenant="acme", cycle=WEEK, at=at, limit=3)
    after = (first[-1].service, first[-1].position)
    rest = events_of(store, "mention_volume", tenant="acme", cycle=WEEK, at=at, after=after)
    assert len({(one.service, one.position) for one in [*first, *rest]}) == 4


def test_tenants_are_counted_apart(logs: FourLogs) -> None:
    """Otherwise one company sees another one's numbers."""
    for tenant, times in (("acme", 1), ("other", 3)):
        for number in range(times):
            for source, name, data, hours in mention(number, "positive", 1):
                logs.add(source, name, data, hours=hours, tenant=tenant)
    tenants = replay(logs.feeds).tenants
    assert value_of(tenants["acme"], "mention_volume") == 1
    assert value_of(tenants["other"], "mention_volume") == 3


def test_a_mention_read_again_counts_with_its_latest_polarity(logs: FourLogs) -> None:
    """Otherwise a better model's reading counts beside the old one."""
    for source, name, data, hours in [*mention(1, "negative", 1), *mention(1, "positive", 2)[1:]]:
        logs.add(source, name, data, hours=hours)
    counted = replay(logs.feeds).tenants["acme"]
    assert value_of(counted, "mention_polarity") == {"positive": 1}


def test_merged_persons_are_one_customer_until_they_are_split(logs: FourLogs) -> None:
    """Otherwise somebody with two handles is two customers, or stays one after a wrong merge."""
    for name in ("a", "b", "c"):
        logs.add("identity", "person_registered", {"person_id": name, "origin": "fan"})
    for link, survivor, absorbed in (("1", "b", "c"), ("2", "a", "b")):
        data = {"link_id": link, "survivor": survivor, "absorbed": absorbed, "rule": "r"}
        logs.add("identity", "persons_merged", data, hours=1)
    for source, name, data, hours in order("o1", "c", 2, 100, None):
        logs.add(source, name, data, hours=hours)
    merged = replay(logs.feeds).tenants["acme"]
    assert value_of(merged, "known_persons") == 1
    assert value_of(merged, "customer_kinds") == {"existing": 1}
    logs.add("identity", "person_split", {"undoes_link_id": "2"}, hours=3)
    split = replay(logs.feeds).tenants["acme"]
    assert value_of(split, "known_persons") == 2
    assert value_of(split, "customer_kinds") == {"existing": 1, "prospect": 1}


def test_a_refund_takes_its_share_of_the_credits_back(logs: FourLogs) -> None:
    """Otherwise channels keep the credit for orders that were undone."""
    credits_ = [{"channel": "a", "weight": "0.25"}, {"channel": "b", "weight": "0.75"}]
    data = {"order_id": "o1", "model": "linear", "credits": credits_}
    logs.add("campaigns", "conversion_attributed", data)
    logs.add("campaigns", "attribution_reversed", {"order_id": "o1", "fraction": "0.5"}, hours=1)
    counted = replay(logs.feeds).tenants["acme"]
    expected = {"a": "0.125000000", "b": "0.375000000"}
    assert value_of(counted, "attributed_orders") == expected


def test_the_same_expressions_are_a_clusters_sql() -> None:
    """Otherwise a log that outgrows one machine needs every number written again."""
    for query in ("contributions", "sums", "moments", *BY_NAME):
        text = sql(query, "pyspark")
        assert sqlglot.parse_one(text, read="spark").find(sqlglot.exp.Select)
        assert '"' not in text
