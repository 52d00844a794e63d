"""Whoever names an amount over HTTP names it in a currency that exists."""

from collections.abc import Iterator
from typing import Any

import pytest
from marshmallow import fields
from repository import Service, services

from chassis import schemas
from chassis.entrypoints import routes_of
from chassis.errors import Invalid
from chassis.money import InUse, Money
from chassis.roles import edge_of
from commerce.promotion_messages import PromotionRequest

# The first is news of money that was asked for before: refused, what happened to it would be lost.
# The second is checked with all of its discount, see the test below; the third by its aggregate.
ELSEWHERE = {("ProviderCallback", "amount"), ("Discount", "amount"), ("TenantBody", "currency")}
SERVICES = services()


def amounts(cls: type[Any]) -> Iterator[tuple[str, str, "fields.Field[Any]"]]:
    """Yield each field below a body that holds an amount or a currency."""
    for name, field in schemas.fields_of(cls).items():
        inner = field.inner if isinstance(field, fields.List) else field
        if isinstance(inner, fields.Nested):
            target = inner.schema.target
            if target is Money:
                yield cls.__name__, name, inner
            else:
                yield from amounts(target)
        elif name == "currency":
            yield cls.__name__, name, inner


def bodies(service: Service) -> list[type[Any]]:
    found = {
        route.body for route in routes_of(edge_of(service.blueprint)) if route.body is not None
    }
    return sorted(found, key=lambda body: body.__name__)


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES.keys())
def test_no_door_takes_money_that_does_not_exist(service: Service) -> None:
    """A new door that forgot to look would let amounts in that nobody can charge or show."""
    asked = [
        (where, name, field)
        for body in bodies(service)
        for where, name, field in amounts(body)
        if (where, name) not in ELSEWHERE
    ]
    unchecked = [
        (where, name)
        for where, name, field in asked
        if not any(isinstance(check, InUse) for check in field.validators)
    ]
    assert unchecked == []
    assert asked or service.name not in {"commerce", "campaigns"}


def test_a_discount_is_in_money_that_exists() -> None:
    """An amount off in no currency would never take anything off a price, and nobody would know."""
    told = {"promotion_id": "p", "texts": [{"lang": "en", "text": "less"}]}
    off = {"amount": {"amount": 100, "currency": "ZZZ"}}
    with pytest.raises(Invalid) as refused:
        schemas.load(PromotionRequest, {**told, "discount": off})
    assert refused.value.problems.keys() == {"discount"}
