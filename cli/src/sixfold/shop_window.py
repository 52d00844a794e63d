"""Two shops to walk into: pictures, texts and posts for a running stack, all of it synthetic."""

import base64
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from rich.console import Console

from chassis.clock import SystemClock
from sixfold.client import Client, Clients
from sixfold.shop import COUNTRY, CURRENCY, PRODUCTS, TENANT, ZONE, Product
from sixfold.stack import Stack, clients_of

NEIGHBOUR = "papermoon"
HOST, NEIGHBOURS_HOST, MALL_HOST = "lantern.localhost", "papermoon.localhost", "mall.localhost"
SETTINGS: Mapping[str, str] = {
    "STOREFRONT_HOSTS": f"{HOST}={TENANT},{NEIGHBOURS_HOST}={NEIGHBOUR}",
    "MALL_HOST": MALL_HOST,
    "STOREFRONT_SCHEME": "http",
}
TICK_SECONDS = 1.0
_FEW = 6
_PLENTY = 200
Text = tuple[str, str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """What shows a product: what its picture shows, and what is said of it, in three languages."""

    alt: Text
    text: Text
    stock: int = _PLENTY


CARD = Product(sku="moon-card", title="Paper moon card", list_price=3800, sale_price=3200)
WINDOW: Mapping[str, Shown] = {
    "oolong-tin": Shown(
        alt=("綠色茶罐，旁邊有茶葉", "绿色茶罐，旁边有茶叶", "A green tea tin beside tea leaves"),
        text=(
            "半發酵的凍頂烏龍，帶焙火香，一罐 150 克。",
            "半发酵的冻顶乌龙，带焙火香，一罐 150 克。",
            "Half-fermented oolong with a roasted note, 150 g in a tin.",
        ),
    ),
    "puer-cake": Shown(
        alt=("一餅深色普洱茶", "一饼深色普洱茶", "A dark cake of pressed pu'er"),
        text=(
            "陳放十年，越泡越甜。",
            "陈放十年，越泡越甜。",
            "Ten years old; sweeter with each cup.",
        ),
    ),
    "jasmine-box": Shown(
        alt=(
            "米色禮盒，上面一朵茉莉",
            "米色礼盒，上面一朵茉莉",
            "A beige box with a jasmine flower",
        ),
        text=(
            "今年春天手捻的茉莉龍珠。",
            "今年春天手捻的茉莉龙珠。",
            "Pearls rolled by hand this spring.",
        ),
    ),
    "chen-pi": Shown(
        alt=("一碗陳皮", "一碗陈皮", "A bowl of dried tangerine peel"),
        text=("曬足三年的新會陳皮。", "晒足三年的新会陈皮。", "Peel that dried for three years."),
        stock=0,
    ),
    "gaiwan": Shown(
        alt=("白瓷蓋碗，藍色水紋", "白瓷盖碗，蓝色水纹", "A white porcelain cup with blue waves"),
        text=(
            "一百五十毫升，剛好一人一泡。",
            "一百五十毫升，刚好一人一泡。",
            "150 ml: one person, one brew.",
        ),
        stock=_FEW,
    ),
    "lantern-gift": Shown(
        alt=("紅色禮盒與兩盞燈籠", "红色礼盒与两盏灯笼", "A red gift box and two lanterns"),
        text=(
            "茶、杯、燈籠，一盒送齊。",
            "茶、杯、灯笼，一盒送齐。",
            "Tea, cup and lantern in one box.",
        ),
    ),
    "moon-card": Shown(
        alt=("印著月亮的卡片", "印着月亮的卡片", "A card with a moon on it"),
        text=("活版印刷，附信封。", "活版印刷，附信封。", "Letterpress, with an envelope."),
    ),
}
POST_ALT: Text = (
    "燈籠與月亮下的蓋碗和茶罐",
    "灯笼与月亮下的盖碗和茶罐",
    "A tea cup and a tin under lanterns and the moon",
)
POST_TEXT: Text = (
    "月亮出來了，茶也剛好。\n今晚的蓋碗、烏龍和禮盒，點一下就能帶走。",
    "月亮出来了，茶也刚好。\n今晚的盖碗、乌龙和礼盒，点一下就能带走。",
    "The moon is out and the tea is ready.\nTonight's cup, oolong and gift box: one tap away.",
)
POST_SKUS = ("gaiwan", "oolong-tin", "lantern-gift", "chen-pi")


def run(directory: Path, *, console: Console) -> None:
    """Start a private stack with two shops, print where they are, and stay up.

    Args:
        directory: Of the stack.
        console: Where to print.
    """
    from sixfold.demo import leave_in_order  # noqa: PLC0415  # it loads the whole story

    leave_in_order()
    wall, say = SystemClock(), console.print
    with Stack(directory, start_at=wall.now(), say=say, told=SETTINGS) as stack:
        post = dress(clients_of(stack.addresses.urls, stack.token, TENANT), stack)
        for line in addresses(stack.addresses.urls["commerce"], post):
            console.print(line, soft_wrap=True)
        console.print("Ctrl-C stops everything.")
        while not threading.Event().wait(TICK_SECONDS):
            # The stack's own clock stands still: nobody's time to pay would ever be over.
            stack.clock.set(wall.now())


def dress(clients: Clients, stack: Stack) -> str:
    """Fill both shops; return the path of the post that sells from the first one."""
    terms = {"zone": ZONE, "currency": CURRENCY, "country": COUNTRY}
    clients["identity"].post("/v1/tenants", {"name": "Lantern Tea House", **terms})
    neighbour = clients_of(stack.addresses.urls, stack.token, NEIGHBOUR)["commerce"]
    _open(neighbour, "紙月 Paper Moon", [CARD])
    commerce = clients["commerce"]
    _open(commerce, "燈籠茶 Lantern Tea", PRODUCTS)
    body = {
        "platform": "facebook",
        "property": "lantern-fans",
        "texts": _texts(POST_TEXT),
        "media": [_picture(commerce, "post", POST_ALT)],
        "skus": list(POST_SKUS),
    }
    return str(commerce.post("/v1/posts", body)["page"])


def addresses(commerce: str, post: str) -> list[str]:
    """Return where everything is, for a person."""
    port = commerce.rpartition(":")[2]
    return [
        f"a post      http://{HOST}:{port}{post}",
        f"its shop    http://{HOST}:{port}/",
        f"the mall    http://{MALL_HOST}:{port}/mall",
    ]


def _open(commerce: Client, name: str, products: Sequence[Product]) -> None:
    commerce.post("/v1/storefront", {"name": name, "in_shared_mall": True})
    for product in products:
        shown = WINDOW[product.sku]
        commerce.post("/v1/products", product.as_body())
        if shown.stock:
            commerce.post("/v1/stock/receipts", {"sku": product.sku, "qty": shown.stock})
        media = [_picture(commerce, product.sku, shown.alt)]
        commerce.post(f"/v1/products/{product.sku}/media", {"media": media})
        texts = {"texts": _texts(shown.text)}
        commerce.post(f"/v1/products/{product.sku}/descriptions", texts)


def _picture(commerce: Client, name: str, alt: Text) -> dict[str, Any]:
    content = files("sixfold.data").joinpath("shop", f"{name}.jpg").read_bytes()
    body = {"mime_type": "image/jpeg", "content": base64.b64encode(content).decode()}
    asset = commerce.post("/v1/media", body)["asset"]
    return {"mime_type": "image/jpeg", "asset": asset, "alt": _texts(alt)}


def _texts(text: Text) -> list[dict[str, str]]:
    languages = ("zh-Hant", "zh-Hans", "en")
    return [{"lang": lang, "text": one} for lang, one in zip(languages, text, strict=True)]
