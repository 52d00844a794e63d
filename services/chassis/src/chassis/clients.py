"""Which client a request comes from, when proxies of ours stand in front."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from werkzeug import Request

_ONE_SITE = 64


def address_of(request: Request, proxies: int) -> str:
    """Return the client's address, as far as it can be trusted.

    Each proxy of ours appends whom it heard from to ``X-Forwarded-For``, so with n of them the
    client is the n-th from the right; whatever stands further left was said by the client.

    Args:
        request: As it came.
        proxies: How many proxies of ours stand in front; with none the header is not read.
    """
    heard = request.remote_addr or ""
    if not proxies:
        return heard
    told = request.headers.get("X-Forwarded-For", "").split(",")
    # A shorter list did not pass all of them: then only who really called is known.
    named = told[-proxies] if len(told) >= proxies else heard
    found = _parsed(named)
    return str(found) if found else heard


def site_of(address: str) -> str:
    """Return what counts as one client: an IPv6 user has a whole network to draw from.

    >>> site_of("2001:db8::1:2"), site_of("192.0.2.7")
    ('2001:db8::/64', '192.0.2.7')
    """
    found = _parsed(address)
    if isinstance(found, IPv6Address):
        return str(ip_network((found, _ONE_SITE), strict=False))
    return address


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found
