"""Tokens of a real issuer, over TLS: which count, which never do, and what an outage does."""

import json
import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chassis.auth import Authority, AuthSettings, authority_from
from chassis.clock import FixedClock
from chassis.errors import Unavailable
from chassis.jwks import discover
from chassis.problems import response_to
from chassis.service_token import ClientCredentials
from chassis.signed_tokens import LEEWAY_SECONDS, InvalidToken
from chassis.testing.issuer import AUDIENCE, PrivateIssuer, trusting

BEYOND_THE_COOLDOWN = timedelta(seconds=11)
STALE = timedelta(minutes=6)


class Door:
    """A service's check of tokens, knowing nothing but the issuer's name; its clock is ours."""

    def __init__(self, issuer: PrivateIssuer, *, early: bool = False) -> None:
        self.clock = FixedClock(datetime.now(UTC))
        told = AuthSettings(issuer=issuer.url, audience=AUDIENCE, environment="production")
        begin = authority_from if early else trusting
        self.authority: Authority = begin(told, self.clock)

    def refuses(self, token: str) -> str:
        """Return why a token is refused."""
        with pytest.raises(InvalidToken) as refused:
            self.authority.claims(token)
        return str(refused.value)

    def takes(self, token: str) -> bool:
        """Say that a token counts."""
        return self.authority.claims(token).tenant == "acme"


@pytest.fixture
def door(issuer: PrivateIssuer) -> Door:
    return Door(issuer)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "Ed25519"])
def test_the_issuers_name_is_enough(issuer: PrivateIssuer, algorithm: str) -> None:
    """An operator would have to find out where an issuer keeps its keys, and keep that true."""
    issuer.rotate(algorithm)
    assert Door(issuer).takes(issuer.token())


def test_a_new_key_counts_while_tokens_of_the_old_one_live(
    issuer: PrivateIssuer, door: Door
) -> None:
    """Everybody would be signed out, or shut out, on the day the issuer rotates its keys."""
    old = issuer.token()
    assert door.takes(old)
    issuer.rotate("ES256")
    door.clock.advance(BEYOND_THE_COOLDOWN)
    assert door.takes(issuer.token())
    assert door.takes(old)


def test_a_key_that_was_removed_opens_nothing(issuer: PrivateIssuer, door: Door) -> None:
    """A stolen key would go on counting after the issuer has withdrawn it."""
    stolen = issuer.token(exp=int((datetime.now(UTC) + timedelta(hours=1)).timestamp()))
    assert door.takes(stolen)
    issuer.rotate("RS256")
    issuer.remove_old()
    door.clock.advance(STALE)
    assert "refused" in door.refuses(stolen)
    assert door.takes(issuer.token(exp=int((datetime.now(UTC) + timedelta(hours=1)).timestamp())))


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": "HS512"},
        {"alg": "PS256"},
        {"alg": "RS512"},
        {"jku": "https://evil.test/jwks"},
        {"x5u": "https://evil.test/cert"},
        {"x5c": ["MIIB"]},
        {"jwk": {"kty": "oct", "k": "AAAA"}},
        {"crit": ["exp"]},
        {"crit": ["b64"], "b64": False},
        {"zip": "DEF"},
        {"typ": "logout+jwt"},
        {"typ": "dpop+jwt"},
        {"typ": 7},
        {"kid": "key-unknown"},
        {"kid": 7},
        {"kid": "../../etc/passwd"},
    ],
    ids=lambda header: json.dumps(header)[:40],
)
def test_only_listed_algorithms_and_plain_headers_count(
    issuer: PrivateIssuer, door: Door, header: dict[str, Any]
) -> None:
    """A token could say itself with which key, or without any, it is to be believed."""
    assert door.takes(issuer.token())
    door.refuses(issuer.token(header=header))


