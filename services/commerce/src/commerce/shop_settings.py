"""What the storefront is told from outside: whose shop answers at which host."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from environs import FileAwareEnv

from chassis.settings import SettingsInvalid

_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", re.ASCII)
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)
_ORIGIN = re.compile(r"https://[a-z0-9.-]+(:[0-9]{1,5})?", re.ASCII)
_PAGE = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[\x21-\x7e]*)?", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class ShopSettings:
    """Where the shops are.

    Args:
        hosts: Whose own mall answers at a host, from STOREFRONT_HOSTS, ``host=tenant,...``.
        mall_host: Where the shared mall is, from MALL_HOST; None if there is none.
        media_origins: Other sites that pages may show media of, from MEDIA_ORIGINS.
        payment_page: The payment provider's address as a buyer's browser sees it, from
            PAYMENT_PAGE_URL; where commerce itself reaches it if nothing is said.
        scheme: From STOREFRONT_SCHEME: ``https``, or ``http`` on a developer's machine.
    """

    hosts: Mapping[str, str]
    mall_host: str | None
    media_origins: tuple[str, ...]
    payment_page: str
    scheme: str

    @property
    def secure(self) -> bool:
        """Say whether cookies travel over TLS only."""
        return self.scheme == "https"


def shop_settings() -> ShopSettings:
    """Read where the shops are.

    Raises:
        SettingsInvalid: naming every variable that makes no sense.
    """
    env = FileAwareEnv(strip_whitespace=True)
    names = ("STOREFRONT_HOSTS", "MALL_HOST", "MEDIA_ORIGINS", "STOREFRONT_SCHEME")
    page = env.str("PAYMENT_PAGE_URL", "") or env.str("PAYMENT_PROVIDER_URL", "")
    return _parsed(*(env.str(name, "") for name in names), page.rstrip("/"))


@cache
def _parsed(hosts: str, mall_host: str, origins: str, scheme: str, page: str) -> ShopSettings:
    pairs = [part.partition("=") for part in _parts(hosts)]
    named = all(_HOST.fullmatch(host) and _TENANT.fullmatch(whose) for host, _, whose in pairs)
    rules = {
        "STOREFRONT_HOSTS: must be host=tenant,host=tenant, without ports": named,
        "MALL_HOST: must be a host name, without a port": _fits(_HOST, mall_host),
        "MEDIA_ORIGINS: must be https:// addresses without a path, separated by commas": all(
            _ORIGIN.fullmatch(origin) for origin in _parts(origins)
        ),
        "STOREFRONT_SCHEME: must be https or http": scheme in {"", "http", "https"},
        "PAYMENT_PAGE_URL: must be an http:// or https:// address": _fits(_PAGE, page),
    }
    problems = [problem for problem, holds in rules.items() if not holds]
    if problems:
        raise SettingsInvalid(problems)
    return ShopSettings(
        hosts={host: whose for host, _, whose in pairs},
        mall_host=mall_host or None,
        media_origins=tuple(_parts(origins)),
        payment_page=page,
        scheme=scheme or "https",
    )


def _fits(pattern: re.Pattern[str], text: str) -> bool:
    return not text or pattern.fullmatch(text) is not None


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
