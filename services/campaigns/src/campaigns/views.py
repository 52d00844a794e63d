"""What campaigns' callers may ask: the calendar, and an order's attribution."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping, select, tuple_

from campaigns import queries, subjects
from campaigns.attribution import MODELS, path_of
from campaigns.content import UnknownContent
from campaigns.conversion import credits_of
from campaigns.events import Credit, Problem
from campaigns.messages import Page
from campaigns.replies import AttributionView, ContentPage, ContentView, ModelView, Post
from campaigns.tables import contents, conversions, credits_given, orders, publications
from chassis import schemas
from chassis.clock import moment
from chassis.cursors import Cursors
from chassis.errors import NotFound
from chassis.money import Money


class NotAttributed(NotFound):
    """The order is unknown, or no touch before it is."""

    code = "not_attributed"


def content_view(db: Connection, tenant: str, content_id: UUID) -> tuple[ContentView, int]:
    """Return a content and its version; raises UnknownContent."""
    mine = (contents.c.tenant == tenant) & (contents.c.content_id == str(content_id))
    row = db.execute(select(contents).where(mine)).mappings().one_or_none()
    if row is None:
        raise UnknownContent("There is no such content.")
    posts = _posts(db, tenant, [row["content_id"]])
    return _content(row, posts[row["content_id"]]), row["version"]


def content_page(db: Connection, tenant: str, page: Page, cursors: Cursors) -> ContentPage:
    """Return one page of the calendar, oldest drafts first; raises WrongCursor."""
    place = tuple_(contents.c.drafted_at, contents.c.content_id)
    found = select(contents).where(contents.c.tenant == tenant)
    after = cursors.read(page.cursor)
    if after is not None:
        found = found.where(place > tuple_(*after))
    found = found.order_by(contents.c.drafted_at, contents.c.content_id).limit(page.limit + 1)
    rows = db.execute(found).mappings().all()
    shown = rows[: page.limit]
    posts = _posts(db, tenant, [row["content_id"] for row in shown])
    last = [shown[-1]["drafted_at"], shown[-1]["content_id"]] if shown else None
    return ContentPage(
        contents=tuple(_content(row, posts[row["content_id"]]) for row in shown),
        next=cursors.write(last) if len(rows) > page.limit else None,
    )


def attribution_view(db: Connection, tenant: str, order_id: str) -> AttributionView:
    """Return an order's attribution, and what every model says of it; raises NotAttributed."""
    mine = (conversions.c.tenant == tenant) & (conversions.c.order_id == order_id)
    row = db.execute(select(conversions).where(mine)).mappings().one_or_none()
    if row is None:
        raise NotAttributed(f"No credit was given for order {order_id}.")
    amount = Money(amount=row["amount"], currency=row["currency"])
    return AttributionView(
        order_id=order_id,
        model=row["model"],
        window_days=row["window_days"],
        ordered_at=moment(row["ordered_at"]),
        amount=amount,
        reversed=Money(amount=row["reversed"], currency=row["currency"]),
        credits=_credits(db, tenant, row),
        side_by_side=_side_by_side(db, tenant, row, amount),
    )


def _side_by_side(
    db: Connection, tenant: str, row: RowMapping, amount: Money
) -> tuple[ModelView, ...]:
    mine = (orders.c.tenant == tenant) & (orders.c.order_id == row["order_id"])
    person_id = db.execute(select(orders.c.person_id).where(mine)).scalar()
    if person_id is None:
        return ()  # forgotten: nobody's touches can be told apart any more
    touches = queries.touches_of(db, tenant, subjects.subjects_of(db, tenant, person_id))
    path = path_of(touches, ordered_at=moment(row["ordered_at"]), window_days=row["window_days"])
    return tuple(
        ModelView(model=model, credits=credits_of(path, model=model, amount=amount))
        for model in MODELS
    )


def _credits(db: Connection, tenant: str, order: RowMapping) -> tuple[Credit, ...]:
    table = credits_given
    found = (
        select(table)
        .where(table.c.tenant == tenant, table.c.order_id == order["order_id"])
        .order_by(table.c.place)
    )
    return tuple(_credit(row, order["currency"]) for row in db.execute(found).mappings())


def _credit(row: RowMapping, currency: str) -> Credit:
    return Credit(
        touch_id=UUID(row["touch_id"]),
        channel=row["channel"],
        campaign_id=row["campaign_id"],
        content_id=row["content_id"],
        weight=Decimal(row["weight"]),
        amount=Money(amount=row["amount"], currency=currency),
    )


def _posts(
    db: Connection, tenant: str, content_ids: Sequence[str]
) -> Mapping[str, Sequence[RowMapping]]:
    table = publications
    found = (
        select(table)
        .where(table.c.tenant == tenant, table.c.content_id.in_(content_ids))
        .order_by(table.c.at, table.c.platform, table.c.slot)
    )
    by_content: dict[str, list[RowMapping]] = defaultdict(list)
    for row in db.execute(found).mappings():
        by_content[row["content_id"]].append(row)
    return by_content


def _content(row: RowMapping, posts: Iterable[RowMapping]) -> ContentView:
    same = (
        "content_id", "status", "face", "sell", "persona", "text", "length", "lang", "market",
        "campaign_id", "link", "purchase_link", "ad_mark", "drafted_by", "approved_by",
    )  # fmt: skip
    given: dict[str, Any] = {name: row[name] for name in same}
    return ContentView(
        **given,
        platforms=tuple(json.loads(row["platforms"])),
        drafted_at=moment(row["drafted_at"]),
        problems=_problems(row["problems"]),
        publications=tuple(_post(post) for post in posts),
    )


def _problems(text: str | None) -> tuple[Problem, ...] | None:
    if text is None:
        return None
    return tuple(schemas.load(Problem, problem) for problem in json.loads(text))


def _post(row: RowMapping) -> Post:
    return Post(
        platform=row["platform"],
        slot=row["slot"],
        property_id=row["property_id"],
        link_token=row["link_token"],
        at=moment(row["at"]),
    )
