"""What commerce is told from outside: wrong settings are named, not guessed around."""

from datetime import timedelta

import pytest

from chassis.settings import SettingsInvalid
from commerce import settings


def test_waits_are_read_in_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Orders would expire at another time than the operator set."""
    assert settings.terms() == settings.Terms()
    monkeypatch.setenv("ORDER_HOLD_MINUTES", "7")
    assert settings.terms().hold == timedelta(minutes=7)


@pytest.mark.parametrize("given", ["0", "-1", "soon", "1.5"])
def test_a_wait_that_cannot_be_is_named(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    """Every order would expire at once, or never."""
    monkeypatch.setenv("ORDER_PAYMENT_MINUTES", given)
    with pytest.raises(SettingsInvalid, match="ORDER_PAYMENT_MINUTES"):
        settings.terms()


def test_the_provider_must_be_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Payments would be asked of nobody."""
    monkeypatch.delenv("PAYMENT_PROVIDER_URL", raising=False)
    with pytest.raises(SettingsInvalid, match="PAYMENT_PROVIDER_URL"):
        settings.provider()
    monkeypatch.setenv("PAYMENT_PROVIDER_URL", "http://provider.test/")
    monkeypatch.setenv("COMMERCE_PUBLIC_URL", "http://commerce.test/")
    assert settings.provider().url == "http://provider.test"


def test_every_tenant_has_a_callback_key_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """One company's provider could sign for another company."""
    ours, theirs = settings.callback_secrets("acme"), settings.callback_secrets("globex")
    assert ours != theirs
    monkeypatch.setenv("SECRET", "short")
    with pytest.raises(SettingsInvalid, match="SECRET"):
        settings.callback_secrets("acme")
