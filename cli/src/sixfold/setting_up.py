"""Open the demonstration's shop: tenant, watch, voice, goods, posts, what ads cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sixfold.client import Client, Clients
from sixfold.feeding import Fed
from sixfold.shop import (
    BRAND,
    COUNTRY,
    CURRENCY,
    PRODUCTS,
    STOCK,
    TERMS,
    ZONE,
)
from sixfold.storefront import MAIN
from sixfold.story import Told, mention_body, reply

SHOP = "https://lantern.example/shop"
WEEKLY_SPEND = {"paid_search": 180_000, "social": 90_000, "email": 12_000}  # cents; synthetic


@dataclass(frozen=True, kw_only=True, slots=True)
class Post:
    """Something the brand publishes; written for the demonstration."""

    face: str
    sell: str
    platform: str
    lang: str
    text: str
    week: int
    products: tuple[str, ...] = ()


POSTS = (
    Post(face="story", sell="soft", platform="instagram", lang="zh-Hant", week=0,
         text="一盞燈籠、一壺熱茶，陪你過冬。你最喜歡哪一種茶香?"),
    Post(face="product_message", sell="hard", platform="instagram", lang="en", week=2,
         text="Ad: Jasmine pearls, hand-rolled this spring, now in the shop.",
         products=("jasmine-box",)),
    Post(face="current_activity", sell="soft", platform="facebook", lang="zh-Hant", week=5,
         text="新春茶會: 留言講你嘅賀年茶點，抽三位送禮盒。"),
    Post(face="issue", sell="soft", platform="weibo", lang="zh-Hans", week=10,
         text="隔夜茶到底能不能喝? 我们请教了三位茶师。"),
    Post(face="product_message", sell="hard", platform="weibo", lang="zh-Hans", week=14,
         text="广告 普洱茶饼优惠价，主页小店有售。", products=("puer-cake",)),
    Post(face="story", sell="soft", platform="facebook", lang="yue", week=20,
         text="阿爺個年代點樣飲茶? 你屋企又有咩故仔呀?"),
)  # fmt: skip


def open_shop(clients: Clients, start: datetime) -> str:
    """Make everything that must be there before the first customer; return the persona's id."""
    at = {"occurred_at": start.isoformat()}
    terms = {"name": "Lantern Tea House", "zone": ZONE, "currency": CURRENCY, "country": COUNTRY}
    clients["identity"].post("/v1/tenants", {**terms, **at})
    clients["listening"].post("/v1/watches", {"brand": BRAND, "terms": TERMS, **at})
    persona = clients["listening"].post("/v1/personas", {"brand": BRAND, "name": "小燈 Dang", **at})
    for product in PRODUCTS:
        clients["commerce"].post("/v1/products", {**product.as_body(), **at})
        receipt = {"sku": product.sku, "location": MAIN, "qty": STOCK, **at}
        clients["commerce"].post("/v1/stock/receipts", receipt)
    return str(persona["persona_id"])


def publish_posts(writer: Client, approver: Client, week: int, start: datetime) -> int:
    """Draft, check, approve and publish the posts of one week; return how many."""
    due = [post for post in POSTS if post.week == week]
    for post in due:
        _publish(writer, approver, post, start + timedelta(hours=10))
    return len(due)


def record_spend(campaigns: Client, day: datetime) -> None:
    """Record what a week of advertising cost; the figures are synthetic."""
    for channel, cents in WEEKLY_SPEND.items():
        campaigns.post(
            "/v1/spend",
            {
                "ad_id": f"{channel}-{day:%G-W%V}",
                "channel": channel,
                "day": f"{day:%Y-%m-%d}",
                "impressions": cents // 5,
                "clicks": cents // 400,
                "cost": {"amount": cents, "currency": CURRENCY},
                "occurred_at": day.isoformat(),
            },
        )


def tell_mentions(listening: Client, told: Sequence[Told], fed: Fed) -> Mapping[str, str]:
    """Hand a week's mentions in; return the case of each post that opened one."""
    cases = {}
    for one in told:
        body = {**mention_body(one.mention), "brand": None}
        body["occurred_at"] = (one.mention.posted_at + timedelta(seconds=25)).isoformat()
        taken = listening.post("/v1/mentions", body)
        fed.mentions += taken["recorded"]
        for conversation in taken["conversations"]:
            cases[one.mention.post_id] = conversation["case_id"]
    return cases


def reply_to_mentions(
    listening: Client, told: Sequence[Told], cases: Mapping[str, str], persona: str
) -> None:
    """Record the replies that the story says were given."""
    for one in told:
        case = cases.get(one.mention.post_id)
        if case and one.reply:
            reply(listening, case, one, persona)


def _publish(writer: Client, approver: Client, post: Post, at: datetime) -> None:
    moment: dict[str, Any] = {"occurred_at": at.isoformat()}
    draft = {
        "face": post.face,
        "sell": post.sell,
        "persona": "小燈 Dang",
        "platforms": [post.platform],
        "text": post.text,
        "lang": post.lang,
        "products": list(post.products),
        "link": f"{SHOP}/{post.products[0]}" if post.products else None,
        **moment,
    }
    content = writer.post("/v1/contents", draft)["id"]
    writer.post(f"/v1/contents/{content}/checks", moment)
    approver.post(f"/v1/contents/{content}/approvals", moment)
    writer.post(
        f"/v1/contents/{content}/publications",
        {
            "platform": post.platform,
            "slot": f"{at:%G-W%V}",
            "property_id": f"lantern-{post.platform}",
            **moment,
        },
    )
