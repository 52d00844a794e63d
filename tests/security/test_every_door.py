"""Every HTTP door of every service is tried with another tenant's token: nothing comes out."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest
from werkzeug.test import TestResponse

from campaigns.links import token_for
from chassis import schemas
from chassis.callbacks import SignedCallback
from chassis.cursors import Cursors
from chassis.routes import Route
from doors import doors_of
from made_up import MARK
from two_tenants import FIRST, INSTALLATION, NOBODYS, SECOND, THEIRS, Told, TwoTenants, told

THIRD = "delta"
SERVICES = ("identity", "listening", "campaigns", "commerce")


@pytest.fixture(params=SERVICES)
def world(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> TwoTenants:
    """Give each service, with a first tenant's rows in every table."""
    monkeypatch.setenv("STOREFRONT_HOSTS", f"shop.acme.test={FIRST},shop.beta.test={SECOND}")
    monkeypatch.setenv("MALL_HOST", "mall.test")
    monkeypatch.setenv("SECRET", "YSBzZWNyZXQgZm9yIHRlc3RzLCB0aGlydHktdHdvIGI=")
    monkeypatch.setenv("PAYMENT_PROVIDER_URL", "https://pay.test")
    monkeypatch.setenv("COMMERCE_PUBLIC_URL", "https://commerce.test")
    return TwoTenants(request.param, tmp_path)


def test_every_door_is_known(world: TwoTenants) -> None:
    """A new route would be open to other tenants, and nobody would have looked."""
    name = world.service.blueprint.name
    found, listed = {route.name for route in world.routes}, doors_of(name)
    missing = sorted(found - listed.keys())
    assert not missing, (
        f"{name} has {missing}: say in tests/security/doors.py what kind of door each is, and "
        "it is tried as the other tenant from then on"
    )
    assert not listed.keys() - found, "doors.py lists what is gone"


def test_another_tenants_ids_are_as_unknown_as_nobodys(world: TwoTenants) -> None:
    """Somebody would read, change, count or guess what another company has."""
    before, leaks = world.theirs(), []
    for route in of_kind(world, "token"):
        for match in ({}, {"If-Match": '"1"'}):
            # Two who have nothing yet: what the one did must not change the other's answer.
            asks = [partial(world.ask, route, tenant=one, headers=match) for one in (SECOND, THIRD)]
            leaks += compared(world, route, *asks)
    assert not leaks, "\n".join(leaks)
    assert world.theirs() == before


def test_an_installations_doors_need_a_right_that_no_tenant_has(world: TwoTenants) -> None:
    """A company's own people would read every company's events."""
    for route in of_kind(world, "installation"):
        assert route.scope in INSTALLATION, route.name
        answer = world.ask(route, THEIRS)
        assert (answer.status_code, answer.json["code"]) == (403, "missing_scope"), route.name


def test_another_tenants_cursor_opens_nothing(world: TwoTenants) -> None:
    """A page's address, passed on, would show the rows behind it."""
    secret = world.service.storage.secret
    for route in of_kind(world, "token"):
        if route.query is None or "cursor" not in schemas.fields_of(route.query):
            continue
        cursor = Cursors(secret=secret, tenant=FIRST, route=route.name).write([str(THEIRS)])
        path = f"{route.path}?cursor={cursor}"
        answer = world.service.call(route.method, path, scopes=world.scopes, tenant=SECOND)
        assert answer.status_code in (400, 422), f"{route.name}: {answer.text}"


def test_another_tenants_idempotency_key_is_a_fresh_one(world: TwoTenants) -> None:
    """The answer that another company got would be given again to whoever guesses its key."""
    done = 0
    for route in of_kind(world, "token"):
        if route.method != "POST":
            continue
        first = world.ask(route, NOBODYS, tenant="gamma", key="one-key")
        second = world.ask(route, NOBODYS, key="one-key")
        done += first.status_code < 300
        assert second.headers.get("Idempotency-Replayed") is None, route.name
        assert "command_reused" not in second.text, route.name
    assert done, "no command was carried out, so none could have been given again"


def test_a_shops_pages_show_no_other_shops_goods(world: TwoTenants) -> None:
    """A shopper would see, or buy, in one company's shop what another sells."""
    before, leaks = world.theirs(), []
    for route in of_kind(world, "host"):
        host = "mall.test" if route.path.startswith("/mall") else "shop.beta.test"
        ask = partial(world.visit, route, host=host)
        leaks += compared(world, route, ask, ask)
    assert not leaks, "\n".join(leaks)
    assert world.theirs() == before


def test_made_up_requests_get_past_the_edge(world: TwoTenants) -> None:
    """A request that is refused for its form says nothing of what an id would have shown."""
    routes = of_kind(world, "token")
    answers = {route.name: world.ask(route, NOBODYS, tenant="gamma") for route in routes}
    refused = {
        name: answer.text
        for name, answer in answers.items()
        if answer.status_code >= 400 and answer.json["code"] in ("invalid", "malformed_json")
    }
    assert len(refused) <= len(routes) // 5, refused


def test_a_signature_opens_its_own_tenants_door_only(world: TwoTenants) -> None:
    """Another company's payment provider would say that our orders were paid."""
    before = world.theirs()
    for route in of_kind(world, "signed"):
        if not isinstance(route.tenant_from, SignedCallback):
            continue
        aimed = world.signed(route, THEIRS, signer=SECOND, at=FIRST)
        assert (aimed.status_code, aimed.json["code"]) == (401, "wrong_signature"), route.name
        asks = [partial(world.signed, route, signer=one, at=one) for one in (SECOND, THIRD)]
        assert not list(compared(world, route, *asks))
    assert world.theirs() == before


def test_a_tracked_link_is_its_own_tenants(world: TwoTenants) -> None:
    """A link that was made for one company would lead where another's does."""
    secret = world.service.storage.secret
    for route in of_kind(world, "signed"):
        if route.path != "/r/<token>":
            continue
        made = [
            token_for(secret, tenant, content_id=THEIRS, platform="weibo", slot="a")
            for tenant in (FIRST, SECOND)
        ]
        theirs, ours = (token.split(".") for token in made)
        forged = ".".join([theirs[0], ours[1], ours[2]])
        for token in (made[1], forged, ".".join([ours[0], theirs[1], ours[2]])):
            assert world.service.client.get(f"/r/{token}").status_code == 404, token


def of_kind(world: TwoTenants, kind: str) -> list[Route]:
    """Return the doors of one kind."""
    listed = doors_of(world.service.blueprint.name)
    return [route for route in world.routes if listed.get(route.name) == kind]


def compared(
    world: TwoTenants,
    route: Route,
    ask: Callable[[UUID], TestResponse],
    ask_about_nobodys: Callable[[UUID], TestResponse],
) -> Iterator[str]:
    """Yield what tells another tenant's id from one that nobody has."""
    found, unknown = asked(world, ask, THEIRS), asked(world, ask_about_nobodys, NOBODYS)
    if found.status >= 500:
        yield f"{route.name}: answered {found.status}: {found.body}"
    if MARK in found.body or FIRST in found.body:
        yield f"{route.name}: shows {found.body}"
    if found != unknown:
        yield f"{route.name}: tells {found} from {unknown}"


def asked(world: TwoTenants, ask: Callable[[UUID], TestResponse], identity: UUID) -> Told:
    """Make a request, and return what it lets its caller know."""
    with world.watched() as statements:
        answer = ask(identity)
        return told(answer, list(statements))
