"""One-time codes by text message, through an outside service; the number is opened only here."""

from collections.abc import Callable, Mapping

import httpx
from environs import FileAwareEnv

from chassis.envelope import Recorded
from chassis.errors import Unavailable
from chassis.storage import Storage
from chassis.telemetry import span
from chassis.telemetry.outbound import measured
from identity import codes
from identity.contact_events import PhoneClaimed, VerificationStarted
from identity.phone import CODE_LIFETIME, PHONE

SETTING = "SMS_GATEWAY_URL"
SECONDS = 10.0
_TEXT = "{code} is your code, good for {minutes} minutes. Tell it to nobody.  驗證碼 {code}"


def calls(storage: Storage) -> Mapping[str, Callable[[Recorded], None]]:
    """Return the calls that follow the log, to the service that the environment names."""
    url = FileAwareEnv().str(SETTING, "").rstrip("/")
    return calls_to(url, storage)


def calls_to(url: str, storage: Storage) -> Mapping[str, Callable[[Recorded], None]]:
    """Return the calls that follow the log, to the service at ``url``."""

    def send_code(recorded: Recorded) -> None:
        started = storage.registry.decode(recorded, storage.keys)
        number = _number(storage, recorded.tenant, started)
        # Who was forgotten meanwhile has no number any more.
        if number is not None:
            code = codes.code_of(storage.secret, recorded.tenant, started.challenge_id)
            _send(url, key=str(recorded.id), to=number, text=text_of(code))

    return {"verification_started": send_code}


def text_of(code: str) -> str:
    """Return the message that carries a code.

    >>> text_of("042042")[:6]
    '042042'
    """
    return _TEXT.format(code=code, minutes=int(CODE_LIFETIME.total_seconds() // 60))


def _number(storage: Storage, tenant: str, started: VerificationStarted) -> str | None:
    with storage.read(tenant) as db:
        history = storage.log(db).stream(tenant, PHONE.stream(started.phone_id))
    events = [storage.registry.decode(stored, storage.keys) for stored in history]
    # Everybody who claims the number wrote the same one; any that can still be opened will do.
    known = [event.e164 for event in events if isinstance(event, PhoneClaimed) and event.e164]
    return known[-1] if known else None


def _post(url: str, key: str, message: Mapping[str, str]) -> httpx.Response:
    headers = {"Idempotency-Key": key}
    return httpx.post(f"{url}/messages", json=message, headers=headers, timeout=SECONDS)


def _send(url: str, *, key: str, to: str, text: str) -> None:
    """Hand one message over.

    Raises:
        Unavailable: the service is not there, or did not take the message.
    """
    if not url:
        raise Unavailable(f"{SETTING} is not set")
    with span("sms send", kind="client"):
        try:
            answer = measured("sms", lambda: _post(url, key, {"to": to, "text": text}))
        except httpx.HTTPError as error:
            raise Unavailable(f"the SMS service: {type(error).__name__}") from None
    if answer.is_error:
        raise Unavailable(f"the SMS service answered {answer.status_code}")
