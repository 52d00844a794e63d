"""The rules of a tenant, and who may make one."""

from dataclasses import replace
from typing import Any

import pytest

from chassis.errors import Rejected
from chassis.testing.scenario import Scenario
from identity.events import TenantEvent
from identity.examples import TENANT_CREATED, TENANT_REVISED
from identity.tenant import (
    TENANT,
    CountryUnknown,
    CreateTenant,
    CurrencyUnknown,
    ReviseTenant,
    Tenant,
    TenantCommand,
    TenantExists,
    TenantUnknown,
    Terms,
    ZoneUnknown,
)

TERMS = Terms(
    name="Kuaibao Books", zone="Asia/Shanghai", currency="CNY", country="CN", calendar="CN",
    retention_days=1095,
)  # fmt: skip
IN_HONG_KONG = Terms(
    name="Kuaibao Books", zone="Asia/Hong_Kong", currency="HKD", country="HK", calendar="HK",
    retention_days=365,
)  # fmt: skip
CREATE = CreateTenant(tenant_id="kuaibao", terms=TERMS)


def given(*history: TenantEvent) -> Scenario[Tenant, TenantCommand, TenantEvent]:
    return Scenario(TENANT, history)


def test_a_company_is_taken_in() -> None:
    """A new customer could not begin."""
    given().when(CREATE).then(TENANT_CREATED)


def test_taking_it_in_twice_changes_nothing() -> None:
    """A repeated set-up script would fail."""
    given(TENANT_CREATED).when(CREATE).then_nothing()


def test_other_terms_do_not_replace_a_tenant() -> None:
    """Somebody could move a running company into another zone by creating it again."""
    create = CreateTenant(tenant_id="kuaibao", terms=IN_HONG_KONG)

    given(TENANT_CREATED).when(create).then_rejected(TenantExists)


def test_terms_can_be_revised() -> None:
    """A company that moves would keep its old hours for ever."""
    revise = ReviseTenant(tenant_id="kuaibao", terms=IN_HONG_KONG)

    given(TENANT_CREATED).when(revise).then(TENANT_REVISED)


def test_nobody_revises_what_does_not_exist() -> None:
    """Terms without a tenant would be in force for nobody."""
    given().when(ReviseTenant(tenant_id="x", terms=TERMS)).then_rejected(TenantUnknown)


@pytest.mark.parametrize(
    ("wrong", "refusal"),
    [
        ({"zone": "Asia/Peking"}, ZoneUnknown),
        ({"currency": "ZZZ"}, CurrencyUnknown),
        ({"country": "XX"}, CountryUnknown),
        ({"calendar": "XX"}, CountryUnknown),
    ],
)
def test_terms_must_mean_something(wrong: dict[str, Any], refusal: type[Rejected]) -> None:
    """Every due time or amount of the tenant would fail later, far from the mistake."""
    create = CreateTenant(tenant_id="kuaibao", terms=replace(TERMS, **wrong))

    given().when(create).then_rejected(refusal)


def test_only_the_platform_makes_tenants(world: Any) -> None:
    """Any customer could open accounts for others."""
    terms = {"name": "B", "zone": "Asia/Taipei", "currency": "TWD", "country": "TW"}

    answer = world.service.call("POST", "/v1/tenants", terms, scopes=["identity.write"], tenant="b")

    assert answer.status_code == 403
    assert answer.json["code"] == "missing_scope"


def test_a_tenant_sees_and_revises_itself_only(world: Any) -> None:
    """One company could read or change another one's terms."""
    shown = world.service.call("GET", "/v1/tenants/me")
    terms = {"name": "Kuaibao", "zone": "Asia/Shanghai", "currency": "CNY", "country": "CN"}
    seen = {"If-Match": shown.headers["ETag"]}

    revised = world.service.call(
        "PUT", "/v1/tenants/me", {**terms, "retention_days": 30}, headers=seen
    )
    again = world.service.call("PUT", "/v1/tenants/me", terms, headers=seen)

    assert revised.json["retention_days"] == 30
    assert again.status_code == 412
    assert world.service.call("GET", "/v1/tenants/me", tenant="other").status_code == 404
