"""Who may speak with whom: the rendered policies as a matrix, evaluated as Kubernetes does."""

import re
from fnmatch import fnmatchcase
from itertools import product
from typing import Any

import pytest
from repository import services

from loop.upstream import SOURCES
from rendered import (
    KUSTOMIZE,
    NAMES,
    Object,
    Renders,
    component,
    default_values,
    helm,
    named,
    of_kind,
    overlaid,
    pods,
    table,
    values_of,
)

PORTS = {"http": 8000, "ops": 9464}
ADDRESSES = {  # each peer at one of its own, so that one cannot pass for another
    peer: [{"ipBlock": {"cidr": f"10.0.{number}.0/24"}}]
    for number, peer in enumerate(default_values()["networkPolicy"]["peers"])
}
Flow = tuple[str, str, int]


def labels_by_component(objects: list[Object]) -> dict[str, dict[str, str]]:
    """Give each component's labels, as its pods have them."""
    return {
        template["metadata"]["labels"]["app.kubernetes.io/component"]: template["metadata"][
            "labels"
        ]
        for _, template in pods(objects)
    }


def ports_of(values: Any) -> dict[str, int]:
    """Give every port's number by its name."""
    changed = values.get("networkPolicy", {}).get("ports", {})
    return PORTS | default_values()["networkPolicy"]["ports"] | changed


def expected(components: set[str], ports: dict[str, int]) -> set[Flow]:
    """Read the table: every allowed connection between components and with peers."""
    peers = set(default_values()["networkPolicy"]["peers"])

    def names(patterns: list[str]) -> set[str]:
        ours = {each for each in components for p in patterns if fnmatchcase(each, p)}
        return ours | (peers & set(patterns))

    return {
        (source, target, ports[flow["port"]])
        for flow in table("flows")
        for source, target in product(names(flow["from"]), names(flow["to"]))
        if source != target or source in peers
    }


def selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    """Say whether a selector of labels chooses a pod."""
    listed = selector.get("matchExpressions", ())
    assert all(each["operator"] == "In" for each in listed)
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        labels.get(each["key"]) in each["values"] for each in listed
    )


class Cluster:
    """The policies of one render and the pods that they are about."""

    def __init__(self, objects: list[Object], values: Any) -> None:
        self.labels = labels_by_component(objects)
        self.policies = [each["spec"] for each in of_kind(objects, "NetworkPolicy")]
        peers = default_values()["networkPolicy"]["peers"]
        self.peers = peers | values.get("networkPolicy", {}).get("peers", {})

    def allowed(self, source: str, target: str, port: int) -> bool:
        """Say whether a connection is let out by the one side and in by the other."""
        return self._side("egress", "to", source, target, port) and self._side(
            "ingress", "from", target, source, port
        )

    def _side(self, side: str, end: str, mine: str, other: str, port: int) -> bool:
        if mine not in self.labels:  # not ours: its own policies are its owner's
            return True
        chosen = [p for p in self.policies if selects(p["podSelector"], self.labels[mine])]
        about = [p for p in chosen if side.capitalize() in p["policyTypes"]]
        assert about, f"{mine} is not covered by any policy"
        rules = [rule for policy in about for rule in policy.get(side) or ()]
        return any(
            port in {each["port"] for each in rule["ports"]} and self._among(rule.get(end), other)
            for rule in rules
        )

    def _among(self, ends: list[Object] | None, other: str) -> bool:
        if ends is None:  # anybody at all
            return True
        if other in self.labels:
            mine = [e for e in ends if "namespaceSelector" not in e and "podSelector" in e]
            return any(selects(e["podSelector"], self.labels[other]) for e in mine)
        return any(end in self.peers[other] for end in ends)


@pytest.mark.parametrize("name", NAMES)
def test_the_matrix_is_the_table(renders: Renders, name: str) -> None:
    """A connection would be refused that is needed, or allowed that nobody asked for."""
    values = helm.merged(values_of(name), {"networkPolicy": {"peers": ADDRESSES}})
    cluster = Cluster(renders.render(values).objects, values)
    ours, outside = set(cluster.labels), set(cluster.peers) - set(cluster.labels)
    ports = ports_of(values)
    told = expected(ours, ports)
    pairs = [*product(ours, ours | outside), *product(outside, ours)]
    found = {
        (source, target, port)
        for source, target in pairs
        for port in set(ports.values())
        if source != target and cluster.allowed(source, target, port)
    }
    assert found == told
    assert len(told) > 100


