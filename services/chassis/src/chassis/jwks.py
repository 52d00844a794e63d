"""Where the keys come from that tokens are verified with: a file, or the issuer's address."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from chassis.clock import Clock
from chassis.dev_issuer import ensure_allowed, is_development_key
from chassis.errors import Unavailable

_FRESH = timedelta(minutes=5)
_COOLDOWN = timedelta(seconds=10)
_TIMEOUT = 5.0
Fetch = Callable[[str], Any]


class KeySource(Protocol):
    """Yields the issuer's public keys."""

    def current(self) -> KeySet:
        """Return the keys, perhaps from the cache.

        Raises:
            Unavailable: they cannot be read and none are cached.
        """

    def refreshed(self) -> KeySet:
        """Return the keys after asking again, for a token that names a key we lack."""


class FileKeys:
    """Keys in a file, read again when it changes."""

    def __init__(self, path: Path, environment: str) -> None:
        self._path = path
        self._environment = environment
        self._cached: tuple[int, KeySet] | None = None

    def current(self) -> KeySet:
        """Return the file's keys; raises Unavailable."""
        try:
            changed = self._path.stat().st_mtime_ns
            if self._cached is None or self._cached[0] != changed:
                content = json.loads(self._path.read_text())
                self._cached = changed, key_set(content, self._environment)
        except (OSError, ValueError) as error:
            raise Unavailable("the key file cannot be read") from error
        return self._cached[1]

    def refreshed(self) -> KeySet:
        """Return the file's keys; raises Unavailable."""
        return self.current()


class UrlKeys:
    """Keys at an address, kept for five minutes and longer while the issuer is silent.

    A token that names an unknown key makes us ask again, at most every ten seconds, so
    that made-up key ids cannot turn us into a flood against the issuer.
    """

    def __init__(
        self, url: str, environment: str, clock: Clock, fetch: Fetch | None = None
    ) -> None:
        self._url = url
        self._environment = environment
        self._clock = clock
        self._fetch = fetch or fetched
        self._cached: KeySet | None = None
        self._asked: datetime | None = None

    def current(self) -> KeySet:
        """Return the cached keys while they are fresh; raises Unavailable."""
        return self._not_older_than(_FRESH)

    def refreshed(self) -> KeySet:
        """Return keys that are seconds old; raises Unavailable."""
        return self._not_older_than(_COOLDOWN)

    def _not_older_than(self, age: timedelta) -> KeySet:
        now = self._clock.now()
        limit = age if self._cached else _COOLDOWN
        if self._asked is None or now - self._asked >= limit:
            self._asked = now
            # Keys that were good a while ago are better than no service.
            with suppress(httpx.HTTPError, ValueError):
                self._cached = key_set(self._fetch(self._url), self._environment)
        if self._cached is None:
            raise Unavailable("the issuer's keys cannot be fetched")
        return self._cached


def key_set(content: Any, environment: str) -> KeySet:
    """Return the keys in a JWKS document.

    Raises:
        ValueError: the document is not a JWKS.
        DevelopmentIssuerRefused: it holds a development key and this is no development.
    """
    try:
        keys = KeySet.import_key_set(content)
    except (JoseError, KeyError, TypeError, AttributeError) as error:
        raise ValueError("not a JWKS document") from error
    if any(is_development_key(key.kid) for key in keys.keys):
        ensure_allowed(environment)
    return keys


def fetched(url: str) -> Any:
    """Return the JSON document at ``url``."""
    return httpx.get(url, timeout=_TIMEOUT).raise_for_status().json()


def key_source(where: str, environment: str, clock: Clock) -> KeySource:
    """Return the source for a setting that is a path or an http(s) address."""
    if where.startswith(("https://", "http://")):
        return UrlKeys(where, environment, clock)
    return FileKeys(Path(where), environment)
