"""What must not reach a log or a span: credentials, and fields that belong to a person.

The last line of defence.  The first is to never pass such values; this one
catches the password inside a driver's error message.

>>> redact("cannot reach amqp://app:s3cret@mq:5672/sixfold")
'cannot reach amqp://***@mq:5672/sixfold'
>>> redact_fields({"queue": "a", "client_secret": "x", "asked": [{"email": "a@b.tw"}]})
{'queue': 'a', 'client_secret': '***', 'asked': [{'email': '***'}]}
"""

import re
from collections.abc import Mapping
from typing import Any

MASK = "***"

SECRET_NAMES = frozenset(
    {
        "api_key",
        "authorization",
        "cookie",
        "credentials",
        "jwt",
        "master_key",
        "one_time_code",
        "otp",
        "passwd",
        "password",
        "private_key",
        "pwd",
        "secret",
        "token",
    }
)
PERSONAL_NAMES = frozenset(
    {
        "address",
        "avatar",
        "avatar_url",
        "birth_date",
        "birthday",
        "body",
        "data",
        "display_name",
        "email",
        "first_name",
        "full_name",
        "handle",
        "ip",
        "ip_address",
        "last_name",
        "latitude",
        "longitude",
        "mail",
        "mobile",
        "msisdn",
        "national_id",
        "nickname",
        "payload",
        "phone",
        "plaintext",
        "platform_user_id",
        "real_name",
        "recipient",
        "street",
        "text",
    }
)
_HIDDEN = SECRET_NAMES | PERSONAL_NAMES

_ASSIGNED = (
    r"\b((?:\w+_)?(?:password|passwd|pwd|secret|token|api[_-]?key|authorization))"
    r"(\"?'?\s*[=:]\s*)(\"[^\"]*\"|'[^']*'|[^\s,;&]+)"
)
_PATTERNS = tuple(
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        (r"(\b[a-z][a-z0-9+.-]*://)[^\s\"'<>]*@", r"\1***@"),
        (r"\bbearer\s+[\w.~+/=-]+", "Bearer ***"),
        (r"\beyJ[\w-]+\.[\w-]+\.[\w-]*", MASK),
        (_ASSIGNED, r"\1\2***"),
        (r"\[parameters: .*", "[parameters: ***]"),
        (r"\bKey \(([^)]*)\)=\(.*?\)", r"Key (\1)=(***)"),
        (r"\bFailing row contains \(.*\)", "Failing row contains (***)"),
        (r"[\w.+-]+@[\w-]+\.[\w.-]+", MASK),
        (r"\+\d{8,15}\b", MASK),
    )
)
# Most texts are one plain word; the patterns cannot match there, except for a bare token.
_PLAIN = re.compile(r"(?!eyJ)[\w.{}/-]*")


def redact(text: str) -> str:
    """Return ``text`` without credentials, mail addresses, phone numbers or SQL parameters."""
    if _PLAIN.fullmatch(text):
        return text
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def redact_fields(value: Any) -> Any:
    """Return a JSON-like value with every hidden field masked and every text redacted."""
    match value:
        case Mapping():
            return {
                key: MASK if hidden(str(key)) else redact_fields(inner)
                for key, inner in value.items()
            }
        case list() | tuple() | set() | frozenset():
            return [redact_fields(inner) for inner in value]
        case bool() | int() | float() | None:
            return value
        case _:
            return redact(str(value))


def hidden(name: str) -> bool:
    """Say whether a field of this name may hold a secret or a personal value.

    >>> hidden("Client-Secret"), hidden("routing_key"), hidden("customer_email")
    (True, False, True)
    """
    plain = name.lower().replace("-", "_")
    return plain in _HIDDEN or any(plain.endswith(f"_{ending}") for ending in _HIDDEN)
