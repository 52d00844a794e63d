"""Tracked links: they lead where the published content says, and nowhere else."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client, TestResponse

from campaigns.links import UnknownLink, tenant_in, token_for
from chassis.testing.contexts import SECRET
from chassis.testing.harness import Harness

TARGET = "https://shop.example/bottle?size=240"
ALPHABET = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
PLACE = {"content_id": UUID(int=1), "platform": "weibo", "slot": "morning"}
TOKEN = token_for(SECRET, "acme", **PLACE)  # type: ignore[arg-type]  # the names are its own


def published(campaigns: Harness) -> str:
    draft = {
        "face": "story", "sell": "soft", "persona": "阿林", "platforms": ["weibo"],
        "text": "今天的风真好。", "lang": "zh-Hans", "link": TARGET, "campaign_id": "spring",
    }  # fmt: skip
    content_id = campaigns.post("/v1/contents", draft, subject="lin")["id"]
    campaigns.post(f"/v1/contents/{content_id}/checks", {})
    campaigns.post(f"/v1/contents/{content_id}/approvals", {}, subject="mei")
    place = {"platform": "weibo", "slot": "morning", "property_id": "official"}
    token: str = campaigns.post(f"/v1/contents/{content_id}/publications", place)["link_token"]
    return token


def follow(campaigns: Harness, path: str, **headers: str) -> TestResponse:
    browser = Client(campaigns.client.application, use_cookies=False)
    return browser.get(path, headers=headers)


def touches(campaigns: Harness) -> list[Any]:
    return [found.event for found in campaigns.happened("touch_recorded")]


def test_a_click_leads_to_the_target_and_is_noted(campaigns: Harness) -> None:
    """Fans would land nowhere, or nobody would know that they came."""
    answer = follow(campaigns, f"/r/{published(campaigns)}")
    (touch,) = touches(campaigns)

    assert (answer.status_code, answer.headers["Location"]) == (302, TARGET)
    assert (touch.channel, touch.kind, touch.campaign_id) == ("weibo", "click", "spring")
    assert campaigns.happened("touch_recorded")[0].envelope.tenant == "acme"


def test_a_visitor_who_comes_back_is_the_same_visitor(campaigns: Harness) -> None:
    """A second click would look like a second person."""
    path = f"/r/{published(campaigns)}"
    cookie = follow(campaigns, path).headers["Set-Cookie"].partition(";")[0]
    follow(campaigns, path, Cookie=cookie)
    follow(campaigns, path, Cookie="sixfold_visitor=<somebody@example.com>")
    first, second, third = (touch.subject for touch in touches(campaigns))

    assert first == second != third
    assert first.startswith("visitor-")  # so that it is never a person's or account's id
    assert "@" not in third


def test_looking_at_a_link_without_following_it_is_no_touch(campaigns: Harness) -> None:
    """Programs that check links would be counted as fans."""
    answer = campaigns.client.head(f"/r/{published(campaigns)}")

    assert answer.status_code == 405
    assert touches(campaigns) == []


@pytest.mark.parametrize("query", ["?to=https://evil.example", "?fbclid=1&url=//evil.example"])
def test_nothing_in_the_request_changes_where_it_leads(campaigns: Harness, query: str) -> None:
    """Others could send people anywhere under the brand's name."""
    answer = follow(
        campaigns,
        f"/r/{published(campaigns)}{query}",
        Host="evil.example",
        Referer="https://evil.example",
        **{"X-Forwarded-Host": "evil.example"},
    )

    assert answer.headers["Location"] == TARGET


@pytest.mark.parametrize(
    "path",
    [
        "/r/https://evil.example",
        "/r///evil.example",
        "/r/%2f%2fevil.example",
        "/r/x",
        f"/r/{TOKEN}",
    ],
)
def test_a_link_that_was_never_published_leads_nowhere(campaigns: Harness, path: str) -> None:
    """Others could send people anywhere under the brand's name."""
    answer = follow(campaigns, path)

    assert answer.status_code == 404
    assert "Location" not in answer.headers
    assert touches(campaigns) == []


def test_a_withdrawn_contents_link_is_gone(campaigns: Harness) -> None:
    """A post that had to be taken back would go on selling."""
    token = published(campaigns)
    content_id = campaigns.happened("content_published")[0].event.content_id
    campaigns.post(f"/v1/contents/{content_id}/withdrawals", {"reason": "recalled"})
    answer = follow(campaigns, f"/r/{token}")

    assert answer.status_code == 410
    assert "Location" not in answer.headers
    assert touches(campaigns) == []


def test_a_token_of_one_tenant_opens_nothing_of_another(campaigns: Harness) -> None:
    """A click would be counted for a competitor."""
    mine = published(campaigns).split(".")
    other = token_for(SECRET, "other", **PLACE).split(".")  # type: ignore[arg-type]  # the names are its own

    for parts in (
        [other[0], mine[1], mine[2]],
        [other[0], mine[1], other[2]],
        [mine[0], other[1], other[2]],
    ):
        assert follow(campaigns, f"/r/{'.'.join(parts)}").status_code == 404
    assert touches(campaigns) == []


@given(data=st.data(), where=st.integers(0, len(TOKEN) - 1))
def test_a_token_with_one_character_changed_is_not_ours(data: st.DataObject, where: int) -> None:
    """Links could be guessed from other links."""
    letter = data.draw(st.sampled_from(ALPHABET).filter(lambda letter: letter != TOKEN[where]))
    changed = TOKEN[:where] + letter + TOKEN[where + 1 :]

    with pytest.raises(UnknownLink):
        tenant_in(changed, SECRET)


@given(text=st.text(max_size=140))
def test_no_text_is_a_token_by_chance(text: str) -> None:
    """A malformed link would crash the service."""
    with pytest.raises(UnknownLink):
        tenant_in(text, SECRET)


def test_a_token_needs_the_deployments_secret() -> None:
    """Whoever knows the format could make links."""
    with pytest.raises(UnknownLink):
        tenant_in(TOKEN, b"another secret of thirty-two byt")


@given(tenant=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", fullmatch=True))
def test_every_tenant_can_have_links(tenant: str) -> None:
    """Tenants with an unusual name could not publish."""
    assert tenant_in(token_for(SECRET, tenant, **PLACE), SECRET) == tenant  # type: ignore[arg-type]  # the names are its own
