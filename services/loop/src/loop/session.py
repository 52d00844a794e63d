"""Who may look at the loop's pages, and how they sign in."""

from environs import FileAwareEnv
from marshmallow import ValidationError

from chassis import setting_texts
from chassis.auth import Authority
from chassis.browser_sessions import Sessions
from chassis.logs import get_logger
from chassis.rotation import RenewedSecret
from chassis.settings import Settings, SettingsInvalid
from chassis.sign_in import ClientSettings, SignIn, sign_in_at

SCOPE = "loop.read"
CALLBACK = "/sign-in/callback"
_log = get_logger(__name__)


def sign_in_of(settings: Settings, authority: Authority) -> SignIn | None:
    """Return the sign-in at the issuer, as the loop's own settings say; None without any.

    Then production shows its pages to nobody but the bearer of an emergency credential.

    Raises:
        SettingsInvalid: some of them are missing.
    """
    client = client_settings()
    if client is None and settings.production:
        _log.warning("loop.no_sign_in")
    return sign_in_at(settings, client, authority) if client else None


def client_settings() -> ClientSettings | None:
    """Read as whom people are signed in: SIGN_IN_CLIENT_ID and what belongs to it.

    Raises:
        SettingsInvalid: some are missing.
    """
    env = FileAwareEnv(strip_whitespace=True)
    names = ("SIGN_IN_CLIENT_ID", "SIGN_IN_CLIENT_SECRET", "LOOP_PUBLIC_URL")
    secret = RenewedSecret("SIGN_IN_CLIENT_SECRET")
    client_id, public = (env.str(name, "") for name in (names[0], names[2]))
    given = dict(zip(names, (client_id, secret(), public), strict=True))
    missing = [name for name, value in given.items() if not value]
    if len(missing) == len(names):
        return None
    if missing:
        raise SettingsInvalid([f"{name}: the loop's page needs it" for name in missing])
    try:
        where = setting_texts.web(public)
    except ValidationError as error:
        raise SettingsInvalid([f"LOOP_PUBLIC_URL: {error.messages[0]}"]) from None
    return ClientSettings(
        client_id=client_id, client_secret=secret, redirect_uri=f"{where}{CALLBACK}"
    )


def sessions_of(settings: Settings, authority: Authority, sign_in: SignIn | None) -> Sessions:
    """Return the sessions of the loop's pages."""
    return Sessions(
        settings.secret,
        authority=authority,
        scope=SCOPE,
        secure=settings.production,
        sign_in=sign_in,
    )
