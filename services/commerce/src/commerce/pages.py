"""Pages, rendered: one visit, its shop, its language, and how money looks there."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_datetime
from babel.numbers import format_decimal, get_currency_symbol
from jinja2 import Environment, PackageLoader, StrictUndefined
from werkzeug import Request, Response

from chassis.forms import visitor_of
from chassis.money import Money, minor_units
from chassis.page_edge import policy
from chassis.routes import Call
from chassis.storage import Storage
from commerce.page_words import LANGUAGES, LOCALES, language, text_in, words
from commerce.shop_settings import shop_settings

MALL = "/mall"
_templates = Environment(
    loader=PackageLoader("commerce"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One request to a shop's pages.

    Args:
        tenant: Whose shop; empty on the mall's own pages.
        in_mall: It is visited in the shared mall, not at its own host.
        asked_lang: The language that the address asks for.
        kept: What links to the same page in another language keep of its address.
        headers: Of the request.
        secret: The deployment's key.
        now: The moment.
    """

    tenant: str
    in_mall: bool
    asked_lang: str | None
    kept: str
    headers: Mapping[str, str]
    secret: bytes
    now: datetime

    @classmethod
    def of(cls, call: Call[Any]) -> "Visit":
        """Return the visit that a call is."""
        return cls(
            tenant=call.tenant,
            in_mall="tenant" in call.path,
            asked_lang=call.query.lang,
            kept=_kept(post=call.query.post, proof=call.query.proof, page=call.query.page),
            headers=call.headers,
            secret=call.secret,
            now=call.clock.now(),
        )

    @classmethod
    def refused(
        cls, request: Request, path: Mapping[str, Any], storage: Storage, tenant: str
    ) -> "Visit":
        """Return the visit that a request would have been."""
        return cls(
            tenant=tenant,
            in_mall="tenant" in path,
            asked_lang=request.args.get("lang"),
            kept=_kept(**{name: request.args.get(name) for name in ("post", "proof", "page")}),
            headers=dict(request.headers),
            secret=storage.secret,
            now=storage.clock.now(),
        )

    def as_stranger(self) -> "Visit":
        """Return the same visit by somebody who was never here."""
        kept = {name: value for name, value in self.headers.items() if name != "Cookie"}
        return replace(self, headers=kept)

    @cached_property
    def lang(self) -> str:
        """The page's language."""
        return language(self.asked_lang, self.headers.get("Accept-Language", ""))

    @cached_property
    def visitor(self) -> str | None:
        """Who the cookie says it is."""
        return visitor_of(self.secret, self.tenant, self.headers.get("Cookie", ""))

    @property
    def host(self) -> str:
        """Where the browser is, with its port."""
        return self.headers.get("Host", "")

    @property
    def base(self) -> str:
        """What all addresses of this shop begin with."""
        return f"{MALL}/{self.tenant}" if self.in_mall else ""

    def url(self, path: str, **query: object) -> str:
        """Return the address of another page of this shop, in the same language."""
        said = {"lang": self.asked_lang if self.asked_lang in LANGUAGES else None, **query}
        given = {name: value for name, value in said.items() if value is not None}
        return f"{self.base}{path}" + (f"?{urlencode(given)}" if given else "")

    def whole_url(self, path: str, **query: object) -> str:
        """Return the same with scheme and host, to come back to from another site."""
        return f"{shop_settings().scheme}://{self.host}{self.url(path, **query)}"


def page(template: str, visit: Visit, *, status: int = 200, **values: Any) -> Response:
    """Return a page."""
    text = _templates.get_template(template).render(
        visit=visit,
        url=visit.url,
        lang=visit.lang,
        languages=LANGUAGES,
        t=words(visit.lang),
        said=lambda texts: text_in(visit.lang, texts),
        money=lambda amount: shown_money(amount, visit.lang),
        may_show=_may_show,
        **values,
    )
    settings = shop_settings()
    response = Response(text, status=status, content_type="text/html; charset=utf-8")
    elsewhere = " ".join(settings.media_origins)
    response.headers["Content-Security-Policy"] = policy(
        img_src=elsewhere,
        media_src=elsewhere,
        # A browser also looks at where the answer to a form leads to.
        form_action=_origin(settings.payment_page),
    )
    response.headers["Content-Language"] = visit.lang
    response.headers["Vary"] = "Accept-Language, Cookie"
    return response


def shown_money(money: Money, lang: str) -> str:
    """Return an amount as people write it; cents only where there are any.

    >>> shown_money(Money(amount=149000, currency="TWD"), "zh-Hant")
    'NT$1,490'
    >>> shown_money(Money(amount=1250, currency="CNY"), "en")
    'CN¥12.50'
    >>> shown_money(Money(amount=1250000, currency="IQD"), "en")
    'IQD1,250'
    """
    digits = minor_units(money.currency)
    whole = money.amount % 10**digits == 0
    pattern = "#,##0" if whole else "#,##0." + "0" * digits
    number = format_decimal(money.decimal, format=pattern, locale=LOCALES[lang])
    # In its own country a dollar is only a dollar; a shopper may be anywhere.
    return f"{get_currency_symbol(money.currency, locale='en')}{number}"


def shown_time(at: datetime, lang: str, zone: str) -> str:
    """Return a moment as people write it."""
    locale = Locale.parse(LOCALES[lang])
    return format_datetime(at, "medium", tzinfo=ZoneInfo(zone), locale=locale)


def _kept(**query: str | None) -> str:
    given = {name: value for name, value in query.items() if value}
    return f"{urlencode(given)}&" if given else ""


def _may_show(url: str) -> bool:
    return any(url.startswith(f"{origin}/") for origin in shop_settings().media_origins)


def _origin(address: str) -> str:
    return "/".join(address.split("/")[:3])
