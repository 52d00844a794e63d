"""The same service on PostgreSQL: its statements must mean there what they mean on SQLite."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from campaigns.bootstrap import BLUEPRINT
from chassis.testing.harness import Harness

PLACED = datetime(2026, 5, 6, 2, 0, tzinfo=UTC)
SLOT = {"platform": "weibo", "slot": "morning", "property_id": "official"}


@pytest.fixture
def campaigns(tmp_path: Path, postgresql_url: str) -> Harness:
    return Harness(BLUEPRINT, tmp_path, database_url=postgresql_url)


@pytest.mark.servers
def test_a_whole_campaign_runs_on_postgresql(campaigns: Harness) -> None:
    """The numbers would depend on the database, or the service would not start there."""
    told = {"zone": "Asia/Hong_Kong", "currency": "HKD", "country": "HK"}
    campaigns.receive("identity", "tenant_created", told)
    campaigns.receive("identity", "account_linked", {"account_id": "a-1", "person_id": "p-1"})
    draft = {
        "face": "story", "sell": "soft", "persona": "阿林", "platforms": ["weibo"],
        "text": "今天的风真好。", "lang": "zh-Hans", "link": "https://shop.example/a",
    }  # fmt: skip
    path = f"/v1/contents/{campaigns.post('/v1/contents', draft, subject='lin')['id']}"
    campaigns.post(f"{path}/checks", {})
    campaigns.post(f"{path}/approvals", {}, subject="mei")
    token = campaigns.post(f"{path}/publications", SLOT)["link_token"]
    assert campaigns.client.get(f"/r/{token}").status_code == 302

    rows = [
        {
            "key": f"row-{n}",
            "subject": "a-1",
            "channel": f"channel-{n % 3}",
            "kind": "visit",
            "at": (PLACED - timedelta(minutes=n)).isoformat(),
        }
        for n in range(1, 2001)
    ]
    assert campaigns.post("/v1/imports/touches", {"rows": rows})["recorded"] == 2000
    assert campaigns.post("/v1/imports/touches", {"rows": rows})["known"] == 2000
    total = {"amount": 999, "currency": "HKD"}
    order = {"order_id": "o-1", "person_id": "p-1", "total": total}
    campaigns.receive("commerce", "order_confirmed", order, at=PLACED)
    campaigns.settle()

    shown = campaigns.get(path)
    figures = {row["channel"]: row for row in campaigns.get("/v1/reports/channels")}
    page = campaigns.get("/v1/contents?limit=1")
    assert (shown["market"], shown["status"], page["next"]) == ("HK", "published", None)
    assert figures["channel-1"]["revenue"] == [total]
    assert figures["weibo"]["touches"] == 1
    assert sum(row["touches"] for row in figures.values()) == 2001
