"""Phone numbers as people write them, made into the one form that identifies somebody."""

from dataclasses import dataclass, field

import phonenumbers
from phonenumbers import timezone

from chassis.errors import Rejected

_UNKNOWN_ZONE = "Etc/Unknown"


class NumberInvalid(Rejected):
    """The phone number is not one that exists."""

    code = "number_invalid"
    status = 422


@dataclass(frozen=True, kw_only=True, slots=True)
class Number:
    """A number in E.164, with its region (ISO 3166) and its time zone if that is clear."""

    e164: str = field(repr=False)
    region: str
    zone: str | None


def parse(written: str, region: str | None) -> Number:
    """Read a number as somebody wrote it.

    Args:
        written: As typed; with a country code, or as dialled at home.
        region: Where home is, for a number without a country code.

    Raises:
        NumberInvalid: no operator has such numbers.

    >>> parse("138 0013 8000", "CN").e164
    '+8613800138000'
    >>> parse("+852 9123 4567", None).zone
    'Asia/Hong_Kong'
    """
    try:
        number = phonenumbers.parse(written, region)
    except phonenumbers.NumberParseException:
        # Not chained: the parser's message quotes what was typed.
        raise NumberInvalid from None
    if not phonenumbers.is_valid_number(number):
        raise NumberInvalid
    zones = [zone for zone in timezone.time_zones_for_number(number) if zone != _UNKNOWN_ZONE]
    return Number(
        e164=phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164),
        region=phonenumbers.region_code_for_number(number) or "ZZ",
        zone=zones[0] if len(zones) == 1 else None,
    )
