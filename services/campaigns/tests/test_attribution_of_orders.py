"""From touches and orders of other services to credit by channel."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chassis.ids import new_id
from chassis.testing.harness import Harness

PERSON, ACCOUNT, ORDER = "person-1", "account-1", "order-1"
PLACED = datetime(2026, 5, 6, 2, 0, tzinfo=UTC)
TOTAL = {"amount": 10_000, "currency": "CNY"}


def touched(
    campaigns: Harness, channel: str, *, before: timedelta, subject: str = PERSON, **more: Any
) -> None:
    row = {
        "key": str(new_id()),
        "subject": subject,
        "channel": channel,
        "kind": "visit",
        "at": (PLACED - before).isoformat(),
        **more,
    }
    assert campaigns.post("/v1/imports/touches", {"rows": [row]})["recorded"] == 1


def placed(campaigns: Harness) -> None:
    told = {"order_id": ORDER, "person_id": PERSON, "total": TOTAL, "lines": []}
    campaigns.receive("commerce", "order_placed", told, at=PLACED)


def confirmed(campaigns: Harness, **more: Any) -> None:
    told = {"order_id": ORDER, "person_id": PERSON, "total": TOTAL, **more}
    campaigns.receive("commerce", "order_confirmed", told, at=PLACED + timedelta(minutes=5))


def refunded(campaigns: Harness, amount: int, **more: Any) -> None:
    money = {"amount": amount, "currency": "CNY"}
    told = {"order_id": ORDER, "payment_id": "pay-1", "amount": money}
    campaigns.receive("commerce", "payment_refunded", told, stream="payment-1", **more)


def channels(campaigns: Harness) -> dict[str, tuple[float, int]]:
    campaigns.settle()
    return {
        row["channel"]: (float(row["orders"]), sum(money["amount"] for money in row["revenue"]))
        for row in campaigns.get("/v1/reports/channels")
    }


def test_the_last_touch_before_the_order_gets_it(campaigns: Harness) -> None:
    """Nobody could see which channel sells."""
    touched(campaigns, "weibo", before=timedelta(days=3))
    touched(campaigns, "wechat", before=timedelta(hours=1))
    touched(campaigns, "mail", before=timedelta(minutes=-1))
    placed(campaigns)
    confirmed(campaigns)

    assert channels(campaigns) == {"weibo": (0, 0), "wechat": (1, 10_000), "mail": (0, 0)}


def test_a_touch_between_order_and_payment_is_too_late(campaigns: Harness) -> None:
    """The payment page's own mail would take the credit."""
    touched(campaigns, "weibo", before=timedelta(days=3))
    touched(campaigns, "mail", before=timedelta(minutes=-2))
    placed(campaigns)
    confirmed(campaigns)

    (attributed,) = campaigns.happened("conversion_attributed")
    assert attributed.event.ordered_at == PLACED
    assert [credit.channel for credit in attributed.event.credits] == ["weibo"]


def test_an_accounts_touches_are_its_persons(campaigns: Harness) -> None:
    """What fans saw before they became customers would count for nothing."""
    touched(campaigns, "weibo", before=timedelta(days=2), subject=ACCOUNT)
    touched(campaigns, "wechat", before=timedelta(days=1), subject="somebody-else")
    link = {"account_id": ACCOUNT, "person_id": "person-0"}
    campaigns.receive("identity", "account_linked", link)
    merge = {"survivor": PERSON, "absorbed": "person-0", "link_id": "l", "rule": "same_phone"}
    campaigns.receive("identity", "persons_merged", merge)
    confirmed(campaigns)

    assert channels(campaigns)["weibo"] == (1, 10_000)


def test_a_clicked_link_counts_for_who_ordered_through_it(campaigns: Harness) -> None:
    """A visitor without an account would never be joined to the order."""
    body = {"subject": "visitor-1", "channel": "weibo", "kind": "click"}
    campaigns.clock.set(PLACED - timedelta(hours=1))
    touch = campaigns.post("/v1/touches", body)["id"]
    confirmed(campaigns, origin={"platform": "weibo", "touch": touch, "mode": "web"})

    assert channels(campaigns) == {"weibo": (1, 10_000)}


def test_all_models_stand_side_by_side(campaigns: Harness) -> None:
    """One model's answer would be taken for the truth."""
    touched(campaigns, "weibo", before=timedelta(days=3))
    touched(campaigns, "wechat", before=timedelta(days=2))
    touched(campaigns, "direct", before=timedelta(days=1), direct=True)
    confirmed(campaigns)
    campaigns.settle()
    shown = campaigns.get(f"/v1/attribution?order_id={ORDER}")

    assert (shown["model"], shown["credits"][0]["channel"]) == ("last", "direct")
    assert {
        view["model"]: [credit["amount"]["amount"] for credit in view["credits"]]
        for view in shown["side_by_side"]
    } == {
        "first": [10_000],
        "last": [10_000],
        "last_non_direct": [10_000],
        "linear": [3334, 3333, 3333],
    }


