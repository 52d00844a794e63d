"""What a token allows: its scopes, and the scopes of the roles that its groups have here."""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

from chassis.logs import get_logger

# Rights on the installation: whoever has one sees every tenant's events, sealed as they are.
INSTALLATION = frozenset({"operate", "log.read", "platform.admin"})
_SCOPE = re.compile(r"[a-z][a-z0-9_.]{0,99}", re.ASCII)
_HOLDERS = {"groups": ("tenant",), "clients": ("tenant", "subject")}
_KEYS = {"roles", *_HOLDERS}
_log = get_logger(__name__)


class RolesInvalid(Exception):
    """The file of roles is not one; the message says where, and never quotes a value."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Granted:
    """What somebody may do, and the roles that it comes from."""

    scopes: frozenset[str]
    roles: frozenset[str] = frozenset()


class Rights(Protocol):
    """Says what a verified token allows."""

    def granted(
        self,
        *,
        tenant: str,
        scopes: frozenset[str],
        groups: frozenset[str],
        roles: frozenset[str],
        client: str | None,
        subject: str,
    ) -> Granted:
        """Return what the token's bearer may do for its tenant."""


class TokenRights:
    """Rights without a file: a token's scopes are what it allows."""

    def granted(
        self,
        *,
        tenant: str,
        scopes: frozenset[str],
        groups: frozenset[str],
        roles: frozenset[str],
        client: str | None,
        subject: str,
    ) -> Granted:
        """Return the token's own scopes."""
        del tenant, groups, roles, client, subject
        return Granted(scopes=scopes)


@dataclass(frozen=True, kw_only=True, slots=True)
class Holder:
    """A group or a client: its roles, and for which tenant they count.

    Args:
        roles: Names of roles.
        tenant: The only tenant for which they count; None for the token's, whichever it is.
        subject: Who a client is in tokens of its own; None where that is its id.
    """

    roles: frozenset[str]
    tenant: str | None = None
    subject: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Roles:
    """Who may do what in this installation.

    >>> roles = Roles(
    ...     roles={"clerk": frozenset({"commerce.read"}), "operator": frozenset({"operate"})},
    ...     groups={"acme-clerks": Holder(roles=frozenset({"clerk"}), tenant="acme")},
    ... )
    >>> told = {"scopes": frozenset({"operate"}), "groups": frozenset({"acme-clerks"})}
    >>> told |= {"roles": frozenset(), "client": None, "subject": "u1"}
    >>> sorted(roles.granted(tenant="acme", **told).scopes)
    ['commerce.read']
    >>> roles.granted(tenant="globex", **told).scopes
    frozenset()
    """

    roles: Mapping[str, frozenset[str]] = field(default_factory=dict)
    groups: Mapping[str, Holder] = field(default_factory=dict)
    clients: Mapping[str, Holder] = field(default_factory=dict)
    digest: str = ""

    def granted(
        self,
        *,
        tenant: str,
        scopes: frozenset[str],
        groups: frozenset[str],
        roles: frozenset[str],
        client: str | None,
        subject: str,
    ) -> Granted:
        """Add the scopes of roles to a token's own.

        Rights on the installation come only by a group or a client that the file names: a scope
        or a role in a token is written by whoever administers one tenant's people.
        """
        holders = [self.groups[name] for name in groups if name in self.groups]
        own = self.clients.get(client or "")
        # A person's token names the program that they came through; its roles are not theirs.
        if own is not None and subject == (own.subject or client):
            holders.append(own)
        held = {
            role for holder in holders if holder.tenant in (None, tenant) for role in holder.roles
        }
        told = roles & self.roles.keys()
        given = (scopes | self._scopes_of(told)) - INSTALLATION
        return Granted(scopes=given | self._scopes_of(held), roles=told | held)

    def _scopes_of(self, names: Collection[str]) -> frozenset[str]:
        return frozenset().union(*(self.roles[role] for role in names))


Changed = Callable[[Roles, Roles], None]


