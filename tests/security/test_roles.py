"""Roles and groups: what a person may do follows from a file, at once and explainably."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chassis.access import note_changes
from chassis.auth import AuthSettings, ClaimNames, authority_from
from chassis.rights import RolesInvalid
from chassis.testing.issuer import PrivateIssuer
from desk import Desk

ROLES: dict[str, Any] = {
    "roles": {
        "clerk": ["orders.read"],
        "auditor": ["audit.read"],
        "operator": ["operate"],
        "reader": ["log.read"],
    },
    "groups": {
        "acme-clerks": {"roles": ["clerk"], "tenant": "acme"},
        "auditors": {"roles": ["auditor"]},
        "platform": {"roles": ["operator", "auditor"]},
    },
    "clients": {
        "sixfold-loop": {"roles": ["reader"]},
        "mirror": {"roles": ["reader"], "subject": "5e7a-mirror"},
    },
}


@pytest.fixture
def roles(tmp_path: Path) -> Path:
    path = tmp_path / "roles.json"
    path.write_text(json.dumps(ROLES))
    return path


@pytest.fixture
def desk(tmp_path: Path, issuer: PrivateIssuer, roles: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path, issuer, roles_file=roles)
    note_changes(desk.authority.rights, desk.storage)
    yield desk
    desk.storage.database.close()


def me(desk: Desk, **claims: Any) -> dict[str, Any]:
    answer = desk.ask("/v1/me", **claims)
    assert answer.status_code == 200, answer.text
    return dict(answer.get_json())


def test_a_group_gives_its_roles_scopes(desk: Desk) -> None:
    """Rights would have to be kept at the issuer, person by person."""
    assert desk.ask("/v1/orders", scope=None).status_code == 403
    assert desk.ask("/v1/orders", scope=None, groups=["acme-clerks"]).status_code == 200
    assert desk.ask("/v1/orders", scope=None, groups=["strangers"]).status_code == 403


def test_a_group_counts_only_for_its_tenant(desk: Desk) -> None:
    """A clerk of one company would be one of every company."""
    told = {"scope": None, "groups": ["acme-clerks"]}
    assert desk.ask("/v1/orders", tenant="globex", **told).status_code == 403


def test_the_issuers_own_roles_and_scopes_count_too(desk: Desk) -> None:
    """Programs and issuers that know our words would need groups for nothing."""
    assert me(desk, scope="orders.read openid", roles=["auditor", "unheard-of"])["scopes"] == [
        "audit.read",
        "openid",
        "orders.read",
    ]


def test_rights_on_the_installation_come_from_the_file_alone(desk: Desk) -> None:
    """Whoever can write a tenant's scopes at the issuer would see every tenant's events."""
    path = "/internal/v1/progress"
    assert desk.ask(path, scope="operate log.read platform.admin").status_code == 403
    assert desk.ask(path, scope=None, groups=["platform"]).status_code == 200
    by_role = me(desk, scope=None, roles=["operator", "reader", "auditor"])
    assert (by_role["installation"], by_role["scopes"]) == ([], ["audit.read"])
    assert desk.ask(path, scope=None, roles=["operator"]).status_code == 403
    assert me(desk, scope=None, groups=["platform"])["installation"] == ["operate"]
    both = me(desk, scope=None, groups=["platform"], roles=["operator"])
    assert both["installation"] == ["operate"]


def test_a_client_has_roles_of_its_own(desk: Desk) -> None:
    """A service could not read the logs that it lives on."""
    own = {"scope": None, "azp": "sixfold-loop"}
    assert desk.ask("/internal/v1/log/heads", sub="sixfold-loop", **own).status_code == 200
    other = {"scope": None, "azp": "another", "sub": "another"}
    assert desk.ask("/internal/v1/log/heads", **other).status_code == 403


def test_a_client_may_be_called_otherwise_in_its_own_tokens(desk: Desk) -> None:
    """With an issuer that gives each client a made-up subject, no service could read a log."""
    own = {"scope": None, "client_id": "mirror"}
    assert desk.ask("/internal/v1/log/heads", sub="5e7a-mirror", **own).status_code == 200
    assert desk.ask("/internal/v1/log/heads", sub="mirror", **own).status_code == 403


def test_a_person_has_no_roles_of_the_program_they_came_through(desk: Desk) -> None:
    """Whoever can sign in through a service's client would read every tenant's events."""
    through = {"scope": None, "azp": "sixfold-loop", "sub": "u1"}
    assert desk.ask("/internal/v1/log/heads", **through).status_code == 403
    assert me(desk, **through)["installation"] == []


def test_a_change_of_the_file_counts_at_once_and_is_written_down(desk: Desk, roles: Path) -> None:
    """Whoever has left a team would keep its rights until somebody restarts everything."""
    told = {"scope": None, "groups": ["acme-clerks"]}
    assert desk.ask("/v1/orders", **told).status_code == 200
    fewer = {**ROLES, "groups": {**ROLES["groups"], "acme-clerks": {"roles": []}}}
    roles.write_text(json.dumps(fewer))
    assert desk.ask("/v1/orders", **told).status_code == 403
    (entry,) = desk.entries("installation")
    assert (entry["action"], entry["actor"]) == ("roles.change", "service:roles")
    assert entry["detail"]["changed"] == ["groups.acme-clerks"]


def test_a_broken_file_changes_nothing_until_it_is_whole(desk: Desk, roles: Path) -> None:
    """A typing error would shut everybody out, or let everybody in."""
    told = {"scope": None, "groups": ["acme-clerks"]}
    for broken in ("{", json.dumps({**ROLES, "groups": {"x": {"roles": ["nobody-said"]}}})):
        roles.write_text(broken)
        assert desk.ask("/v1/orders", **told).status_code == 200
    roles.unlink()
    assert desk.ask("/v1/orders", **told).status_code == 200
    roles.write_text(json.dumps({**ROLES, "roles": {**ROLES["roles"], "clerk": []}}))
    assert desk.ask("/v1/orders", **told).status_code == 403


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ([], "roles"),
        ({"roles": {"clerk": "orders.read"}}, "roles.clerk"),
        ({"roles": {"clerk": ["Orders Read"]}}, "roles.clerk"),
        ({"roles": {}, "people": {}}, "people"),
        ({"roles": {}, "groups": []}, "groups"),
        ({"roles": {}, "groups": {"a": {"roles": ["b"]}}}, "no role is called b"),
        ({"roles": {}, "groups": {"a": {"roles": [], "tenant": 7}}}, "groups.a.tenant"),
        ({"roles": {}, "clients": {"a": {"scopes": []}}}, "clients.a"),
        ({"roles": {}, "clients": {"a": {"roles": [], "subject": 7}}}, "clients.a.subject"),
        ({"roles": {}, "groups": {"a": {"roles": [], "subject": "s"}}}, "groups.a"),
    ],
)
def test_a_process_does_not_start_with_a_wrong_file(
    issuer: PrivateIssuer, tmp_path: Path, content: Any, problem: str
) -> None:
    """Rights that nobody meant would count, and nobody would know why."""
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps(content))
    told = AuthSettings(
        issuer=issuer.url, audience="sixfold", environment="production", roles_file=path
    )
    with pytest.raises(RolesInvalid, match=problem):
        authority_from(told)


def test_claims_may_be_called_otherwise(issuer: PrivateIssuer, tmp_path: Path) -> None:
    """An issuer that calls the tenant something else could not be used."""
    names = ClaimNames(tenant="https://sixfold.example/tenant", groups="teams", scope="permissions")
    (tmp_path / "roles.json").write_text(json.dumps(ROLES))
    desk = Desk(tmp_path, issuer, names=names, roles_file=tmp_path / "roles.json")
    named = {"https://sixfold.example/tenant": "acme", "teams": ["acme-clerks"]}
    found = me(desk, tenant="globex", scope=None, permissions=["people.read"], **named)
    assert (found["tenant"], found["scopes"]) == ("acme", ["orders.read", "people.read"])
    desk.storage.database.close()


def test_somebody_can_see_why_they_may_do_something(desk: Desk) -> None:
    """Nobody could say why a person is refused without reading three configurations."""
    found = me(desk, scope=None, groups=["acme-clerks"], azp="portal")
    assert (found["tenant"], found["actor"], found["client"]) == ("acme", "user:u1", "portal")
    assert (found["roles"], found["scopes"]) == (["clerk"], ["orders.read"])
    assert "GET /v1/orders" in found["routes"]
    assert "GET /v1/audit" not in found["routes"]
    assert found["installation"] == []
