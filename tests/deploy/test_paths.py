"""What can be reached from outside: every public route, and nothing of the inside."""

import importlib
from collections.abc import Iterator

import pytest
from repository import services

from chassis.entrypoints import routes_of
from chassis.roles import blueprint_of, edge_of
from rendered import Object, Renders, of_kind, table

SERVICES = services()
TEMPLATE = "<"


def public(service: str) -> list[str]:
    """List a service's routes, but for those of the inside."""
    if service == "loop":
        edge = importlib.import_module("loop.edge")
        pages = importlib.import_module("loop.pages")
        found = [route.path for route in edge.contract()]
        found += [rule.rule for rule, _ in pages.pages(None)]
    else:
        found = [route.path for route in routes_of(edge_of(blueprint_of(service)))]
    return sorted({path for path in found if not path.startswith("/internal/")})


def covers(entry: dict[str, str], path: str) -> bool:
    """Say whether an ingress path takes a request, as Kubernetes describes it."""
    if entry["type"] == "Exact":
        return path == entry["path"]
    return path == entry["path"] or path.startswith(entry["path"].rstrip("/") + "/")


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_every_public_route_is_published(service: str) -> None:
    """A page or an answer would end at the ingress controller."""
    told = table("paths")
    hosts = [told[service]] + ([told["shop"]] if service == "commerce" else [])
    found = public(service)
    assert found
    for path in found:
        assert any(covers(entry, path) for host in hosts for entry in host), path
    for host in hosts:
        for entry in host:
            assert any(covers(entry, path) for path in found), f"nothing is at {entry['path']}"


def test_a_shop_has_all_of_its_pages_at_its_own_host() -> None:
    """A buyer would see the shop and not the cart."""
    pages = [r for r in routes_of(edge_of(blueprint_of("commerce"))) if r.page is not None]
    assert len(pages) > 10
    for route in pages:
        assert any(covers(entry, route.path) for entry in table("paths")["shop"]), route.path


def rules(objects: list[Object]) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield host, backend and path of every rule."""
    for each in of_kind(objects, "Ingress"):
        for rule in each["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                entry = {"path": path["path"], "type": path["pathType"]}
                yield rule["host"], path["backend"]["service"]["name"], entry


def test_the_inside_is_never_published(renders: Renders) -> None:
    """Anybody could read the log's feed, or retry a parked event."""
    found = list(rules(renders.of("ha")))
    assert len(found) > 15
    inside = ["/internal/v1/progress", "/internal", "/healthz", "/readyz", "/metrics", "/livez"]
    for host, backend, entry in found:
        for path in inside:
            assert not covers(entry, path), (host, backend)


def test_each_host_leads_to_its_own_service(renders: Renders) -> None:
    """One service's paths would be answered by another."""
    hosts: dict[str, set[str]] = {}
    for host, backend, _ in rules(renders.of("ha")):
        hosts.setdefault(host, set()).add(backend)
    assert hosts == {
        "identity.sixfold.example": {"sixfold-identity-worker"},
        "listening.sixfold.example": {"sixfold-listening-worker"},
        "campaigns.sixfold.example": {"sixfold-campaigns-worker"},
        "commerce.sixfold.example": {"sixfold-commerce-worker"},
        "shop.acme.example": {"sixfold-commerce-worker"},
        "loop.sixfold.example": {"sixfold-loop-loop"},
    }


def test_every_host_has_a_certificate(renders: Renders) -> None:
    """A browser would speak in the clear (checkov and kube-score ask for it in vain)."""
    for each in of_kind(renders.of("ha"), "Ingress"):
        secured = {host for entry in each["spec"]["tls"] for host in entry["hosts"]}
        assert secured == {rule["host"] for rule in each["spec"]["rules"]}


def test_without_a_host_a_service_is_not_published(renders: Renders) -> None:
    """An operator could not keep a service to the inside."""
    values = {"ingress": {"enabled": True}, "services": {"loop": {"host": ""}}}
    backends = {backend for _, backend, _ in rules(renders.render(values).objects)}
    assert backends
    assert "sixfold-loop-loop" not in backends
