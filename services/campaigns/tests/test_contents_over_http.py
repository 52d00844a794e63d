"""A content's way from draft to report, over HTTP."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chassis.testing.harness import Harness

FACES = ["product_message", "current_activity", "issue", "story"]
SLOT = {"platform": "weibo", "slot": "morning", "property_id": "weibo-official"}


def draft(**changes: Any) -> dict[str, Any]:
    return {
        "face": "story",
        "sell": "soft",
        "persona": "阿林",
        "platforms": ["weibo"],
        "text": "今天的风真好。",
        "lang": "zh-Hans",
        **changes,
    }


def drafted(campaigns: Harness, **changes: Any) -> str:
    made: str = campaigns.post("/v1/contents", draft(**changes), subject="lin")["id"]
    return made


def approved(campaigns: Harness, **changes: Any) -> str:
    content_id = drafted(campaigns, **changes)
    assert campaigns.post(f"/v1/contents/{content_id}/checks", {})["passed"]
    campaigns.post(f"/v1/contents/{content_id}/approvals", {}, subject="mei")
    return content_id


def refused(campaigns: Harness, path: str, body: Any, **more: Any) -> dict[str, Any]:
    before = len(campaigns.happened())
    answer = campaigns.call("POST", path, body, **more)
    assert answer.status_code >= 400, answer.text
    assert len(campaigns.happened()) == before
    problem: dict[str, Any] = answer.json or {}
    return problem


def test_from_draft_to_publication(campaigns: Harness) -> None:
    """No content would ever reach a fan."""
    content_id = approved(campaigns, link="https://shop.example/a")
    token = campaigns.post(f"/v1/contents/{content_id}/publications", SLOT)["link_token"]
    campaigns.settle()
    shown = campaigns.get(f"/v1/contents/{content_id}")

    assert campaigns.types() == [
        "content_drafted",
        "content_checked",
        "content_approved",
        "content_published",
    ]
    assert (shown["status"], shown["drafted_by"], shown["approved_by"]) == (
        "published",
        "user:lin",
        "user:mei",
    )
    assert shown["problems"] == []
    assert [post["link_token"] for post in shown["publications"]] == [token]


def test_publishing_a_slot_twice_posts_once(campaigns: Harness) -> None:
    """Fans would see the post twice, under two links."""
    content_id = approved(campaigns, link="https://shop.example/a")
    tokens = {
        campaigns.post(f"/v1/contents/{content_id}/publications", SLOT)["link_token"]
        for _ in range(2)
    }

    assert len(tokens) == 1
    assert campaigns.types().count("content_published") == 1


@pytest.mark.requirement("Z5")
def test_each_content_has_one_of_four_faces_and_the_mix_is_reported(campaigns: Harness) -> None:
    """Nobody could tell whether the brand only ever advertises."""
    for wrong in ([], ["issue", "story"], "fifth_face", None):
        assert refused(campaigns, "/v1/contents", draft(face=wrong))["code"] == "invalid"
    faceless = {name: value for name, value in draft().items() if name != "face"}
    assert refused(campaigns, "/v1/contents", faceless)["code"] == "invalid"
    for face in [*FACES, "story"]:
        content_id = approved(campaigns, face=face)
        campaigns.post(f"/v1/contents/{content_id}/publications", SLOT)
    campaigns.advance_to(campaigns.clock.now() + timedelta(days=7))
    content_id = approved(campaigns, face="issue")
    campaigns.post(f"/v1/contents/{content_id}/publications", SLOT)
    campaigns.settle()

    first = campaigns.get("/v1/reports/faces?until=2026-05-10T00:00:00Z")
    second = campaigns.get("/v1/reports/faces?since=2026-05-10T00:00:00Z")

    assert [(row["face"], row["published"]) for row in first] == list(
        zip(FACES, (1, 1, 1, 2), strict=True)
    )
    assert {row["face"]: float(row["share"]) for row in second if row["published"]} == {"issue": 1}


@pytest.mark.requirement("K20")
def test_a_kol_post_on_weibo_is_rejected_above_the_limit_of_its_day(campaigns: Harness) -> None:
    """The platform would cut the post, or a changed limit would need new software."""
    longer, fitting = (drafted(campaigns, author="kol", text="字" * n) for n in (141, 140))
    path = f"/v1/contents/{longer}"

    found = campaigns.post(f"{path}/checks", {})
    assert [(problem["code"], problem["requirement"]) for problem in found["problems"]] == [
        ("text_too_long", "K20")
    ]
    assert campaigns.happened("content_rejected")[0].event.reasons == ("text_too_long",)
    assert campaigns.post(f"/v1/contents/{fitting}/checks", {})["passed"]
    assert refused(campaigns, f"{path}/publications", SLOT)["requirement"] == "K20"

    tomorrow = campaigns.clock.now() + timedelta(days=1)
    limit = {"platform": "weibo", "author": "kol", "characters": 2000}
    campaigns.post("/v1/length-limits", {**limit, "effective_from": tomorrow.isoformat()})
    assert not campaigns.post(f"{path}/checks", {})["passed"]
    campaigns.advance_to(tomorrow)
    assert campaigns.post(f"{path}/checks", {})["passed"]


def test_a_purchase_link_without_the_ad_mark_is_refused_in_china(campaigns: Harness) -> None:
    """The brand would break the advertising rules without being told which."""
    selling = {"products": ["bottle"], "link": "https://shop.example/b", "market": "CN"}
    unmarked = drafted(campaigns, **selling)
    found = campaigns.post(f"/v1/contents/{unmarked}/checks", {})
    problem = refused(campaigns, f"/v1/contents/{unmarked}/publications", SLOT)

    assert [problem["code"] for problem in found["problems"]] == ["ad_mark_missing"]
    assert (problem["status"], problem["code"]) == (422, "ad_mark_missing")
    assert "互联网广告管理办法" in problem["detail"]
    assert approved(campaigns, **selling, text="【广告】新品")
    assert approved(campaigns, **{**selling, "market": "HK"})


def test_the_market_is_the_tenants_own_unless_named(campaigns: Harness) -> None:
    """A shop in Taipei would be held to the mainland's rules."""
    told = {"zone": "Asia/Taipei", "currency": "TWD", "country": "TW"}
    campaigns.receive("identity", "tenant_created", told)
    content_id = drafted(campaigns)
    campaigns.settle()

    assert campaigns.get(f"/v1/contents/{content_id}")["market"] == "TW"


