"""The credential for the day on which the issuer is away: made offline, short, and loud.

A key pair is made once.  Its public half is a setting (``BREAK_GLASS_KEYS``); its private half lies
sealed with a passphrase in a safe.  In an emergency two people unseal it and sign a token that says
who, why and for how long: four hours at most.  Each use is an audit entry and counts in a metric
that alerts.
"""

import json
import os
from base64 import b64decode, b64encode, urlsafe_b64decode
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey

from chassis.clock import Clock
from chassis.ids import new_id
from chassis.signed_tokens import InvalidToken, SignedTokens

ISSUER = "break-glass"
LONGEST = timedelta(hours=4)
SCOPES = ("audit.read", "operate")
_SHORTEST_REASON = 10
_COST = {"n": 1 << 15, "r": 8, "p": 1}


class WrongPassphrase(Exception):
    """The sealed key does not open with this passphrase, or the file was changed."""


class NotForEmergencies(Exception):
    """The credential would be too long, or says too little; nothing was signed."""


def make_key(passphrase: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Make a key pair.

    Args:
        passphrase: Seals the private half.

    Returns:
        The sealed private key, and the document of public keys for the setting.
    """
    key = OKPKey.generate_key("Ed25519", {"kid": f"{ISSUER}-{new_id()}", "use": "sig"})
    salt, nonce = os.urandom(16), os.urandom(12)
    plain = json.dumps(key.as_dict(private=True)).encode()
    kid = str(key.kid)
    sealed = AESGCM(_derived(passphrase, salt)).encrypt(nonce, plain, kid.encode())
    parts = {"salt": salt, "nonce": nonce, "sealed": sealed}
    file = {"kid": kid, **{name: b64encode(raw).decode() for name, raw in parts.items()}}
    return file, dict(KeySet([key]).as_dict(private=False))


def unseal(file: Mapping[str, Any], passphrase: str) -> OKPKey:
    """Open a sealed private key; raises WrongPassphrase."""
    try:
        salt, nonce, sealed = (b64decode(file[name]) for name in ("salt", "nonce", "sealed"))
        cipher = AESGCM(_derived(passphrase, salt))
        return OKPKey.import_key(
            json.loads(cipher.decrypt(nonce, sealed, str(file["kid"]).encode()))
        )
    except (InvalidTag, KeyError, ValueError) as error:
        raise WrongPassphrase("the key does not open") from error


def sign(
    key: OKPKey,
    *,
    tenant: str,
    who: str,
    reason: str,
    audience: str,
    now: datetime,
    lasts: timedelta = timedelta(hours=1),
    scopes: Collection[str] = SCOPES,
) -> str:
    """Sign a credential.

    Args:
        key: The unsealed key.
        tenant: For whose data it is good; rights on the installation reach over all.
        who: Names the person in events: opaque, such as a staff number.
        reason: Why, for the audit.
        audience: The installation's ``AUDIENCE``.
        now: The moment.
        lasts: At most four hours.
        scopes: What it allows.

    Raises:
        NotForEmergencies: it would last too long, or the reason says too little.
    """
    if not timedelta(0) < lasts <= LONGEST:
        raise NotForEmergencies(f"a credential lasts at most {LONGEST}")
    if len(reason.strip()) < _SHORTEST_REASON:
        raise NotForEmergencies("say in a sentence why it is needed")
    issued = int(now.timestamp())
    claims = {
        "iss": ISSUER,
        "aud": audience,
        "sub": f"{ISSUER}:{who}",
        "tenant": tenant,
        "scope": " ".join(sorted(scopes)),
        "reason": reason.strip(),
        "iat": issued,
        "exp": issued + int(lasts.total_seconds()),
        "jti": str(new_id()),
    }
    return jwt.encode({"alg": "Ed25519", "kid": str(key.kid)}, claims, key, algorithms=["Ed25519"])


class Emergencies:
    """Verifies credentials for emergencies.

    Args:
        keys: The document of public keys, as JSON.
        audience: The installation's.
        clock: Real time.

    Raises:
        ValueError: the document is not one.
    """

    def __init__(self, keys: str, *, audience: str, clock: Clock) -> None:
        try:
            known = KeySet.import_key_set(json.loads(keys))
        except (JoseError, KeyError, TypeError, AttributeError) as error:
            raise ValueError("BREAK_GLASS_KEYS is not a JWKS document") from error
        self._tokens = SignedTokens(_Fixed(known), issuer=ISSUER, audience=audience, clock=clock)

    def verified(self, token: str) -> Mapping[str, Any] | None:
        """Return the claims of a credential; None for a token of the issuer's.

        Raises:
            InvalidToken: it names an emergency key and is not good.
        """
        if not is_for_emergencies(token):
            return None
        claims = self._tokens.verified(token)
        times = claims.get("iat"), claims.get("exp")
        if not all(isinstance(at, int) for at in times):
            raise InvalidToken("The token is malformed.")
        if int(times[1] or 0) - int(times[0] or 0) > LONGEST.total_seconds():
            raise InvalidToken("The token lasts too long.")
        if not isinstance(claims.get("reason"), str) or not claims.get("jti"):
            raise InvalidToken("The token does not say why.")
        return claims


def is_for_emergencies(token: str) -> bool:
    """Say whether a token names an emergency key; nothing of it is proven yet."""
    head = token.partition(".")[0]
    try:
        header = json.loads(urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (ValueError, RecursionError):
        return False
    kid = header.get("kid") if isinstance(header, dict) else None
    return isinstance(kid, str) and kid.startswith(f"{ISSUER}-")


class _Fixed:
    """Keys that do not change while the process runs."""

    def __init__(self, keys: KeySet) -> None:
        self._keys = keys

    def current(self) -> KeySet:
        """Return the keys."""
        return self._keys

    def refreshed(self) -> KeySet:
        """Return the keys."""
        return self._keys


def _derived(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, **_COST).derive(passphrase.encode())
