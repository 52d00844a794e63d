"""What a variable of the environment may say: each of these parses one, or refuses it."""

import base64
import binascii

from marshmallow import ValidationError, validate

from chassis.rates import Rate

KEY_BYTES = 32
DATABASE = validate.Regexp(
    r"(postgresql|sqlite)(\+\w+)?://", error="must be a postgresql:// or sqlite:// address"
)
BROKER = validate.Regexp(r"amqps?://", error="must be an amqp:// or amqps:// address")
WEB = validate.Regexp(r"https?://", error="must be an http:// or https:// address")
NAME = validate.Regexp(r"[a-z][a-z0-9_]*\Z", error="must be lower-case letters, digits and _")
GIVEN = validate.Length(min=1, error="must not be empty")
POSITIVE = validate.Range(min=0, min_inclusive=False, error="must be more than 0")


def database(text: str) -> str:
    """Return the address of a database; raises ValidationError."""
    return str(DATABASE(text))


def role(text: str) -> str:
    """Return what names of database roles begin with; raises ValidationError."""
    return str(NAME(text))


def secret(text: str) -> bytes:
    """Return a secret of at least 32 bytes; raises ValidationError."""
    key = _base64(text)
    if len(key) < KEY_BYTES:
        raise ValidationError(f"must be at least {KEY_BYTES} bytes in base64")
    return key


def master_key(text: str) -> bytes:
    """Return a key of exactly 32 bytes; raises ValidationError."""
    key = _base64(text)
    if len(key) != KEY_BYTES:
        raise ValidationError(f"must be exactly {KEY_BYTES} bytes in base64")
    return key


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValidationError("is not base64") from None


def feeds(text: str) -> dict[str, str]:
    """Return addresses by name; raises ValidationError."""
    pairs = [part.strip().partition("=") for part in text.split(",") if part.strip()]
    if not all(name and address for name, _, address in pairs):
        raise ValidationError("must be name=address,name=address")
    return {NAME(name.strip()): web(address) for name, _, address in pairs}


def limits(text: str) -> dict[str, int]:
    """Return whole numbers by name; raises ValidationError."""
    pairs = [part.strip().partition("=") for part in text.split(",") if part.strip()]
    return {NAME(name.strip()): count(limit.strip()) for name, _, limit in pairs}


def web(text: str) -> str:
    """Return an address on the web, without a slash at its end; raises ValidationError."""
    return str(WEB(text.strip())).rstrip("/")


def level(text: str) -> str:
    """Return a level of the log; raises ValidationError."""
    known = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
    return str(validate.OneOf(known)(text.upper()))


def ladder(text: str) -> tuple[float, ...]:
    """Return several numbers of seconds; raises ValidationError."""
    return tuple(seconds(part) for part in text.split(","))


def seconds(text: str) -> float:
    """Return a number of seconds; raises ValidationError."""
    try:
        return float(POSITIVE(float(text)))
    except ValueError:
        raise ValidationError("must be a number of seconds, more than 0") from None


def count(text: str) -> int:
    """Return a whole number; raises ValidationError."""
    if not text.isdecimal():
        raise ValidationError("must be a whole number")
    return int(text)


def connections(text: str) -> int:
    """Return a number of connections; raises ValidationError."""
    return int(POSITIVE(count(text)))


def port(text: str) -> int:
    """Return a port; 0 lets the system choose; raises ValidationError."""
    return int(validate.Range(min=0, max=65535)(count(text)))


def rate(text: str) -> Rate:
    """Return a rate from ``requests/seconds``, or 0 for no limit; raises ValidationError."""
    if text == "0":
        return Rate(requests=0, seconds=1)
    requests, _, length = text.partition("/")
    if not length:
        raise ValidationError("must be requests/seconds, or 0 for no limit")
    return Rate(requests=connections(requests), seconds=connections(length))