def test_who_drafted_may_not_approve(campaigns: Harness) -> None:
    """One person alone could publish in the brand's name."""
    content_id = drafted(campaigns)
    campaigns.post(f"/v1/contents/{content_id}/checks", {})
    problem = refused(campaigns, f"/v1/contents/{content_id}/approvals", {}, subject="lin")

    assert (problem["status"], problem["code"]) == (403, "own_approval")


def test_approving_needs_its_own_permission(campaigns: Harness) -> None:
    """Every author could approve every other author."""
    content_id = drafted(campaigns)
    scopes = ("campaigns.read", "campaigns.write")
    problem = refused(campaigns, f"/v1/contents/{content_id}/approvals", {}, scopes=scopes)

    assert problem["status"] == 403


def test_a_stale_view_changes_nothing(campaigns: Harness) -> None:
    """An approval would hit a content that changed since it was read."""
    content_id = drafted(campaigns)
    campaigns.settle()
    seen = campaigns.call("GET", f"/v1/contents/{content_id}").headers["ETag"]
    campaigns.post(f"/v1/contents/{content_id}/checks", {}, headers={"If-Match": seen})
    problem = refused(
        campaigns, f"/v1/contents/{content_id}/approvals", {}, headers={"If-Match": seen}
    )

    assert problem["code"] == "precondition_failed"


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "//evil.example",
        "https://shop.example@evil.example/",
        "https://shop.example\r\nSet-Cookie: a=b",
        "https:///nowhere",
        "https:\\\\evil.example",
        "ftp://shop.example/a",
    ],
)
def test_a_link_must_say_plainly_where_it_leads(campaigns: Harness, link: str) -> None:
    """A reviewer would approve one address and fans would land on another."""
    assert refused(campaigns, "/v1/contents", draft(link=link))["code"] == "invalid"


def test_the_calendar_is_read_page_by_page(campaigns: Harness) -> None:
    """Contents beyond the first page could not be found."""
    made = []
    for minute in range(5):
        campaigns.clock.set(datetime(2026, 5, 6, 3, minute, tzinfo=UTC))
        made.append(drafted(campaigns))
    campaigns.settle()
    seen, path = [], "/v1/contents?limit=2"
    while path:
        page = campaigns.get(path)
        seen += [content["content_id"] for content in page["contents"]]
        path = f"/v1/contents?limit=2&cursor={page['next']}" if page["next"] else ""

    assert seen == made


def test_another_tenant_sees_nothing(campaigns: Harness) -> None:
    """A competitor could read the plans."""
    content_id = approved(campaigns)
    campaigns.settle()

    assert campaigns.get("/v1/contents", tenant="other")["contents"] == []
    assert campaigns.call("GET", f"/v1/contents/{content_id}", tenant="other").status_code == 404
    problem = refused(campaigns, f"/v1/contents/{content_id}/checks", {}, tenant="other")
    assert problem["code"] == "unknown_content"


def test_an_unknown_field_is_refused(campaigns: Harness) -> None:
    """A misspelt field would be dropped in silence."""
    assert refused(campaigns, "/v1/contents", draft(titel="x"))["code"] == "invalid"
