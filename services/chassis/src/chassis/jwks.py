"""Where the keys come from that tokens are verified with: a file, or the issuer's address."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from chassis import trust
from chassis.clock import Clock
from chassis.dev_issuer import ensure_allowed, is_development_key
from chassis.errors import Unavailable
from chassis.kept import COOLDOWN, FRESH, Kept
from chassis.telemetry.outbound import measured

_LONGEST = 1 << 20
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
    """Keys at an address, kept as ``Kept`` says.

    A token that names an unknown key makes us ask again, at most every ten seconds, so
    that made-up key ids cannot turn us into a flood against the issuer.
    """

    def __init__(
        self, url: str, environment: str, clock: Clock, fetch: Fetch | None = None
    ) -> None:
        fetch = fetch or fetched
        self._kept = Kept(lambda: key_set(fetch(url), environment), clock, "the issuer's key set")

    def current(self) -> KeySet:
        """Return the cached keys while they are fresh; raises Unavailable."""
        return self._kept.not_older_than(FRESH)

    def refreshed(self) -> KeySet:
        """Return keys that are seconds old; raises Unavailable."""
        return self._kept.not_older_than(COOLDOWN)


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
    """Return the JSON document at ``url``.

    Raises:
        httpx.HTTPError: nobody answers well; a redirect is no answer.
        ValueError: what is there is too long, or not JSON.
    """
    raw = bytearray()

    def read() -> httpx.Response:
        with httpx.stream("GET", url, timeout=_TIMEOUT, verify=trust.context()) as answer:
            for part in answer.iter_bytes() if answer.status_code == httpx.codes.OK else ():
                raw.extend(part)
                if len(raw) > _LONGEST:
                    raise ValueError("the issuer's answer is too long")
        return answer

    answer = measured("issuer", read)
    if answer.status_code != httpx.codes.OK:
        raise ValueError(f"the issuer answered {answer.status_code}")
    return json.loads(raw)


def key_source(where: str | None, issuer: str, environment: str, clock: Clock) -> KeySource:
    """Return the source for a setting that is a path, an http(s) address or not given."""
    if where is None:
        return UrlKeys(issuer, environment, clock, fetch=lambda of: fetched(discover(of).jwks))
    if where.startswith(("https://", "http://")):
        return UrlKeys(where, environment, clock)
    return FileKeys(Path(where), environment)


@dataclass(frozen=True, kw_only=True, slots=True)
class Discovered:
    """Where an issuer's parts are, by its own discovery document."""

    jwks: str
    authorization: str | None
    token: str | None
    end_session: str | None


def discover(issuer: str) -> Discovered:
    """Read an issuer's discovery document.

    Raises:
        httpx.HTTPError: it cannot be had.
        ValueError: it is another issuer's, or names addresses that are less safe than its own.
    """
    found = fetched(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if not isinstance(found, dict) or found.get("issuer") != issuer:
        raise ValueError("the discovery document is another issuer's")
    parts = [
        found.get(name)
        for name in ("jwks_uri", "authorization_endpoint", "token_endpoint", "end_session_endpoint")
    ]
    safe = "https://" if issuer.startswith("https://") else "http"
    if not all(part is None or str(part).startswith(safe) for part in parts) or parts[0] is None:
        raise ValueError("the discovery document names no keys, or an unsafe address")
    return Discovered(jwks=parts[0], authorization=parts[1], token=parts[2], end_session=parts[3])
