"""What only commerce is told from outside: its payment provider and how long it waits."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from environs import FileAwareEnv

from chassis.settings import SettingsInvalid

_KEY_BYTES = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """How long an order waits.

    Args:
        hold: Goods are held for an unpaid order.
        payment: The provider may leave a request unanswered.
    """

    hold: timedelta = timedelta(minutes=20)
    payment: timedelta = timedelta(minutes=15)


@dataclass(frozen=True, kw_only=True, slots=True)
class ProviderSettings:
    """Where the payment provider is, and where it reaches us.

    Args:
        url: The provider's address, from PAYMENT_PROVIDER_URL.
        callbacks: Our own address as the provider sees it, from COMMERCE_PUBLIC_URL.
    """

    url: str
    callbacks: str


def terms() -> Terms:
    """Read how long orders wait: ORDER_HOLD_MINUTES and ORDER_PAYMENT_MINUTES.

    Raises:
        SettingsInvalid: a wait is not a positive whole number of minutes.
    """
    usual = Terms()
    return Terms(
        hold=_minutes("ORDER_HOLD_MINUTES", usual.hold),
        payment=_minutes("ORDER_PAYMENT_MINUTES", usual.payment),
    )


def provider() -> ProviderSettings:
    """Read where the payment provider is.

    Raises:
        SettingsInvalid: one of the two addresses is missing.
    """
    env = FileAwareEnv(strip_whitespace=True)
    names = ("PAYMENT_PROVIDER_URL", "COMMERCE_PUBLIC_URL")
    url, callbacks = (env.str(name, "").rstrip("/") for name in names)
    if not (url.startswith("http") and callbacks.startswith("http")):
        raise SettingsInvalid([f"{name}: must be an http:// or https:// address" for name in names])
    return ProviderSettings(url=url, callbacks=callbacks)


def callback_secret(secret: bytes, tenant: str) -> bytes:
    """Return the key with which the provider signs its callbacks for a tenant."""
    about = json.dumps(["payment callbacks", tenant]).encode()
    return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=about).derive(secret)


def callback_secrets(tenant: str) -> Sequence[bytes]:
    """Return the keys that a tenant's callbacks may be signed with.

    Raises:
        SettingsInvalid: the deployment has no usable secret.
    """
    return [callback_secret(deployment_secret(), tenant)]


def deployment_secret() -> bytes:
    """Read the deployment's secret from SECRET.

    Raises:
        SettingsInvalid: it is missing, too short or not base64.
    """
    given = FileAwareEnv(strip_whitespace=True).str("SECRET", "")
    try:
        secret = base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) < _KEY_BYTES:
        raise SettingsInvalid([f"SECRET: must be at least {_KEY_BYTES} bytes in base64"])
    return secret


def _minutes(name: str, usual: timedelta) -> timedelta:
    given = FileAwareEnv(strip_whitespace=True).str(name, "")
    if not given:
        return usual
    if not given.isdecimal() or int(given) == 0:
        raise SettingsInvalid([f"{name}: must be a whole number of minutes, more than 0"])
    return timedelta(minutes=int(given))
