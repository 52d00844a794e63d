"""Which tokens count, and which never do."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey

from chassis.auth import (
    Authority,
    AuthSettings,
    Claims,
    InvalidToken,
    authority_from,
)
from chassis.clock import FixedClock
from chassis.dev_issuer import DevelopmentIssuer, DevelopmentIssuerRefused
from chassis.errors import Unavailable
from chassis.jwks import FileKeys, UrlKeys
from chassis.testing.contexts import NOW

ISSUER, AUDIENCE = "https://issuer.test", "sixfold"
EC = ECKey.generate_key("P-256", {"kid": "ec"})
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
ED = OKPKey.generate_key("Ed25519", {"kid": "ed"})
JWKS = KeySet([EC, RSA, ED]).as_dict(private=False)


def claims(**changes: Any) -> dict[str, Any]:
    now = int(NOW.timestamp())
    fixed = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "u1",
        "tenant": "acme",
        "scope": "a b",
        "iat": now,
        "exp": now + 600,
    }
    return {name: value for name, value in {**fixed, **changes}.items() if value is not None}


def signed(key: Any = EC, alg: str = "ES256", kid: str | None = "ec", **changes: Any) -> str:
    header = {"alg": alg} | ({"kid": kid} if kid else {})
    return jwt.encode(header, claims(**changes), key, algorithms=[alg])


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    (tmp_path / "jwks.json").write_text(json.dumps(JWKS))
    settings = AuthSettings(
        issuer=ISSUER,
        audience=AUDIENCE,
        jwks=str(tmp_path / "jwks.json"),
        environment="production",
    )
    return authority_from(settings, FixedClock(NOW))


@pytest.mark.parametrize(
    ("key", "alg", "kid"), [(EC, "ES256", "ec"), (RSA, "RS256", "rsa"), (ED, "Ed25519", "ed")]
)
def test_a_good_token_gives_its_claims(authority: Authority, key: Any, alg: str, kid: str) -> None:
    """Whoever the issuer vouches for gets in, whichever of the usual keys it signs with."""
    assert authority.claims(signed(key, alg, kid)) == Claims(
        tenant="acme", subject="u1", scopes=frozenset({"a", "b"})
    )


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
def test_the_older_name_of_ed25519_is_understood(authority: Authority) -> None:
    """An issuer that still writes EdDSA keeps working."""
    assert authority.claims(signed(ED, "EdDSA", "ed")).subject == "u1"


def test_scopes_may_come_as_a_list(authority: Authority) -> None:
    """Issuers that send scopes as a list are understood."""
    assert authority.claims(signed(scope=["a", "c d"])).scopes == {"a", "c d"}


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.test"},
        {"iss": None},
        {"aud": "others"},
        {"aud": None},
        {"exp": int((NOW - timedelta(minutes=1)).timestamp())},
        {"exp": None},
        {"exp": "tomorrow"},
        {"nbf": int((NOW + timedelta(minutes=1)).timestamp())},
        {"tenant": None},
        {"tenant": ""},
        {"tenant": ["acme", "globex"]},
        {"tenant": "acme/../globex"},
        {"sub": None},
        {"sub": 7},
        {"sub": "with space"},
        {"scope": 7},
        {"scope": [7]},
    ],
)
def test_a_token_with_wrong_claims_is_refused(
    authority: Authority, changes: dict[str, Any]
) -> None:
    """An expired token, or one for somebody else, opens nothing."""
    with pytest.raises(InvalidToken):
        authority.claims(signed(**changes))


def test_a_small_difference_of_clocks_is_forgiven(authority: Authority) -> None:
    """Two machines that disagree by seconds still understand each other."""
    assert authority.claims(signed(exp=int((NOW - timedelta(seconds=20)).timestamp())))
    assert authority.claims(signed(nbf=int((NOW + timedelta(seconds=20)).timestamp())))


def test_a_foreign_or_symmetric_or_missing_signature_is_refused(authority: Authority) -> None:
    """Knowing the public key is not enough to make a token."""
    stranger = ECKey.generate_key("P-256", {"kid": "ec"})
    public = OctKey.import_key(json.dumps(EC.as_dict(private=False)))
    _, body, _ = signed().split(".")
    forged = [
        signed(stranger),
        signed(public, "HS256"),
        f"eyJhbGciOiJub25lIn0.{body}.",
        f"eyJhbGciOiJub25lIn0.{body}.AA",
        signed(kid="unknown"),
        signed()[:-4] + "AAAA",
        signed().replace(".", "..", 1),
    ]

    for token in forged:
        with pytest.raises(InvalidToken):
            authority.claims(token)


@given(st.text(max_size=200) | st.from_regex(r"[A-Za-z0-9_-]{1,60}(\.[A-Za-z0-9_-]{1,60}){2}"))
def test_no_text_at_all_breaks_the_check(token: str) -> None:
    """Rubbish in the header is a refusal, never a crash."""
    authority = Authority(FixedKeys(), issuer=ISSUER, audience=AUDIENCE, clock=FixedClock(NOW))
    with pytest.raises(InvalidToken):
        authority.claims(token)


class FixedKeys:
    """The test's keys, as if just read."""

    def current(self) -> KeySet:
        return KeySet.import_key_set(JWKS)

    def refreshed(self) -> KeySet:
        return self.current()


