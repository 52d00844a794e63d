"""An operator says how much a tenant may do; the tenant sees it, and nobody else's."""

from typing import Any

import pytest

from chassis.errors import Rejected
from chassis.quotas.limits import NamedLimit
from chassis.testing.scenario import Scenario
from identity.events import TenantEvent, TenantQuotasSet
from identity.examples import TENANT_CREATED, TENANT_QUOTAS_SET, TENANT_REVISED
from identity.tenant import (
    TENANT,
    QuotaUnknown,
    ReviseTenant,
    SetTenantQuotas,
    Tenant,
    TenantCommand,
    TenantUnknown,
    Terms,
)

SET = SetTenantQuotas(
    tenant_id="kuaibao",
    limits=(
        NamedLimit(name="watches", limit=50),
        NamedLimit(name="products", limit=None),
        NamedLimit(name="events_a_day", limit=100_000),
    ),
    reason="contract of May 2026",
)
IN_HONG_KONG = Terms(
    name="Kuaibao Books", zone="Asia/Hong_Kong", currency="HKD", country="HK", calendar="HK",
    retention_days=365,
)  # fmt: skip
LIMITS = "/internal/v1/tenants/acme/limits"


def given(*history: TenantEvent) -> Scenario[Tenant, TenantCommand, TenantEvent]:
    return Scenario(TENANT, history)


def put(world: Any, limits: dict[str, int | None], *, tag: str = "*", **more: Any) -> Any:
    named = [{"name": name, "limit": limit} for name, limit in limits.items()]
    body = {"limits": named, "reason": "contract"}
    more = {"scopes": ["operate"], "tenant": "platform", **more}
    return world.service.call("PUT", LIMITS, body, headers={"If-Match": tag}, **more)


def test_quotas_are_set() -> None:
    """Nobody could be limited."""
    given(TENANT_CREATED).when(SET).then(TENANT_QUOTAS_SET)


def test_setting_the_same_again_changes_nothing() -> None:
    """A set-up script that runs twice would leave a trail of nothing."""
    given(TENANT_CREATED, TENANT_QUOTAS_SET).when(SET).then_nothing()


@pytest.mark.parametrize("names", [["watchs"], ["watches", "watches"]])
def test_a_name_that_limits_nothing_is_refused(names: list[str]) -> None:
    """An operator who mistypes would believe that something is limited."""
    limits = tuple(NamedLimit(name=name, limit=1) for name in names)
    wrong = SetTenantQuotas(tenant_id="kuaibao", limits=limits, reason="x")
    refusal: type[Rejected] = QuotaUnknown

    given(TENANT_CREATED).when(wrong).then_rejected(refusal)


def test_a_tenant_that_does_not_exist_has_no_quotas() -> None:
    """Quotas would be in force for nobody."""
    given().when(SET).then_rejected(TenantUnknown)


def test_a_tenant_that_moves_has_its_days_there_from_then_on() -> None:
    """Every service would count its days in the old zone for ever."""
    moved = TenantQuotasSet(
        tenant_id="kuaibao",
        zone="Asia/Hong_Kong",
        limits=TENANT_QUOTAS_SET.limits,
        reason="the tenant's zone changed",
    )
    revise = ReviseTenant(tenant_id="kuaibao", terms=IN_HONG_KONG)

    given(TENANT_CREATED, TENANT_QUOTAS_SET).when(revise).then(TENANT_REVISED, moved)


def test_only_an_operator_sets_quotas(world: Any) -> None:
    """A tenant could lift its own limits."""
    own = ["tenant.admin", "identity.write", "quotas.read", "platform.admin"]
    answer = put(world, {"watches": 1}, scopes=own, tenant="acme")

    assert (answer.status_code, answer.json["code"]) == (403, "missing_scope")
    assert world.service.happened("tenant_quotas_set") == []


def test_who_set_them_and_why_is_kept(world: Any) -> None:
    """After a dispute nobody could say who had decided what."""
    assert put(world, {"watches": 1}, subject="ann").status_code == 200
    (said,) = world.service.happened("tenant_quotas_set")

    assert (said.envelope.tenant, said.envelope.actor) == ("acme", "user:ann")
    assert (said.event.reason, said.event.zone) == ("contract", "Asia/Shanghai")


