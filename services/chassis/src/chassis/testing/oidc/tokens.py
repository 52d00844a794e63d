"""What the test issuer signs with, and what it signs."""

import hashlib
import hmac
import json
import secrets
import time
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

Key = ECKey | RSAKey | OKPKey


class SigningKeys:
    """Keys that rotate: the newest signs, every published one verifies.

    Args:
        path: Where they are kept; a restart goes on with them.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.published: list[Key] = []
        if path.exists():
            self.published = [_read(one) for one in json.loads(path.read_text())]
            self.signing = self.published[-1]
        else:
            self.rotate("RS256")

    @property
    def algorithm(self) -> str:
        """What the newest key signs with."""
        return {"RSA": "RS256", "EC": "ES256", "OKP": "Ed25519"}[self.signing.key_type]

    def rotate(self, algorithm: str) -> str:
        """Begin to sign with a new key and go on publishing the old ones; return its id."""
        kid = f"key-{secrets.token_hex(4)}"
        self.signing = _made(algorithm, kid)
        self.published.append(self.signing)
        self._keep()
        return kid

    def remove_old(self) -> None:
        """Publish only the key that signs."""
        self.published = [self.signing]
        self._keep()

    def _keep(self) -> None:
        self._path.touch(mode=0o600)
        self._path.write_text(json.dumps([key.as_dict(private=True) for key in self.published]))

    def document(self) -> dict[str, Any]:
        """Return the JWKS document."""
        return dict(KeySet(list(self.published)).as_dict(private=False))

    def sign(self, claims: dict[str, Any], header: dict[str, Any] | None = None) -> str:
        """Sign any claims under any header; ``header`` replaces and adds to the usual one.

        ``none`` gets no signature, ``HS...`` one with the public key as the secret: as an
        attacker would forge them.
        """
        whole = {"alg": self.algorithm, "kid": self.signing.kid, "typ": "JWT", **(header or {})}
        signed = f"{_text(_json(whole))}.{_text(_json(claims))}"
        return f"{signed}.{_text(self._signature(str(whole['alg']), signed.encode()))}"

    def _signature(self, algorithm: str, signed: bytes) -> bytes:
        if algorithm == "none":
            return b""
        if algorithm.startswith("HS"):
            digest = f"sha{algorithm.removeprefix('HS')}"
            return hmac.digest(self.signing.as_pem(private=False), signed, digest)
        return bytes(JWSRegistry.algorithms[algorithm].sign(signed, self.signing))


def challenge_of(verifier: str) -> str:
    """Return the PKCE challenge of a verifier, by S256."""
    return _text(hashlib.sha256(verifier.encode()).digest())


def secret_text() -> str:
    """Return something that nobody guesses."""
    return secrets.token_urlsafe(24)


def now() -> int:
    """Return the time as tokens say it."""
    return int(time.time())


def _read(kept: dict[str, Any]) -> Key:
    kinds: dict[str, Any] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
    found: Key = kinds[kept["kty"]].import_key(kept)
    return found


def _made(algorithm: str, kid: str) -> Key:
    parameters: Any = {"kid": kid, "use": "sig"}
    if algorithm == "ES256":
        return ECKey.generate_key("P-256", parameters)
    if algorithm in ("EdDSA", "Ed25519"):
        return OKPKey.generate_key("Ed25519", parameters)
    return RSAKey.generate_key(2048, parameters)


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")