def test_production_refuses_development_keys(tmp_path: Path) -> None:
    """A deployment cannot be left open by a forgotten development setting."""
    issuer = DevelopmentIssuer(tmp_path, environment="test", issuer=ISSUER, audience=AUDIENCE)
    settings = AuthSettings(
        issuer=ISSUER, audience=AUDIENCE, jwks=str(issuer.jwks), environment="production"
    )

    with pytest.raises(DevelopmentIssuerRefused):
        authority_from(settings)
    with pytest.raises(DevelopmentIssuerRefused):
        DevelopmentIssuer(
            tmp_path / "new", environment="production", issuer=ISSUER, audience=AUDIENCE
        )
    assert not (tmp_path / "new").exists()


def test_every_process_shares_one_development_key(tmp_path: Path) -> None:
    """A token issued by one process of the demo is good in another, and the key is private."""
    made = [
        DevelopmentIssuer(tmp_path, environment="development", issuer=ISSUER, audience=AUDIENCE)
        for _ in range(2)
    ]
    authority = authority_from(
        AuthSettings(
            issuer=ISSUER, audience=AUDIENCE, jwks=str(made[0].jwks), environment="development"
        )
    )

    for issuer in made:
        assert authority.claims(issuer.issue("acme", "u1", ["a"])).tenant == "acme"
    assert (tmp_path / "issuer.key.json").stat().st_mode & 0o077 == 0
    assert "d" not in json.loads(made[0].jwks.read_text())["keys"][0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["issuer.key.json", "jwks.json"]


class Issuer:
    """An issuer's address that can fail and counts how often it is asked."""

    def __init__(self) -> None:
        self.keys: Any = KeySet([RSA]).as_dict(private=False)
        self.down = False
        self.asked = 0

    def fetch(self, _url: str) -> Any:
        self.asked += 1
        if self.down:
            raise httpx.ConnectError("down")
        return self.keys


def test_new_keys_are_fetched_when_a_token_names_one() -> None:
    """Rotating the issuer's keys needs no restart, and rubbish cannot flood the issuer."""
    issuer, clock = Issuer(), FixedClock(NOW)
    keys = UrlKeys("https://issuer.test/jwks", "production", clock, issuer.fetch)
    authority = Authority(keys, issuer=ISSUER, audience=AUDIENCE, clock=clock)
    for _ in range(5):
        with pytest.raises(InvalidToken):
            authority.claims(signed())
    assert issuer.asked == 1

    issuer.keys = JWKS
    clock.advance(timedelta(seconds=11))
    assert authority.claims(signed()).tenant == "acme"
    assert issuer.asked == 2


def test_cached_keys_outlive_an_outage_of_the_issuer() -> None:
    """Tokens stay good while the issuer is being restarted; without any keys we are not ready."""
    issuer, clock = Issuer(), FixedClock(NOW)
    keys = UrlKeys("https://issuer.test/jwks", "production", clock, issuer.fetch)
    authority = Authority(keys, issuer=ISSUER, audience=AUDIENCE, clock=clock)
    issuer.down = True
    with pytest.raises(Unavailable):
        authority.claims(signed())

    issuer.down, issuer.keys = False, JWKS
    clock.advance(timedelta(seconds=11))
    assert authority.claims(signed())
    issuer.down = True
    clock.advance(timedelta(minutes=6))
    assert authority.claims(signed(exp=int(NOW.timestamp()) + 3600))


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"keys": 7}', '{"keys": [{"kty": "EC"}]}'])
def test_a_broken_key_file_makes_us_unavailable(tmp_path: Path, content: str) -> None:
    """A half-written key file stops tokens from counting, and heals when it is written."""
    path = tmp_path / "jwks.json"
    path.write_text(content)
    keys = FileKeys(path, "production")
    with pytest.raises(Unavailable):
        keys.current()

    path.write_text(json.dumps(JWKS) + " ")
    assert len(keys.current().keys) == 3
