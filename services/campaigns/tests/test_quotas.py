"""How many contents a tenant may have, and that one is always allowed to take something back."""

from typing import Any

from chassis.testing.harness import Harness

DRAFT = {
    "face": "story", "sell": "soft", "persona": "阿林", "platforms": ["weibo"],
    "text": "今天的风真好。", "lang": "zh-Hans",
}  # fmt: skip


def limit(campaigns: Harness, **limits: int) -> None:
    named = [{"name": name, "limit": most} for name, most in limits.items()]
    told = {"zone": "Asia/Shanghai", "limits": named}
    campaigns.receive("identity", "tenant_quotas_set", told)
    campaigns.storage.quotas.look_again()


def draft(campaigns: Harness) -> Any:
    return campaigns.call("POST", "/v1/contents", DRAFT)


def test_contents_are_limited_until_one_is_withdrawn(campaigns: Harness) -> None:
    """Nothing could ever be written again, or everything."""
    limit(campaigns, contents=2)
    first, second, third = (draft(campaigns) for _ in range(3))
    path = f"/v1/contents/{first.json['id']}/withdrawals"
    withdrawn = campaigns.call("POST", path, {"reason": "sold out"})

    assert [first.status_code, second.status_code, third.status_code] == [201, 201, 403]
    assert withdrawn.status_code < 300
    assert [draft(campaigns).status_code for _ in range(2)] == [201, 403]


def test_a_content_is_taken_back_with_nothing_left(campaigns: Harness) -> None:
    """A mistake would stay public until midnight."""
    made = draft(campaigns).json["id"]
    limit(campaigns, commands_a_day=0, events_a_month=0, requests_a_minute=0)
    back = campaigns.call("POST", f"/v1/contents/{made}/withdrawals", {"reason": "wrong"})

    assert draft(campaigns).status_code == 429
    assert back.status_code < 300, back.text
