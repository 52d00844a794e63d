"""What a shopper sees instead of what he asked for."""

from collections.abc import Iterator
from typing import Any

from werkzeug import Request, Response

from chassis import forms
from chassis.errors import Invalid
from chassis.page_edge import Refusal
from commerce import buy_page, cart_page, forget_page
from commerce.buy_page import FIELDS, Asked, Wrong
from commerce.forgotten import BuyerErased
from commerce.page_words import words
from commerce.pages import Visit, page
from commerce.shop_queries import ShopUnknown
from commerce.shop_sites import tenant_by_host, tenant_in_mall

_SOLD_OUT = {"sold_out": "sold_out_now"}
_MISSING = 404
# After these there is no shop, no product or no post to show a form for.
_GONE = {"shop_unknown", "product_unknown", "post_unknown", "not_in_post"}


def refused(refusal: Refusal) -> Response:
    """Return the buy page with what was wrong, or a page that says what is missing."""
    tenant = _tenant(refusal.request, "tenant" in refusal.path)
    visit = Visit.refused(refusal.request, refusal.path, refusal.storage, tenant or "")
    problem = refusal.problem
    if tenant and refusal.request.method == "POST" and problem.code not in _GONE:
        return _form_again(refusal, visit)
    missing = problem.status == _MISSING
    return page(
        "refused.html",
        visit,
        status=problem.status,
        heading="not_found" if missing else "failed",
        more="not_found_more" if missing else "failed_more",
        home=visit.url("/") if tenant else None,
    )


def _form_again(refusal: Refusal, visit: Visit) -> Response:
    given = _given(refusal.request)
    asked = Asked(
        sku=str(refusal.path.get("sku", "")),
        post=buy_page.post_named(refusal.request.args.get("post")),
        given={name: given[name] for name in FIELDS if name in given},
        wrong=tuple(_wrong(refusal.error, refusal.problem.code, words(visit.lang))),
        status=refusal.problem.status,
    )
    if refusal.problem.code == BuyerErased.code:
        # Nothing may be kept under the old subject any more: the browser gets another one.
        visit = visit.as_stranger()
    show = buy_page.show if asked.sku else cart_page.show
    if refusal.request.path == f"{visit.base}{forget_page.PATH}":
        show = forget_page.show
    with refusal.storage.read(visit.tenant) as db:
        return show(db, visit, asked)


def _wrong(error: Exception, code: str, known: dict[str, str]) -> Iterator[Wrong]:
    if isinstance(error, Invalid) and isinstance(error.problems, dict):
        for name in FIELDS:
            if name in error.problems:
                yield Wrong(field=name, text=f"wrong_{name}")
        if any(name in error.problems for name in FIELDS):
            return
    name = _SOLD_OUT.get(code, code)
    yield Wrong(field=None, text=name if name in known else "other_problem")


def _given(request: Request) -> dict[str, Any]:
    try:
        return dict(forms.fields_of(request))
    except Exception:  # noqa: BLE001  # a form that cannot be read is shown empty
        return {}


def _tenant(request: Request, in_mall: bool) -> str | None:  # noqa: FBT001  # said by its caller's path
    try:
        return tenant_in_mall(request) if in_mall else tenant_by_host(request)
    except ShopUnknown:
        return None
