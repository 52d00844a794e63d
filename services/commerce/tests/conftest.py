"""Fixtures of commerce's tests: shops, what they sell in, and who tells them things."""

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from chassis.faults import set_hook
from chassis.testing.contexts import SECRET
from drop_site import DropSite
from shop_under_test import Make, Market, Shop, order_body


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", base64.b64encode(SECRET).decode())


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


@pytest.fixture
def site(shop: Shop) -> DropSite:
    return DropSite(shop)


@pytest.fixture(scope="session")
def site_of() -> Callable[[Shop], DropSite]:
    return DropSite


@pytest.fixture(scope="session")
def shop_on() -> Callable[[Path, str], Shop]:
    """Return a maker of shops on a database server."""
    return Shop


@pytest.fixture(scope="session")
def make_shop(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Return a maker of many shops: each begins as a copy, which is faster than migrating."""
    template = tmp_path_factory.mktemp("shop")
    Shop(template).service.storage.database.close()

    def make(directory: Path) -> Shop:
        copytree(template, directory, dirs_exist_ok=True)
        return Shop(directory)

    return make


@pytest.fixture(scope="session")
def body_of() -> Callable[..., dict[str, Any]]:
    return order_body


@pytest.fixture
def market(shop: Shop) -> Market:
    return Market(shop.stocked(shirt=5, shoes=5))


@pytest.fixture(scope="session")
def make_market() -> type[Market]:
    return Market


@pytest.fixture(autouse=True)
def _no_killer_afterwards() -> Iterator[None]:
    yield
    set_hook(None)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
def fresh_shop(
    request: pytest.FixtureRequest, tmp_path: Path, make_shop: Any, shop_on: Any
) -> Iterator[Callable[[str], Any]]:
    """Return a maker of shops by name, in each database adapter."""
    if request.param == "sqlite":
        yield lambda name: make_shop(tmp_path / name)
        return
    server, shops = request.getfixturevalue("postgresql"), []

    def on_postgresql(name: str) -> Any:
        (tmp_path / name).mkdir()
        shops.append(shop_on(tmp_path / name, server.database(f"crashes_{name}")))
        return shops[-1]

    yield on_postgresql
    for shop in shops:
        shop.service.storage.database.close()
    for name in ("undisturbed", "killed"):
        server.drop_database(f"crashes_{name}")
