"""What else a service needs: its issuer, its feeds, a list of erasures, a place to write."""

import tempfile
from collections.abc import Callable, Iterator

import httpx

from chassis import trust
from chassis.clock import SystemClock
from chassis.erasure_list import ErasureList
from chassis.jwks import key_source
from chassis.preflight.findings import Check, Failed
from chassis.settings import Settings

_SECONDS = 5.0


def outside_checks(settings: Settings) -> Iterator[Check]:
    """Return the checks of everything that is neither database nor broker."""
    yield Check(
        name="issuer keys",
        rule="tokens can be checked; over https:// in production",
        look=lambda: _keys(settings),
        do="see that ISSUER and JWKS can be reached from here; HTTP_CA if the authority is yours",
    )
    for name, url in sorted(settings.feeds.items()):
        yield Check(
            name=f"feed of {name}",
            rule="the producer's log can be read",
            look=_feed(url),
            do="see that the service runs and that FEEDS names its inner address",
            later="the service brings it when it runs",
        )
    yield Check(
        name="erasure list",
        rule="production lists erasures outside every backup",
        look=lambda: _erasures(settings),
        do="see that ERASURE_LIST names a directory or bucket that is there and can be reached "
        "from here, and that AWS_SHARED_CREDENTIALS_FILE opens it",
    )
    yield Check(name="temporary files", rule="there is a place for them", look=_temporary)


def _keys(settings: Settings) -> str:
    keys = key_source(settings.jwks, settings.issuer, settings.environment, SystemClock())
    return f"{len(keys.current().keys)} keys"


def _feed(url: str) -> Callable[[], str]:
    def look() -> str:
        answer = httpx.get(f"{url}/healthz", timeout=_SECONDS, verify=trust.context())
        if not answer.is_success:
            raise Failed(f"answered {answer.status_code}", "see why it is not healthy")
        return "answers"

    return look


def _erasures(settings: Settings) -> str:
    if settings.erasure_list is None:
        if settings.production:
            told = "set ERASURE_LIST to a directory or bucket that no restore touches"
            raise Failed("there is none", told)
        return "none; production needs one"
    # Otherwise the first person who asks to be forgotten finds that it cannot be written.
    found = ErasureList(address=settings.erasure_list, secret=settings.secret).look()
    return "nothing listed yet" if found is None else f"{found} entries"


def _temporary() -> str:
    try:
        with tempfile.TemporaryFile() as file:
            file.write(b"preflight")
    except OSError as error:
        raise Failed(f"{type(error).__name__}", "mount a writable /tmp (an emptyDir)") from error
    return "writable"
