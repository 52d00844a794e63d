"""Where the shops are, from the environment."""

import pytest

from chassis.settings import SettingsInvalid
from commerce.shop_settings import shop_settings


def test_hosts_the_mall_and_the_payment_page_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shop would answer at no host, or cookies would travel without TLS."""
    monkeypatch.setenv("STOREFRONT_HOSTS", "shop.acme.example=acme, globex.example=globex")
    monkeypatch.setenv("MALL_HOST", "mall.example")
    monkeypatch.setenv("MEDIA_ORIGINS", "https://cdn.example")
    monkeypatch.setenv("PAYMENT_PROVIDER_URL", "http://provider.internal:8090/")
    read = shop_settings()
    assert read.hosts == {"shop.acme.example": "acme", "globex.example": "globex"}
    assert (read.mall_host, read.media_origins) == ("mall.example", ("https://cdn.example",))
    assert (read.payment_page, read.secure) == ("http://provider.internal:8090", True)
    monkeypatch.setenv("PAYMENT_PAGE_URL", "https://pay.example")
    monkeypatch.setenv("STOREFRONT_SCHEME", "http")
    assert (shop_settings().payment_page, shop_settings().secure) == ("https://pay.example", False)


def test_without_settings_there_is_no_shop(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation that has no storefront could not start."""
    for name in ("STOREFRONT_HOSTS", "MALL_HOST", "MEDIA_ORIGINS", "PAYMENT_PROVIDER_URL"):
        monkeypatch.delenv(name, raising=False)
    assert (shop_settings().hosts, shop_settings().mall_host) == ({}, None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STOREFRONT_HOSTS", "shop.acme.example"),
        ("STOREFRONT_HOSTS", "shop.acme.example:8000=acme"),
        ("STOREFRONT_HOSTS", "=acme"),
        ("MALL_HOST", "https://mall.example"),
        ("MEDIA_ORIGINS", "http://cdn.example"),
        ("MEDIA_ORIGINS", "https://cdn.example/path"),
        ("MEDIA_ORIGINS", "https://cdn.example; script-src *"),
        ("STOREFRONT_SCHEME", "ftp"),
        ("PAYMENT_PAGE_URL", "pay.example"),
        ("PAYMENT_PAGE_URL", "https://pay.example; script-src *"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """A typing mistake would close a shop, or open a hole in the pages' policy."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsInvalid) as refused:
        shop_settings()
    assert [problem.partition(":")[0] for problem in refused.value.problems] == [name]
