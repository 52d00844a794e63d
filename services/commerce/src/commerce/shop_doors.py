"""Where a shop's pages are: at its own host, and below its name in the shared mall."""

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection

from chassis.entrypoints import command, query
from commerce import shop_queries
from commerce.pages import MALL, Visit
from commerce.refusal_page import refused
from commerce.shop_messages import PageQuery
from commerce.shop_queries import ShopUnknown
from commerce.shop_sites import tenant_by_host, tenant_in_mall

F = TypeVar("F", bound=Callable[..., Any])
_SEE_OTHER = 303


def shop_page(path: str) -> Callable[[F], F]:
    """Serve a page at a shop's own host and below its name in the shared mall."""

    def register(function: F) -> F:
        shared: dict[str, Any] = {"query": PageQuery, "open_query": True, "page": refused}
        query(path, tenant_from=tenant_by_host, **shared)(function)
        return query(f"{MALL}/<tenant>{path}", tenant_from=tenant_in_mall, **shared)(function)

    return register


def shop_form(path: str, body: type[object]) -> Callable[[F], F]:
    """Take a form at a shop's own host and below its name in the shared mall."""

    def register(function: F) -> F:
        shared: dict[str, Any] = {
            "body": body,
            "query": PageQuery,
            "open_query": True,
            "page": refused,
            "actor": "visitor",
            "status": _SEE_OTHER,
        }
        command(path, tenant_from=tenant_by_host, **shared)(function)
        return command(f"{MALL}/<tenant>{path}", tenant_from=tenant_in_mall, **shared)(function)

    return register


def open_shop(db: Connection, visit: Visit) -> str:
    """Return what the shop is called.

    Raises:
        ShopUnknown: it does not stand in the shared mall.
    """
    if visit.in_mall and not shop_queries.in_mall(db, visit.tenant):
        raise ShopUnknown("There is no such shop here.")
    return shop_queries.shop_name(db, visit.tenant) or visit.tenant