def test_issuer_gateways_and_storage_have_ports_of_their_own(renders: Renders) -> None:
    """An issuer on 8443 beside a storage on 9000 could not be allowed, or everything would be."""
    values = {
        "networkPolicy": {
            "peers": ADDRESSES,
            "ports": {"issuer": 8443, "gateways": 4443, "storage": 9000},
        }
    }
    cluster = Cluster(renders.render(values).objects, values)
    reached = {
        (peer, port)
        for peer in ("issuer", "gateways", "storage")
        for port in (443, 4443, 8443, 9000)
        for source in cluster.labels
        if cluster.allowed(source, peer, port)
    }
    assert reached == {("issuer", 8443), ("gateways", 4443), ("storage", 9000)}


def test_openshift_is_reached_by_kustomize_as_by_the_chart(renders: Renders) -> None:
    """No process would find a name there, and neither router nor Prometheus a process."""
    values = values_of("openshift")
    ways = ("dns", "ingress", "prometheus")
    peers = values["networkPolicy"]["peers"]
    assert all("openshift" in str(peers[way]) for way in ways)
    by_chart, by_kustomize = (
        {
            (source, target, port)
            for one, way, port in product(cluster.labels, ways, (5353, 8000, 9464))
            for source, target in ((one, way), (way, one))
            if cluster.allowed(source, target, port)
        }
        for cluster in (
            Cluster(renders.of("openshift"), values),
            Cluster(overlaid(KUSTOMIZE / "overlays/openshift"), values),
        )
    )
    assert len(by_chart) > 30
    assert by_kustomize == by_chart


def test_with_known_addresses_no_rule_is_for_anybody(renders: Renders) -> None:
    """Naming the databases' addresses would not close the way to others."""
    objects = renders.render({"networkPolicy": {"peers": ADDRESSES}}).objects
    for policy in of_kind(objects, "NetworkPolicy"):
        for rule in policy["spec"].get("egress") or ():
            assert rule["to"], named(policy)
        for rule in policy["spec"].get("ingress") or ():
            assert rule["from"], named(policy)


@pytest.mark.parametrize("name", NAMES)
def test_every_pod_is_shut_both_ways_first(renders: Renders, name: str) -> None:
    """A pod that no policy names would be open to everybody (kube-score: pod-networkpolicy)."""
    objects = renders.of(name)
    (deny,) = [each for each in of_kind(objects, "NetworkPolicy") if component(each) == "deny"]
    assert deny["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert not {"ingress", "egress"} & deny["spec"].keys()
    for labels in labels_by_component(objects).values():
        assert selects(deny["spec"]["podSelector"], labels)


def test_feeds_are_those_of_the_code() -> None:
    """A service could not ask for the events that it missed, or may ask whom it needs not."""
    known = services()
    for name, told in table("services").items():
        subscribed = {source for source, _ in known[name].subscriptions()}
        assert set(told["feeds"]) == (set(SOURCES) if name == "loop" else subscribed), name
    assert table("services").keys() == known.keys()


def test_flows_between_services_are_the_feeds() -> None:
    """The table of flows and that of feeds would contradict each other."""
    roles = {name: told["roles"][0] for name, told in table("services").items()}
    between = {
        (source, target)
        for flow in table("flows")
        for source, target in product(flow["from"], flow["to"])
        if re.fullmatch(r"[a-z]+-(worker|loop)", source) and flow["port"] == "http"
    }
    assert between == {
        (f"{name}-{roles[name]}", f"{feed}-{roles[feed]}")
        for name, told in table("services").items()
        for feed in told["feeds"]
    }


def test_only_jobs_reach_the_management_port(renders: Renders) -> None:
    """A worker that was taken over could change the broker."""
    cluster = Cluster(renders.of("ha"), values_of("ha"))
    sources = {each for each in cluster.labels if cluster.allowed(each, "rabbitmq", 15671)}
    assert {each.rpartition("-")[2] for each in sources} == {"topology", "preflight"}
    assert not cluster.allowed("topology", "postgresql", 5432)


def test_each_flow_says_why() -> None:
    """Nobody could tell whether a hole is still needed."""
    for flow in table("flows"):
        assert flow.keys() == {"why", "from", "to", "port"}
        assert len(flow["why"]) > 3