@pytest.mark.parametrize("claimed", ["ES256", "RS256", "Ed25519"])
@pytest.mark.parametrize("real", ["ES256", "RS256", "Ed25519"])
def test_a_key_verifies_only_its_own_algorithm(
    issuer: PrivateIssuer, claimed: str, real: str
) -> None:
    """One kind of key could be passed off as another."""
    if claimed == real:
        pytest.skip("no confusion")
    issuer.rotate(real)
    head, *rest = issuer.token().split(".")
    confused = {"alg": claimed, "kid": _header(head)["kid"]}
    Door(issuer).refuses(".".join([_text(json.dumps(confused).encode()), *rest]))


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.test"},
        {"iss": None},
        {"iss": ["https://evil.test"]},
        {"aud": "another"},
        {"aud": ["another"]},
        {"aud": []},
        {"aud": None},
        {"azp": 7},
        {"azp": "with space"},
        {"exp": None},
        {"exp": "tomorrow"},
        {"exp": True},
        {"exp": float("inf")},
        {"exp": float("nan")},
        {"nbf": "today"},
        {"iat": []},
        {"sub": None},
        {"sub": ""},
        {"sub": "break-glass:mallory"},
        {"tenant": None},
        {"tenant": "acme/../globex"},
        {"scope": {"a": 1}},
        {"groups": "x" * 7000},
        {"groups": [1]},
    ],
    ids=lambda changes: json.dumps(changes)[:40],
)
def test_a_token_with_wrong_claims_opens_nothing(
    issuer: PrivateIssuer, door: Door, changes: dict[str, Any]
) -> None:
    """A token for somebody else, or one that never ends, would let its bearer in."""
    assert door.takes(issuer.token())
    door.refuses(issuer.token(**changes))


def test_an_audience_may_be_one_of_several(issuer: PrivateIssuer, door: Door) -> None:
    """An issuer that serves several systems would be refused."""
    assert door.takes(issuer.token(aud=["another", AUDIENCE], azp="some-client"))


@pytest.mark.parametrize(
    ("claim", "seconds", "counts"),
    [
        ("exp", -LEEWAY_SECONDS + 1, True),
        ("exp", -LEEWAY_SECONDS, False),
        ("nbf", LEEWAY_SECONDS, True),
        ("nbf", LEEWAY_SECONDS + 1, False),
        ("iat", LEEWAY_SECONDS, True),
        ("iat", LEEWAY_SECONDS + 1, False),
    ],
)
def test_clocks_may_differ_by_half_a_minute_and_not_a_second_more(
    issuer: PrivateIssuer, door: Door, claim: str, seconds: int, *, counts: bool
) -> None:
    """Machines that differ a little would refuse everybody, or tokens would live on."""
    token = issuer.token(**{claim: int(door.clock.now().timestamp()) + seconds})
    if counts:
        assert door.takes(token)
    else:
        door.refuses(token)


def test_known_keys_go_on_while_the_issuer_is_away(issuer: PrivateIssuer, door: Door) -> None:
    """An outage of the issuer would be an outage of everything."""
    soon = int((datetime.now(UTC) + timedelta(hours=30)).timestamp())
    token = issuer.token(exp=soon)
    assert door.takes(token)
    issuer.stop()
    door.clock.advance(timedelta(hours=23))
    assert door.takes(token)
    door.clock.advance(timedelta(hours=2))
    with pytest.raises(Unavailable) as silent:
        door.authority.claims(token)
    answer = response_to(silent.value)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    issuer.start()


def test_a_service_that_starts_before_its_issuer_answers_later(
    issuer: PrivateIssuer, door: Door
) -> None:
    """The order in which an installation starts would matter."""
    del door
    issuer.stop()
    early = Door(issuer, early=True)
    with pytest.raises(Unavailable):
        early.authority.claims(".".join([_text(b'{"alg":"RS256"}'), "e30", "AAAA"]))
    issuer.start()
    early.clock.advance(BEYOND_THE_COOLDOWN)
    assert early.takes(issuer.token())


@pytest.mark.parametrize("mode", ["fail", "garbage", "huge", "redirect"])
@pytest.mark.parametrize("path", ["/jwks", "/.well-known/openid-configuration"])
def test_bad_answers_of_the_issuer_change_nothing(
    issuer: PrivateIssuer, door: Door, path: str, mode: str
) -> None:
    """A proxy's error page in the place of the keys would shut everybody out."""
    token = issuer.token()
    assert door.takes(token)
    issuer.behave(**{path: mode})
    door.clock.advance(STALE)
    later = issuer.token(exp=int(door.clock.now().timestamp()) + 60)
    assert door.takes(later)