def test_two_operators_do_not_overwrite_each_other(world: Any) -> None:
    """What one decided a moment ago would be gone without a word."""
    seen = world.service.call("GET", LIMITS, scopes=["operate"], tenant="platform")
    tag = seen.headers["ETag"]

    assert seen.json["limits"] is None
    assert put(world, {"watches": 1}, tag=tag).status_code == 200
    assert put(world, {"watches": 2}, tag=tag).status_code == 412
    bare = {"limits": [], "reason": "x"}
    unseen = world.service.call("PUT", LIMITS, bare, scopes=["operate"], tenant="platform")
    assert unseen.status_code == 428


@pytest.mark.parametrize("wrong", [{"watches": -1}, {"no such thing": 1}, {"watchs": 1}])
def test_nonsense_is_refused(world: Any, wrong: dict[str, int | None]) -> None:
    """A limit below nothing would close a tenant's door for good."""
    assert put(world, wrong).status_code in (400, 422)
    assert world.service.happened("tenant_quotas_set") == []


def test_quotas_count_here_from_the_next_command_on(world: Any) -> None:
    """Identity would be the only service without limits."""
    put(world, {"commands_a_day": 2, "watches": 9})
    follow = {"platform": "weibo", "property_id": "weibo:k"}
    answers = [
        world.service.call("POST", "/v1/follows", {**follow, "platform_user_id": f"u{n}"})
        for n in range(3)
    ]
    shown = world.service.get("/v1/quotas")

    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert shown == {
        "tenant": "acme",
        "service": "identity",
        "zone": "Asia/Shanghai",
        "quotas": [
            {
                "name": "commands_a_day",
                "limit": 2,
                "used": 2,
                "begins": "2026-05-05T16:00:00+00:00",
                "ends": "2026-05-06T16:00:00+00:00",
            }
        ],
    }


def test_use_is_shown_by_day_and_kind(world: Any) -> None:
    """Nobody could say what a tenant did."""
    world.follow("u1")
    world.service.settle()
    shown = world.service.get("/v1/usage?days=2")

    assert shown["stored"] == sum(day["events"] for day in shown["days"]) == 4
    assert shown["days"][0]["kinds"] == [
        {"kind": "account_observed", "events": 1},
        {"kind": "audit_recorded", "events": 1},
        {"kind": "brand_followed", "events": 1},
        {"kind": "tenant_created", "events": 1},
    ]
    assert shown["days"][1]["kinds"] == []


def test_a_tenant_never_sees_anothers(world: Any) -> None:
    """A competitor's contract and turnover would be there to read."""
    put(world, {"commands_a_day": 2})
    world.follow("u1")
    world.service.settle()

    assert world.service.get("/v1/quotas", tenant="other")["quotas"] == []
    assert world.service.get("/v1/usage", tenant="other")["stored"] == 0
    for path in (LIMITS, LIMITS.replace("limits", "quotas"), LIMITS.replace("limits", "usage")):
        answer = world.service.call("GET", path, scopes=["quotas.read"], tenant="other")
        assert answer.status_code == 403


def test_an_operator_sees_any_tenants(world: Any) -> None:
    """A complaint about a quota could not be looked into."""
    put(world, {"commands_a_day": 2})
    world.follow("u1")
    more = {"scopes": ["operate"], "tenant": "platform"}
    shown = world.service.get("/internal/v1/tenants/acme/quotas", **more)

    assert (shown["tenant"], shown["quotas"][0]["used"]) == ("acme", 1)
    unknown = world.service.call("GET", "/internal/v1/tenants/nobody/limits", **more)
    assert unknown.status_code == 404


def test_erasure_and_withdrawn_consent_are_never_refused(world: Any) -> None:
    """Somebody's right would wait for the end of the month."""
    person = world.prove()["person_id"]
    world.agree(person)
    put(world, {"commands_a_day": 0, "events_a_day": 0, "requests_a_minute": 0})
    said = {"purpose": "marketing", "channel": "sms"}
    withdrawn = world.service.call("POST", f"/v1/persons/{person}/consents/withdrawals", said)
    erased = world.service.call("POST", f"/v1/persons/{person}/erasure", {})
    refused = world.service.call("POST", "/v1/phones/claims", {"number": "138 0013 8001"})

    assert refused.status_code == 429
    assert withdrawn.status_code < 300, withdrawn.text
    assert erased.status_code < 300, erased.text
