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
class Targets:
    """How fast the chain should react to an order.

    Args:
        reserved: Until all its goods are held.
        requested: Until the warehouse is asked, the payment included.
    """

    reserved: timedelta = timedelta(seconds=2)
    requested: timedelta = timedelta(seconds=60)


@dataclass(frozen=True, kw_only=True, slots=True)
class ProviderSettings:
    """Where somebody outside is whom we ask, and where they reach us.

    Args:
        url: Their address, from PAYMENT_PROVIDER_URL or FULFILMENT_PARTNER_URL.
        callbacks: Our own address as they see it, from COMMERCE_PUBLIC_URL.
    """

    url: str
    callbacks: str


def partner() -> ProviderSettings | None:
    """Read where the fulfilment partner is, FULFILMENT_PARTNER_URL; None where there is none.

    Raises:
        SettingsInvalid: there is one, and an address is missing or none.
    """
    if not FileAwareEnv(strip_whitespace=True).str("FULFILMENT_PARTNER_URL", ""):
        return None
    return _addresses("FULFILMENT_PARTNER_URL")


def terms() -> Terms:
    """Read how long orders wait: ORDER_HOLD_MINUTES and ORDER_PAYMENT_MINUTES.

    Raises:
        SettingsInvalid: a wait is not a positive whole number of minutes.
    """
    usual = Terms()
    return Terms(
        hold=_whole("ORDER_HOLD_MINUTES", usual.hold),
        payment=_whole("ORDER_PAYMENT_MINUTES", usual.payment),
    )


def cart_patience() -> timedelta:
    """Read how long a cart may go untouched before it is abandoned: CART_ABANDON_MINUTES.

    Raises:
        SettingsInvalid: it is not a positive whole number of minutes.
    """
    return _whole("CART_ABANDON_MINUTES", timedelta(minutes=60), "minutes")


def targets() -> Targets:
    """Read how fast we want to be: TARGET_RESERVED_MS and TARGET_REQUESTED_MS.

    Raises:
        SettingsInvalid: a target is not a positive whole number of milliseconds.
    """
    usual = Targets()
    return Targets(
        reserved=_whole("TARGET_RESERVED_MS", usual.reserved, "milliseconds"),
        requested=_whole("TARGET_REQUESTED_MS", usual.requested, "milliseconds"),
    )


def marketplace_terms() -> Terms:
    """Read how long a trade may stay unpaid before its goods are sold to others.

    MARKETPLACE_PAYMENT_HOURS; marketplaces close an unpaid trade after some days, and say so.

    Raises:
        SettingsInvalid: it is not a positive whole number of hours.
    """
    wait = _whole("MARKETPLACE_PAYMENT_HOURS", timedelta(hours=73), "hours")
    return Terms(hold=wait + timedelta(hours=1), payment=wait)


def provider() -> ProviderSettings:
    """Read where the payment provider is.

    Raises:
        SettingsInvalid: one of the two addresses is missing.
    """
    return _addresses("PAYMENT_PROVIDER_URL")


def _addresses(name: str) -> ProviderSettings:
    env = FileAwareEnv(strip_whitespace=True)
    names = (name, "COMMERCE_PUBLIC_URL")
    url, callbacks = (env.str(name, "").rstrip("/") for name in names)
    if not (url.startswith("http") and callbacks.startswith("http")):
        raise SettingsInvalid([f"{name}: must be an http:// or https:// address" for name in names])
    return ProviderSettings(url=url, callbacks=callbacks)


def marketplace_secret(secret: bytes, tenant: str) -> bytes:
    """Return the key with which a tenant's marketplace bridge signs its messages."""
    return _derived(secret, "marketplace messages", tenant)


def marketplace_secrets(tenant: str) -> Sequence[bytes]:
    """Return the keys that messages of a tenant's marketplaces may be signed with.

    Raises:
        SettingsInvalid: the deployment has no usable secret.
    """
    return [marketplace_secret(deployment_secret(), tenant)]


def fulfilment_secret(secret: bytes, tenant: str) -> bytes:
    """Return the key with which the fulfilment partner signs its callbacks for a tenant."""
    return _derived(secret, "fulfilment callbacks", tenant)


def fulfilment_secrets(tenant: str) -> Sequence[bytes]:
    """Return the keys that a tenant's fulfilment callbacks may be signed with.

    Raises:
        SettingsInvalid: the deployment has no usable secret.
    """
    return [fulfilment_secret(deployment_secret(), tenant)]


def callback_secret(secret: bytes, tenant: str) -> bytes:
    """Return the key with which the provider signs its callbacks for a tenant."""
    return _derived(secret, "payment callbacks", tenant)


def _derived(secret: bytes, purpose: str, tenant: str) -> bytes:
    about = json.dumps([purpose, tenant]).encode()
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


def _whole(name: str, usual: timedelta, unit: str = "minutes") -> timedelta:
    given = FileAwareEnv(strip_whitespace=True).str(name, "")
    if not given:
        return usual
    if not given.isdecimal() or int(given) == 0:
        raise SettingsInvalid([f"{name}: must be a whole number of {unit}, more than 0"])
    return timedelta(**{unit: int(given)})