def test_a_refund_shrinks_the_credit_by_its_part(campaigns: Harness) -> None:
    """Returned goods would go on counting as sales."""
    touched(campaigns, "weibo", before=timedelta(days=3))
    confirmed(campaigns)
    refunded(campaigns, 2500)

    (taken,) = campaigns.happened("attribution_reversed")
    assert (float(taken.event.fraction), taken.event.amount.amount) == (0.25, 2500)
    assert channels(campaigns) == {"weibo": (1, 7500)}


def test_a_refund_that_overtakes_its_order_counts(campaigns: Harness) -> None:
    """The numbers would depend on which message was faster."""
    touched(campaigns, "weibo", before=timedelta(days=3))
    refunded(campaigns, 2500)
    confirmed(campaigns)

    assert channels(campaigns) == {"weibo": (1, 7500)}


def test_a_cancelled_order_credits_nobody(campaigns: Harness) -> None:
    """A channel would be paid for orders that were undone."""
    touched(campaigns, "weibo", before=timedelta(days=3))
    confirmed(campaigns)
    undone = {"order_id": ORDER, "by": "shop", "reason": "broken"}
    campaigns.receive("commerce", "order_cancelled", undone)
    refunded(campaigns, 10_000)

    assert campaigns.types().count("attribution_reversed") == 1
    assert channels(campaigns) == {"weibo": (0, 0)}


def test_a_repeated_message_changes_nothing(campaigns: Harness) -> None:
    """A redelivery would double a channel's sales or refunds."""
    touched(campaigns, "weibo", before=timedelta(days=3))
    confirmed(campaigns)
    confirmed(campaigns)
    same = new_id()
    for _ in range(2):
        refunded(campaigns, 2500, event_id=same)

    assert channels(campaigns) == {"weibo": (1, 7500)}


def test_an_order_that_nobody_led_to_has_no_attribution(campaigns: Harness) -> None:
    """Walk-in customers would be sold as somebody's success."""
    confirmed(campaigns)
    campaigns.settle()

    assert campaigns.types() == []
    answer = campaigns.call("GET", f"/v1/attribution?order_id={ORDER}")
    assert (answer.status_code, answer.json and answer.json["code"]) == (404, "not_attributed")


def test_erasing_a_person_forgets_whose_touches_they_were(campaigns: Harness) -> None:
    """The journey of somebody who asked to be forgotten could still be read."""
    touched(campaigns, "weibo", before=timedelta(days=3))
    campaigns.receive("identity", "account_linked", {"account_id": ACCOUNT, "person_id": PERSON})
    confirmed(campaigns)
    before = channels(campaigns)
    request = {"request_id": str(new_id()), "person_id": PERSON, "subjects": [PERSON, ACCOUNT]}
    campaigns.receive("identity", "erasure_requested", request)

    assert "erasure_confirmed" in campaigns.types()
    assert channels(campaigns) == before
    for table in ("touches", "sessions", "orders", "account_owners", "merged_persons"):
        for row in campaigns.rows(f"SELECT * FROM {table}"):  # noqa: S608  # names are ours
            assert not {PERSON, ACCOUNT} & set(row.values())


def spent(campaigns: Harness, **changes: Any) -> Any:
    body = {
        "ad_id": "ad-7",
        "channel": "weibo",
        "day": "2026-05-06",
        "impressions": 1000,
        "clicks": 12,
        "cost": {"amount": 80_000, "currency": "CNY"},
        **changes,
    }
    return campaigns.call("POST", "/v1/spend", body)


def test_spend_is_reported_by_channel_and_said_once_a_day(campaigns: Harness) -> None:
    """Sending the day's figures again would double the cost, or overwrite it unseen."""
    told = {"zone": "Asia/Shanghai", "currency": "CNY", "country": "CN"}
    campaigns.receive("identity", "tenant_created", told)
    statuses = [
        spent(campaigns).status_code,
        spent(campaigns).status_code,
        spent(campaigns, day="2026-05-07").status_code,
        spent(campaigns, clicks=13).status_code,
        spent(campaigns, cost={"amount": -1, "currency": "CNY"}, day="2026-05-09").status_code,
    ]
    campaigns.settle()
    # 16:00 UTC is midnight in Shanghai, where the 7th begins.
    (row,) = campaigns.get("/v1/reports/channels?since=2026-05-06T16:00:00Z")
    (both,) = campaigns.get("/v1/reports/channels")

    assert statuses == [201, 201, 201, 409, 400]
    assert row["spend"] == [{"amount": 80_000, "currency": "CNY"}]
    assert both["spend"] == [{"amount": 160_000, "currency": "CNY"}]


@pytest.mark.parametrize("subject", ["somebody@example.com", "", "a b", "x" * 101])
def test_a_touch_names_nobody_in_the_clear(campaigns: Harness, subject: str) -> None:
    """Addresses would end up in a log that cannot be erased."""
    body = {"subject": subject, "channel": "weibo", "kind": "click"}

    assert campaigns.call("POST", "/v1/touches", body).status_code == 400
    assert campaigns.types() == []