@pytest.mark.parametrize(
    "found",
    [
        {"issuer": "https://evil.test"},
        {"jwks_uri": "http://127.0.0.1:1/jwks"},
        {"jwks_uri": None},
        {"token_endpoint": "http://127.0.0.1:1/token"},
    ],
)
def test_a_discovery_document_of_somebody_else_is_not_believed(
    issuer: PrivateIssuer, found: dict[str, Any]
) -> None:
    """Whoever can answer once in the issuer's place would name the keys from then on."""
    issuer.behave(discovery=found)
    with pytest.raises(ValueError, match="discovery"):
        discover(issuer.url)


def test_made_up_key_ids_do_not_reach_the_issuer(issuer: PrivateIssuer, door: Door) -> None:
    """Anybody could have our services flood the issuer."""
    assert door.takes(issuer.token())
    forged = issuer.token(header={"kid": "made-up"})
    asked = issuer.counts()["/jwks"]
    for _ in range(3):
        threads = [threading.Thread(target=door.refuses, args=(forged,)) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert issuer.counts()["/jwks"] == asked
    door.clock.advance(BEYOND_THE_COOLDOWN)
    for _ in range(20):
        door.refuses(forged)
    assert issuer.counts()["/jwks"] == asked + 1


def test_many_first_requests_ask_the_issuer_once(issuer: PrivateIssuer) -> None:
    """Hundreds of waiting clients would meet an issuer that has just come back."""
    issuer.stop()
    late = Door(issuer, early=True)
    issuer.start()
    token = issuer.token()
    late.clock.advance(BEYOND_THE_COOLDOWN)
    asked = issuer.counts().get("/jwks", 0)
    seen: list[bool] = []
    threads = [threading.Thread(target=lambda: seen.append(late.takes(token))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [True] * 20
    assert issuer.counts()["/jwks"] == asked + 1


def test_a_service_gets_its_own_token_by_the_issuers_name(issuer: PrivateIssuer) -> None:
    """Services would need a token written into their settings, which ends one day."""
    credentials = ClientCredentials(
        lambda: discover(issuer.url).token or "", "sixfold-loop", "loop-secret", audience=AUDIENCE
    )
    claims = Door(issuer).authority.claims(credentials())
    assert (claims.subject, claims.scopes) == ("sixfold-loop", {"log.read"})


TOKENS = st.text(max_size=300) | st.from_regex(r"[A-Za-z0-9_-]{1,80}(\.[A-Za-z0-9_-]{0,80}){1,4}")
HEADERS = st.dictionaries(
    st.sampled_from(["alg", "kid", "typ", "crit", "jwk", "cty", "x"]),
    st.none() | st.integers() | st.text(max_size=30) | st.lists(st.text(max_size=5), max_size=3),
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TOKENS)
def test_no_text_breaks_the_check(door: Door, token: str) -> None:
    """Rubbish in the header would be a defect that somebody is woken for."""
    door.refuses(token)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(HEADERS, st.binary(max_size=60), st.binary(max_size=90))
def test_no_header_breaks_the_check(
    door: Door, header: dict[str, Any], payload: bytes, signature: bytes
) -> None:
    """Every parser of what strangers send has to survive it."""
    parts = [json.dumps(header).encode(), payload or b"{}", signature or b"x"]
    door.refuses(".".join(map(_text, parts)))


@pytest.mark.parametrize("inside", ["[" * 3000, '{"a":' * 1500, "9" * 4000])
def test_deep_and_huge_tokens_are_refused(door: Door, inside: str) -> None:
    """One token could exhaust a worker's stack."""
    door.refuses(".".join([_text(inside.encode()), _text(b"{}"), "AAAA"]))
    door.refuses(".".join([_text(b'{"alg":"RS256"}'), _text(inside.encode()), "AAAA"]))
    door.refuses("a" * 100_000)


def test_the_issuer_itself_keeps_the_rules(issuer: PrivateIssuer) -> None:
    """The tests beside this one would prove nothing against an issuer that lets all pass."""
    client = issuer.client()
    wrong = {"client_id": "sixfold-loop", "client_secret": "guessed"}
    grant = {"grant_type": "client_credentials"}
    assert client.post("/token", data=wrong | grant).status_code == httpx.codes.BAD_REQUEST
    assert client.get("/authorize?client_id=sixfold-loop").status_code == httpx.codes.BAD_REQUEST


def _header(text: str) -> Any:
    return json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")
