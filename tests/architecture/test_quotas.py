"""Which doors a quota can close is said in one place, and seen when it changes."""

import pytest

from chassis.blueprint import Blueprint
from chassis.entrypoints import routes_of
from chassis.quotas.limits import BY_NAME, STORED
from chassis.quotas.metering import METERING
from chassis.quotas.stock import Held
from chassis.roles import blueprint_of, edge_of
from identity.tenant import KNOWN_QUOTAS

SERVICES = ("identity", "listening", "campaigns", "commerce")
PROMISED = {
    "identity": {
        "POST /v1/tenants",
        "POST /v1/persons/<uuid:person_id>/consents/withdrawals",
        "POST /v1/persons/<uuid:person_id>/erasure",
        "POST /v1/phones/<uuid:phone_id>/confirmations",
    },
    "listening": {
        "POST /v1/cases/<uuid:case_id>/replies",
        "POST /v1/cases/<uuid:case_id>/resolutions",
    },
    "campaigns": {"POST /v1/contents/<uuid:content_id>/withdrawals"},
    "commerce": {
        "POST /v1/orders/<uuid:order_id>/cancel",
        *(
            f"POST /v1/orders/<uuid:order_id>/fulfilment/{verb}"
            for verb in ("accept", "ship", "deliver", "fail", "return")
        ),
        "POST /v1/stores/<store_id>/purchases",
        "POST /v1/stores/<store_id>/purchases/<receipt_no>/refunds",
        "POST /v1/stock/adjustments",
    },
}
OWN = {"GET /v1/quotas", "GET /v1/usage"}


@pytest.fixture(params=SERVICES)
def blueprint(request: pytest.FixtureRequest) -> Blueprint:
    return blueprint_of(request.param)


def test_what_is_promised_is_what_was_decided(blueprint: Blueprint) -> None:
    """A door that has to stay open would be closed by a quota, or one be open without a reason."""
    routes = routes_of(edge_of(blueprint))

    assert {route.name for route in routes if route.promised} == PROMISED[blueprint.name] | OWN


def test_only_a_tenants_own_requests_are_charged(blueprint: Blueprint) -> None:
    """A provider's callback or an operator's rescue would wait for a tenant's next month."""
    for route in routes_of(edge_of(blueprint)):
        own = route.scope is not None and route.path.startswith("/v1/")

        assert route.is_charged == (own and not route.promised), route.name


def test_only_operators_act_for_a_tenant(blueprint: Blueprint) -> None:
    """A tenant would name another one in a path."""
    for route in routes_of(edge_of(blueprint)):
        if "<tenant_id>" in route.path or route.acts_for:
            assert (route.scope, route.acts_for) == ("operate", "tenant_id"), route.name


def test_every_quota_that_can_be_set_limits_something() -> None:
    """An operator would set a limit that nothing keeps."""
    stocks = [
        name
        for service in SERVICES
        for each in blueprint_of(service).inline
        if isinstance(each, Held)
        for name in each.names
    ]

    assert sorted(KNOWN_QUOTAS) == sorted({*BY_NAME, STORED, *stocks})


def test_every_service_meters_what_it_records(blueprint: Blueprint) -> None:
    """A service's use would be missing in what is billed."""
    assert METERING in [projection.name for projection in blueprint.projections]
