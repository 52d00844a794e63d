"""Whose shop a request is about: said by the host, or by the address in the shared mall."""

import re

from werkzeug import Request

from commerce.pages import MALL
from commerce.shop_queries import ShopUnknown
from commerce.shop_settings import shop_settings

_HOST = re.compile(r"([a-z0-9.-]{1,253})(?::[0-9]{1,5})?", re.ASCII)
_IN_MALL = re.compile(rf"{MALL}/([A-Za-z0-9][A-Za-z0-9_.-]{{0,63}})(/|$)", re.ASCII)


def tenant_by_host(request: Request) -> str:
    """Return whose own mall answers at the request's host; raises ShopUnknown."""
    tenant = shop_settings().hosts.get(_host(request))
    if tenant is None:
        raise ShopUnknown("No shop answers at this host.")
    return tenant


def tenant_in_mall(request: Request) -> str:
    """Return whose part of the shared mall a request is about; raises ShopUnknown.

    Whether that company stands in the mall at all is for the page to ask.
    """
    the_mall(request)
    named = _IN_MALL.match(request.path)
    if named is None:
        raise ShopUnknown("There is no such shop here.")
    return named[1]


def the_mall(request: Request) -> str:
    """Return the tenant of the mall's own pages, which is nobody; raises ShopUnknown."""
    if _host(request) != shop_settings().mall_host:
        raise ShopUnknown("The mall is at another host.")
    return ""


def _host(request: Request) -> str:
    # The header itself: what a proxy was told before it is not proven.
    named = _HOST.fullmatch(request.headers.get("Host", "").lower())
    return named[1] if named else ""
