"""Who there is in an operator's first hour, and what the file of roles makes of them."""

from typing import Any

SERVICES = ("identity", "listening")
PASSWORD = "of-the-first-hour"
TENANT, SMALL = "acme", "small"
RIGHTS = {
    "roles": {
        "care": ["identity.read", "identity.write", "identity.erase", "quotas.read"],
        "auditor": ["audit.read"],
        "operator": ["operate", "audit.read", "platform.admin"],
        "reader": ["log.read"],
    },
    "groups": {
        "acme-care": {"roles": ["care"], "tenant": TENANT},
        "small-care": {"roles": ["care"], "tenant": SMALL},
        "platform-team": {"roles": ["operator"]},
    },
    "clients": {f"sixfold-{service}": {"roles": ["reader"]} for service in SERVICES},
}
PORTAL, BACK = "portal", "https://portal.example/back"
CLIENTS: dict[str, Any] = {
    f"sixfold-{service}": {
        "secret": f"{PASSWORD}-{service}",
        "redirect_uris": [],
        "scope": "",
        "claims": {"tenant": "system"},
    }
    for service in SERVICES
} | {PORTAL: {"secret": PASSWORD, "redirect_uris": [BACK], "scope": "openid"}}
# Whom the issuer knows: their tenant and groups, and no right of ours.
PEOPLE: dict[str, Any] = {
    name: {"password": PASSWORD, "sub": name, "tenant": tenant, "groups": [group]}
    for name, tenant, group in (
        ("ada", TENANT, "acme-care"),
        ("sam", SMALL, "small-care"),
        ("eve", TENANT, "strangers"),
        ("olga", TENANT, "platform-team"),
        ("oleg", SMALL, "platform-team"),
    )
}
