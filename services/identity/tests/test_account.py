"""The rules of an account, and that every service would call it by the same id."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from chassis.lookups import pseudonym
from chassis.testing.contexts import SECRET
from chassis.testing.scenario import Scenario
from identity.account import (
    ACCOUNT,
    Account,
    AccountCommand,
    AccountUnknown,
    ObserveAccount,
    RecordFollow,
    RecordUnfollow,
)
from identity.events import AccountEvent
from identity.examples import ACCOUNT_ID, FOLLOWED, NOW, OBSERVED, UNFOLLOWED

OBSERVE = ObserveAccount(
    account_id=ACCOUNT_ID,
    platform="weibo",
    platform_user_id="1660000000",
    name="爱读书的小林",
    profile=OBSERVED.profile,
)
FOLLOW = RecordFollow(
    account_id=ACCOUNT_ID,
    property_id="weibo:kuaibao",
    topic="detective novels",
    source_content_id=None,
    at=NOW,
)
UNFOLLOW = RecordUnfollow(account_id=ACCOUNT_ID, property_id="weibo:kuaibao", at=NOW)


def given(*history: AccountEvent) -> Scenario[Account, AccountCommand, AccountEvent]:
    return Scenario(ACCOUNT, history)


def test_an_account_is_observed() -> None:
    """Nobody would know that it exists."""
    given().when(OBSERVE).then(OBSERVED)


def test_the_same_sight_twice_is_one_fact() -> None:
    """A poller would fill the log with repetitions."""
    given(OBSERVED).when(OBSERVE).then_nothing()


def test_a_changed_profile_is_a_new_fact() -> None:
    """The number of followers would stay what it was at first sight."""
    profile = replace(OBSERVED.profile, followers=5000)

    given(OBSERVED).when(replace(OBSERVE, profile=profile)).then(replace(OBSERVED, profile=profile))


def test_a_mention_takes_nothing_away() -> None:
    """A name would be lost as soon as its owner speaks of the brand."""
    mention = ObserveAccount(account_id=ACCOUNT_ID, platform="weibo")

    given(OBSERVED).when(mention).then_nothing()


def test_a_follow_makes_a_fan_once() -> None:
    """Fans would be counted twice, or not at all."""
    given(OBSERVED).when(FOLLOW).then(FOLLOWED)
    given(OBSERVED, FOLLOWED).when(FOLLOW).then_nothing()


def test_an_unknown_account_cannot_follow() -> None:
    """There would be a fan whom nobody ever saw."""
    given().when(FOLLOW).then_rejected(AccountUnknown)


def test_only_a_fan_can_stop_being_one() -> None:
    """The number of fans could become negative."""
    given(OBSERVED, FOLLOWED).when(UNFOLLOW).then(UNFOLLOWED)
    given(OBSERVED, FOLLOWED, UNFOLLOWED).when(UNFOLLOW).then_nothing()


def test_the_id_is_the_one_that_other_services_derive(world: Any) -> None:
    """A mention and a follow of one handle would belong to two accounts."""
    account = world.follow("1660000000")

    assert UUID(account) == pseudonym(SECRET, "acme", "account", "weibo/1660000000")


def test_whoever_speaks_of_the_brand_has_an_account_before_following(world: Any) -> None:
    """A follower's earlier mentions would be somebody else's."""
    author = str(pseudonym(SECRET, "acme", "account", "weibo/42"))
    mention = {"platform": "weibo", "author_account": author, "text": "sealed:v1:xyz"}

    world.service.receive("listening", "mention_detected", mention)
    account = world.follow("42", name="阿明")

    assert account == author
    assert world.service.types()[1:] == ["account_observed", "account_observed", "brand_followed"]


def test_an_account_is_found_by_its_handle(world: Any) -> None:
    """Support could not find who wrote to them."""
    account = world.follow("42")
    query = "/v1/accounts/lookup?platform=weibo&platform_user_id="

    assert world.service.get(f"{query}42") == {"account_id": account, "person_id": None}
    assert world.service.call("GET", f"{query}43").status_code == 404
    assert world.service.call("GET", f"{query}42", tenant="other").status_code == 404


def test_an_unfollow_is_noted(world: Any) -> None:
    """The funnel would count fans who have left."""
    world.follow("42")
    handle = {"platform": "weibo", "platform_user_id": "42", "property_id": "weibo:k"}

    world.service.post("/v1/unfollows", handle)
    world.service.settle()

    assert world.service.get("/v1/funnel")["fans"] == 0
