"""A token issuer for development: keys in a directory, refused wherever it could do harm."""

import json
import os
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey

from chassis.clock import Clock, SystemClock
from chassis.ids import new_id

ENVIRONMENTS = frozenset({"development", "test"})
KEY_PREFIX = "development-"
_PRIVATE, _PUBLIC = "issuer.key.json", "jwks.json"


class DevelopmentIssuerRefused(Exception):
    """Anyone can ask this issuer for any token, so only development may trust it."""


def ensure_allowed(environment: str) -> None:
    """Let only the named harmless environments pass; an unknown name counts as production.

    Raises:
        DevelopmentIssuerRefused: the environment is not one of them.
    """
    if environment not in ENVIRONMENTS:
        raise DevelopmentIssuerRefused(f"the development issuer does not run in {environment!r}")


def is_development_key(key_id: str | None) -> bool:
    """Say whether a key was made by this issuer."""
    return (key_id or "").startswith(KEY_PREFIX)


class DevelopmentIssuer:
    """Signs tokens for whoever asks.

    Args:
        directory: Where the key pair is kept; made at first use, shared by every process.
        environment: The deployment's name, checked before anything is written.
        issuer: The ``iss`` claim.
        audience: The ``aud`` claim.
        clock: When tokens are issued.

    Raises:
        DevelopmentIssuerRefused: the environment is not a development one.
    """

    def __init__(
        self,
        directory: Path,
        *,
        environment: str,
        issuer: str,
        audience: str,
        clock: Clock | None = None,
    ) -> None:
        ensure_allowed(environment)
        directory.mkdir(parents=True, exist_ok=True)
        self._claims = {"iss": issuer, "aud": audience}
        self._clock = clock or SystemClock()
        self._key = _key_in(directory / _PRIVATE)
        self.jwks = directory / _PUBLIC
        _replace(self.jwks, {"keys": [self._key.as_dict(private=False)]})

    def issue(
        self,
        tenant: str,
        subject: str,
        scopes: Iterable[str],
        ttl: timedelta = timedelta(hours=12),
    ) -> str:
        """Return a signed bearer token."""
        now = self._clock.now()
        claims = {
            **self._claims,
            "sub": subject,
            "tenant": tenant,
            "scope": " ".join(sorted(scopes)),
            "iat": int(now.timestamp()),
            "nbf": int(now.timestamp()),
            "exp": int((now + ttl).timestamp()),
            "jti": str(new_id()),
        }
        return jwt.encode({"alg": "ES256", "kid": str(self._key.kid)}, claims, self._key)


def _key_in(path: Path) -> ECKey:
    if not path.exists():
        made = ECKey.generate_key("P-256", {"kid": f"{KEY_PREFIX}{new_id()}", "use": "sig"})
        draft = _draft(path, made.as_dict(private=True))
        # Of two processes that start together the first link wins and both read its key.
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return ECKey.import_key(json.loads(path.read_text()))


def _replace(path: Path, content: dict[str, Any]) -> None:
    _draft(path, content).replace(path)


def _draft(path: Path, content: dict[str, Any]) -> Path:
    draft = path.with_name(f"{path.name}.{new_id()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(content, file)
    return draft
