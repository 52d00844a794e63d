"""A shopper without a browser: follows links, keeps cookies, fills forms in as they were made."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

from werkzeug.test import Client, TestResponse

HOST, OTHER_HOST, MALL_HOST, PAY_HOST = (
    "shop.acme.example",
    "shop.globex.example",
    "mall.example",
    "pay.example",
)
SETTINGS = {
    "STOREFRONT_HOSTS": f"{HOST}=acme,{OTHER_HOST}=globex",
    "MALL_HOST": MALL_HOST,
    "PAYMENT_PAGE_URL": f"https://{PAY_HOST}",
}
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
WHO = {"name": "王小明", "phone": "0912345678", "address": "台北市中正區一號"}


@dataclass(kw_only=True, slots=True)
class Form:
    """A form of a page, as it was made."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[tuple[str, str]] = []
        self.forms: list[Form] = []
        self.ids: set[str] = set()
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        self.ids.add(known.get("id", ""))
        if tag == "a":
            self.links.append((known.get("href", ""), known.get("aria-label", "")))
        if tag == "form":
            self.forms.append(Form(action=known.get("action", "")))
        if tag == "input" and (known.get("type") != "radio" or "checked" in known):
            self.forms[-1].fields[known["name"]] = known.get("value", "")
        if tag == "select":
            self._select = known["name"]
        if tag == "option" and ("selected" in known or self._select not in self.forms[-1].fields):
            self.forms[-1].fields[self._select] = known["value"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """A page as it came."""

    answer: TestResponse
    url: str

    @property
    def status(self) -> int:
        return self.answer.status_code

    @property
    def text(self) -> str:
        return self.answer.get_data(as_text=True)

    @property
    def location(self) -> str:
        return str(self.answer.headers["Location"])

    @property
    def forms(self) -> list[Form]:
        return self._read().forms

    @property
    def form(self) -> Form:
        (form,) = self.forms
        return form

    @property
    def links(self) -> list[str]:
        return [urljoin(self.url, href) for href, _ in self._read().links]

    @property
    def ids(self) -> set[str]:
        return self._read().ids

    def links_to(self, part: str) -> list[str]:
        return [link for link in self.links if part in link]

    def _read(self) -> _Reader:
        reader = _Reader()
        reader.feed(self.text)
        return reader


class Shopper:
    """Somebody at the shops; ``shop`` is the test's shop with its provider."""

    def __init__(self, shop: Any) -> None:
        self.shop = shop
        self.client = Client(shop.service.client.application)
        self.provider = Client(shop.provider.wsgi)

    def get(self, url: str, **headers: str) -> Seen:
        """Open an address; a path is one of the own mall."""
        return self._open("GET", url, headers=headers)

    def send(self, seen: Seen, headers: Mapping[str, str] | None = None, **typed: str) -> Seen:
        """Send a page's form with some fields filled in."""
        form = seen.form
        url = urljoin(seen.url, form.action or seen.url)
        return self.post(url, {**form.fields, **typed}, headers)

    def post(
        self, url: str, fields: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> Seen:
        return self._open("POST", url, data=fields, headers=headers or {})

    def buy(self, path: str = "/buy/shirt", **typed: str) -> Seen:
        """Order from a buy page."""
        return self.send(self.get(path), **{**WHO, **typed})

    def decide(self, bought: Seen, choice: str) -> Seen:
        """Decide on the provider's page, and come back to the shop's."""
        self.shop.settle()
        back = self.post(bought.location, {"choice": choice})
        self.shop.settle()
        return self.get(back.location)

    def _open(self, method: str, url: str, **more: Any) -> Seen:
        whole = urljoin(f"https://{HOST}/", url)
        parts = urlsplit(whole)
        client = self.provider if parts.hostname == PAY_HOST else self.client
        answer = client.open(
            parts.path,
            method=method,
            query_string=parts.query,
            base_url=f"https://{parts.netloc}",
            **more,
        )
        return Seen(answer=answer, url=whole)


def picture(shop: Any, *, tenant: str = "acme", alt: str = "米色襯衫") -> dict[str, Any]:
    """Upload a picture and return it as a medium."""
    body = {"mime_type": "image/png", "content": base64.b64encode(PIXEL).decode()}
    asset = shop.service.post("/v1/media", body, tenant=tenant)["asset"]
    return {
        "mime_type": "image/png",
        "asset": asset,
        "alt": [{"lang": "zh-Hant", "text": alt}, {"lang": "en", "text": "A shirt"}],
    }


def published(shop: Any, *skus: str, **more: Any) -> str:
    """Publish a post and return its page's path."""
    body = {
        "platform": "facebook",
        "property": "page-1",
        "content": "content-7",
        "texts": [{"lang": "zh-Hant", "text": "夏天就穿亞麻"}, {"lang": "en", "text": "Linen"}],
        "media": [picture(shop)],
        "skus": list(skus or ("shirt",)),
        **more,
    }
    return str(shop.service.post("/v1/posts", body)["page"])