class RolesFile:
    """Roles in a file, read again when it changes.

    A file that is broken in passing changes nothing: the roles of before go on.

    Args:
        path: The file.

    Raises:
        RolesInvalid: it cannot be read now, at the start.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = _stamp(path)
        self._roles = read_roles(path)
        self.problem: str | None = None
        self.changed: list[Changed] = []

    @property
    def current(self) -> Roles:
        """Return the roles as the file has them now."""
        stamp = _stamp(self._path)
        if stamp != self._seen:
            self._seen = stamp
            self._read_again()
        return self._roles

    def granted(self, **told: Any) -> Granted:
        """Return what a token allows, by the roles of now."""
        return self.current.granted(**told)

    def _read_again(self) -> None:
        before = self._roles
        try:
            self._roles = read_roles(self._path)
        except RolesInvalid as invalid:
            self.problem = str(invalid)
            _log.error("roles.invalid", problem=self.problem)  # says it all
            return
        self.problem = None
        if self._roles.digest != before.digest:
            _log.info("roles.changed", digest=self._roles.digest)
            for tell in self.changed:
                tell(before, self._roles)


def differing(before: Roles, after: Roles) -> list[str]:
    """Name the roles, groups and clients that two states of the file do not agree on."""
    return [
        f"{kind}.{name}"
        for kind in ("roles", "groups", "clients")
        for name in sorted(getattr(before, kind).keys() | getattr(after, kind).keys())
        if getattr(before, kind).get(name) != getattr(after, kind).get(name)
    ]


def rights_from(path: Path | None) -> Rights:
    """Return the rights that a setting describes; raises RolesInvalid."""
    return TokenRights() if path is None else RolesFile(path)


def read_roles(path: Path) -> Roles:
    """Read a file of roles; raises RolesInvalid."""
    try:
        raw = path.read_bytes()
        content = json.loads(raw)
    except (OSError, ValueError, RecursionError) as error:
        raise RolesInvalid("the file of roles cannot be read as JSON") from error
    problems = list(_problems(content))
    if problems:
        raise RolesInvalid("; ".join(problems))
    return Roles(
        roles={name: frozenset(scopes) for name, scopes in content["roles"].items()},
        groups=_holders(content.get("groups", {})),
        clients=_holders(content.get("clients", {})),
        digest=sha256(raw).hexdigest()[:16],
    )


def _holders(content: Mapping[str, Any]) -> dict[str, Holder]:
    return {
        name: Holder(
            roles=frozenset(held["roles"]), tenant=held.get("tenant"), subject=held.get("subject")
        )
        for name, held in content.items()
    }


def _problems(content: Any) -> Iterator[str]:
    if not isinstance(content, dict) or not isinstance(content.get("roles"), dict):
        yield "roles: must map each role to a list of scopes"
        return
    if unknown := content.keys() - _KEYS:
        yield f"{', '.join(sorted(unknown))}: unknown; there are {', '.join(sorted(_KEYS))}"
    for role, scopes in content["roles"].items():
        if not _are_texts(scopes) or not all(_SCOPE.fullmatch(scope) for scope in scopes):
            yield f"roles.{role}: must be a list of scopes"
    for kind, optional in _HOLDERS.items():
        holders = content.get(kind, {})
        if not isinstance(holders, dict):
            yield f"{kind}: must map names to roles"
            continue
        for name, held in holders.items():
            yield from _wrong_holder(f"{kind}.{name}", held, optional, content["roles"])


def _wrong_holder(
    where: str, held: Any, optional: Sequence[str], roles: Collection[str]
) -> Iterator[str]:
    if not isinstance(held, dict) or held.keys() - {"roles", *optional}:
        yield f"{where}: must have roles, and may have a {' and a '.join(optional)}"
    elif not _are_texts(held.get("roles")):
        yield f"{where}.roles: must be a list of roles"
    elif wrong := [name for name in optional if not isinstance(held.get(name, ""), str)]:
        yield f"{where}.{wrong[0]}: must be a text"
    elif unknown := sorted(set(held["roles"]) - set(roles)):
        yield f"{where}: no role is called {', '.join(unknown)}"


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    # Kubernetes swaps a link: the target's inode changes where the time may not.
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
