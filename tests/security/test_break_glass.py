"""The credential for emergencies: works without the issuer, ends soon, and is never quiet."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OKPKey
from werkzeug.test import Client

from chassis import break_glass
from chassis.audit import listed
from chassis.auth import authority_from
from chassis.break_glass import NotForEmergencies, WrongPassphrase
from chassis.browser_sessions import Sessions
from chassis.testing.contexts import SECRET
from chassis.testing.issuer import AUDIENCE, PrivateIssuer
from chassis.testing.telemetry import recorded_telemetry
from desk import Desk
from four_logs import MONDAY, FourLogs
from loop.main import app_of
from loop.session import SCOPE
from loop_service import LoopUnderTest

PASSPHRASE = "correct horse battery staple"
SEALED, PUBLIC = break_glass.make_key(PASSPHRASE)
KEY = break_glass.unseal(SEALED, PASSPHRASE)
REASON = "The issuer is down and orders are parked."


@pytest.fixture
def desk(tmp_path: Path, issuer: PrivateIssuer) -> Iterator[Desk]:
    desk = Desk(tmp_path, issuer, break_glass_keys=json.dumps(PUBLIC))
    yield desk
    desk.storage.database.close()


def credential(**changes: Any) -> str:
    told = {"tenant": "acme", "who": "p4711", "reason": REASON, "audience": AUDIENCE}
    return break_glass.sign(KEY, **{"now": datetime.now(UTC), **told, **changes})


def test_it_opens_while_the_issuer_is_away_and_tells_everybody(
    desk: Desk, issuer: PrivateIssuer
) -> None:
    """On the worst day nobody could operate, or somebody could and nobody would know."""
    token = credential()
    issuer.stop()
    with recorded_telemetry() as recorded:
        for _ in range(3):
            assert desk.ask("/internal/v1/progress", token).status_code == 200
        measured = recorded.measurements()
    found = desk.ask("/v1/audit", token).get_json()["entries"]
    issuer.start()
    assert "sixfold.break_glass.used" in str(measured)
    (entry,) = found
    assert (entry["action"], entry["actor"]) == ("break_glass.use", "break-glass:p4711")
    assert entry["detail"]["reason"] == REASON


def test_it_opens_the_loops_pages_as_loudly(tmp_path: Path) -> None:
    """Somebody could read a company's numbers for hours, and nobody would be woken."""
    logs = FourLogs(tmp_path)
    loop = LoopUnderTest(tmp_path, logs, MONDAY)
    told = replace(loop.tokens.settings, break_glass_keys=json.dumps(PUBLIC))
    authority = authority_from(told)
    sessions = Sessions(SECRET, authority=authority, scope=SCOPE, secure=False)
    console = replace(loop.console, authority=authority, sessions=sessions, tokens_in_links=False)
    browser = Client(app_of(console, []))
    with recorded_telemetry() as recorded:
        refused = browser.post("/session", data={"token": credential()})
        opened = browser.post("/session", data={"token": credential(scopes=[SCOPE])})
        shown = browser.get("/")
        measured = recorded.measurements()["sixfold.break_glass.used"]
    assert [answer.status_code for answer in (refused, opened, shown)] == [403, 303, 200]
    assert [point.value for _, point in measured] == [3]
    with loop.storage.system.read() as db:
        found = listed(db, loop.storage.keys, "acme")
    assert [(one.action, one.outcome) for one in reversed(found)] == [
        ("break_glass.use", "done"), ("sign_in", "refused"),
        ("break_glass.use", "done"), ("sign_in", "done"),
    ]  # fmt: skip
    assert found[1].detail["reason"] == REASON
    loop.close()
    logs.close()


def test_it_ends_and_cannot_be_made_to_last(desk: Desk) -> None:
    """A credential from a safe would become somebody's everyday one."""
    old = datetime.now(UTC) - timedelta(hours=2)
    assert desk.ask("/v1/me", credential(now=old)).status_code == 401
    with pytest.raises(NotForEmergencies):
        credential(lasts=timedelta(hours=5))
    with pytest.raises(NotForEmergencies):
        credential(reason="because")
    assert desk.ask("/v1/me", forged(exp_after=24 * 3600)).status_code == 401


@pytest.mark.parametrize(
    "changes", [{"iss": "https://evil.test"}, {"aud": "other"}, {"reason": None}, {"jti": None}]
)
def test_a_credential_that_says_less_is_refused(desk: Desk, changes: dict[str, Any]) -> None:
    """An entry of the audit would not say who or why."""
    assert desk.ask("/v1/me", forged()).status_code == 200
    assert desk.ask("/v1/me", forged(**changes)).status_code == 401


def test_another_key_opens_nothing(desk: Desk) -> None:
    """Anybody could make an emergency of their own."""
    other = OKPKey.generate_key("Ed25519", {"kid": str(KEY.kid)})
    assert desk.ask("/v1/me", forged(key=other)).status_code == 401


def test_the_issuer_cannot_name_an_emergency(desk: Desk) -> None:
    """Whoever can name users at the issuer would act under the name of an emergency."""
    assert desk.ask("/v1/me", sub="break-glass:p4711").status_code == 401


def test_without_the_setting_there_is_none(tmp_path: Path, issuer: PrivateIssuer) -> None:
    """A door that nobody wanted would be there."""
    desk = Desk(tmp_path, issuer)
    assert desk.ask("/v1/me", credential()).status_code == 401
    desk.storage.database.close()


def test_the_key_is_sealed(tmp_path: Path) -> None:
    """Whoever finds the file would have the key."""
    del tmp_path
    assert str(KEY.as_dict(private=True)["d"]) not in json.dumps(SEALED)
    assert "d" not in PUBLIC["keys"][0]
    for file, passphrase in ((SEALED, "guessed"), ({**SEALED, "kid": "break-glass-x"}, PASSPHRASE)):
        with pytest.raises(WrongPassphrase):
            break_glass.unseal(file, passphrase)


def forged(key: OKPKey = KEY, exp_after: int = 3600, **changes: Any) -> str:
    now = int(datetime.now(UTC).timestamp())
    claims = {
        "iss": "break-glass", "aud": AUDIENCE, "sub": "break-glass:p1", "tenant": "acme",
        "scope": "operate", "reason": REASON, "iat": now, "exp": now + exp_after, "jti": "j1",
        **changes,
    }  # fmt: skip
    kept = {name: value for name, value in claims.items() if value is not None}
    header = {"alg": "Ed25519", "kid": str(KEY.kid)}
    return jwt.encode(header, kept, key, algorithms=["Ed25519"])
