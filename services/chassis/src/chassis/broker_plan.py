"""What must be on the broker for some services: pure data, compared and made elsewhere.

Queues have their type as their only argument, because arguments can never be changed; every limit
is a policy.  Nothing here is a secret.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chassis.blueprint import Blueprint
from chassis.topology import SHARES, event_exchange, lane_key, lanes_of, ordered_queue

UNROUTED = "sixfold.unrouted"
NOTHING = "^$"
QUORUM: Mapping[str, Any] = {"x-queue-type": "quorum"}
_GIB = 1 << 30
EVENT_EXCHANGES = r"^[a-z][a-z0-9_]*\.events$"
ORDERED_QUEUES = rf"^[a-z][a-z0-9_]*\.on\.[a-z][a-z0-9_]*\.[0-{SHARES - 1}]$"


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Binding:
    """From where a queue gets what."""

    source: str
    queue: str
    key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """A limit on whatever has a certain name, that can be changed at any time."""

    name: str
    pattern: str
    applies_to: str
    definition: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rights:
    """What a service's user may do: declare nothing, write and read only what is its own."""

    user: str
    write: str
    read: str
    configure: str = NOTHING


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """Everything that some services need of a virtual host.

    Args:
        exchanges: Their types, by name.
        owned: What the names of the services' own queues begin with.
    """

    exchanges: Mapping[str, str]
    queues: Sequence[str]
    bindings: frozenset[Binding]
    policies: Sequence[Policy]
    rights: Sequence[Rights]
    owned: tuple[str, ...]


POLICIES = (
    # What no queue wants is counted, and not silently dropped.
    Policy(
        name="sixfold-events",
        pattern=EVENT_EXCHANGES,
        applies_to="exchanges",
        definition={"alternate-exchange": UNROUTED},
    ),
    # The log is the truth: a reader that missed the oldest messages takes them from the feed.
    Policy(
        name="sixfold-subscriptions",
        pattern=ORDERED_QUEUES,
        applies_to="queues",
        definition={"max-length-bytes": _GIB, "overflow": "drop-head"},
    ),
    Policy(
        name="sixfold-unrouted",
        pattern=r"^sixfold\.unrouted$",
        applies_to="queues",
        definition={"max-length": 1000, "overflow": "drop-head"},
    ),
)


def plan_of(blueprints: Sequence[Blueprint], users: str = "{service}") -> Plan:
    """Return what some services need.

    Args:
        blueprints: The services.
        users: The name of each one's user, with ``{service}`` in it.
    """
    exchanges = {UNROUTED: "fanout"}
    queues, bindings = [UNROUTED], {Binding(source=UNROUTED, queue=UNROUTED, key="")}
    for each in blueprints:
        for source in (each.name, *each.sources):
            exchanges[event_exchange(source).name] = "topic"
        for binding in _bindings(each):
            bindings.add(binding)
            queues.append(binding.queue)
    return Plan(
        exchanges=exchanges,
        queues=list(dict.fromkeys(queues)),
        bindings=frozenset(bindings),
        policies=POLICIES,
        rights=[rights_of(each.name, users.format(service=each.name)) for each in blueprints],
        owned=tuple(f"{each.name}.on." for each in blueprints),
    )


def rights_of(service: str, user: str) -> Rights:
    """Return what one service's user may do."""
    return Rights(
        user=user,
        write=rf"^{service}\.events$",
        read=rf"^{service}\.on\.[a-z][a-z0-9_]*\.[0-{SHARES - 1}]$",
    )


def definitions_of(plan: Plan, vhost: str) -> dict[str, Any]:
    """Return a plan as RabbitMQ imports definitions."""
    return {
        "exchanges": [
            {"vhost": vhost, "name": name, **exchange_body(kind)}
            for name, kind in sorted(plan.exchanges.items())
        ],
        "queues": [{"vhost": vhost, "name": name, **queue_body()} for name in sorted(plan.queues)],
        "bindings": [
            {
                "vhost": vhost,
                "source": each.source,
                "destination": each.queue,
                "destination_type": "queue",
                "routing_key": each.key,
                "arguments": {},
            }
            for each in sorted(plan.bindings)
        ],
        "policies": [
            {"vhost": vhost, "name": each.name, **policy_body(each)} for each in plan.policies
        ],
        "permissions": [
            {"vhost": vhost, "user": each.user, **rights_body(each)} for each in plan.rights
        ],
    }


def exchange_body(kind: str) -> dict[str, Any]:
    """Return an exchange as the management API describes it."""
    return {
        "type": kind, "durable": True, "auto_delete": False, "internal": False, "arguments": {},
    }  # fmt: skip


def queue_body() -> dict[str, Any]:
    """Return a queue as the management API describes it."""
    return {"durable": True, "auto_delete": False, "arguments": dict(QUORUM)}


def policy_body(policy: Policy) -> dict[str, Any]:
    """Return a policy as the management API describes it."""
    return {
        "pattern": policy.pattern,
        "apply-to": policy.applies_to,
        "definition": dict(policy.definition),
        "priority": 0,
    }


def rights_body(rights: Rights) -> dict[str, Any]:
    """Return a user's rights as the management API describes them."""
    return {"configure": rights.configure, "write": rights.write, "read": rights.read}


def _bindings(blueprint: Blueprint) -> Iterator[Binding]:
    for source in blueprint.sources:
        exchange = event_exchange(source).name
        for share in range(SHARES):
            queue = ordered_queue(blueprint.name, source, share).name
            for lane in lanes_of(share):
                yield Binding(source=exchange, queue=queue, key=lane_key(lane))
