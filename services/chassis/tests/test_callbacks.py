"""A provider's callback: no token, but a signature under the tenant's own address."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from chassis.callbacks import SIGNATURE_HEADER, SignedCallback, body_key, sign
from chassis.clock import FixedClock
from chassis.ids import derived_id
from chassis.routes import Call, Reply, Route
from chassis.storage import Storage, log_on
from chassis.testing.contexts import NOW
from chassis.testing.notebook import NOTE, NoteWritten, notebook_storage
from chassis.testing.web import Tokens, Web
from chassis.unit_of_work import UnitOfWork

PATH = "/v1/tenants/acme/paid"
BODY = b'{"amount": 100}'
SECRETS = {"acme": [b"the new secret", b"the old secret"], "globex": [b"another secret"]}


@dataclass(frozen=True, kw_only=True, slots=True)
class Paid:
    """What the provider sends."""

    amount: int


def note_it(work: UnitOfWork, call: Call[Paid]) -> Reply:
    """Write down that a callback came."""
    note_id = derived_id(work.context.command_id)
    work.execute(NOTE, note_id, NoteWritten(note_id=note_id, title=call.tenant))
    return Reply(body={"tenant": call.tenant})


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return notebook_storage(tmp_path, FixedClock(NOW))


@pytest.fixture
def web(tmp_path: Path, storage: Storage) -> Web:
    route = Route(
        method="POST",
        path="/v1/tenants/<tenant>/paid",
        kind="command",
        summary="A payment was made.",
        body=Paid,
        tenant_from=SignedCallback(
            secrets_of=lambda tenant: SECRETS.get(tenant, []), clock=FixedClock(NOW)
        ),
        key_from=body_key,
        actor="service:payments",
    )
    return Web(Tokens(tmp_path / "issuer"), storage, [(route, note_it)])


def post(web: Web, signature: str | None, *, path: str = PATH, body: bytes = BODY) -> TestResponse:
    headers = {SIGNATURE_HEADER: signature} if signature is not None else {}
    return web.client.post(path, data=body, headers=headers, content_type="application/json")


@pytest.mark.parametrize("secret", SECRETS["acme"])
def test_a_signed_callback_acts_for_its_tenant(web: Web, storage: Storage, secret: bytes) -> None:
    """The provider's news arrives, also while its secret is being replaced."""
    response = post(web, sign(secret, at=NOW, path=PATH, body=BODY))

    assert response.get_json() == {"tenant": "acme"}
    with storage.system.read() as db:
        event = log_on(db).at(1)
    assert event is not None
    assert (event.tenant, event.actor) == ("acme", "service:payments")


def test_a_repeated_callback_is_the_same_callback(web: Web, storage: Storage) -> None:
    """A provider that repeats itself, with a new signature, changes nothing."""
    post(web, sign(SECRETS["acme"][0], at=NOW, path=PATH, body=BODY))
    later = sign(SECRETS["acme"][0], at=NOW + timedelta(seconds=60), path=PATH, body=BODY)
    again = post(web, later)

    assert again.headers["Idempotent-Replayed"] == "true"
    with storage.system.read() as db:
        assert log_on(db).head() == 1


@pytest.mark.parametrize(
    ("signature", "path", "body"),
    [
        (None, PATH, BODY),
        ("", PATH, BODY),
        ("t=1,v1=zz", PATH, BODY),
        (sign(b"wrong", at=NOW, path=PATH, body=BODY), PATH, BODY),
        (sign(SECRETS["globex"][0], at=NOW, path=PATH, body=BODY), PATH, BODY),
        (sign(SECRETS["acme"][0], at=NOW, path=PATH, body=BODY), PATH, b'{"amount": 999}'),
        (
            sign(SECRETS["acme"][0], at=NOW, path=PATH, body=BODY),
            "/v1/tenants/globex/paid",
            BODY,
        ),
        (
            sign(SECRETS["acme"][0], at=NOW - timedelta(minutes=6), path=PATH, body=BODY),
            PATH,
            BODY,
        ),
        (
            sign(SECRETS["acme"][0], at=NOW + timedelta(minutes=6), path=PATH, body=BODY),
            PATH,
            BODY,
        ),
        (
            sign(b"x", at=NOW, path="/v1/tenants/nobody/paid", body=BODY),
            "/v1/tenants/nobody/paid",
            BODY,
        ),
    ],
)
def test_a_wrong_signature_is_refused(
    web: Web, storage: Storage, signature: str | None, path: str, body: bytes
) -> None:
    """Nobody but the provider reports a payment, for this tenant, now, with this amount."""
    response = post(web, signature, path=path, body=body)

    assert response.status_code == 401
    assert response.get_json()["code"] == "wrong_signature"
    with storage.system.read() as db:
        assert log_on(db).head() == 0
