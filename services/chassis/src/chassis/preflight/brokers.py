"""What the broker must be like; with the management API more of it can be known."""

import re
from collections.abc import Callable
from urllib.parse import unquote, urlsplit

import amqp

from chassis import broker_plan
from chassis.blueprint import Blueprint
from chassis.broker import Broker
from chassis.broker_api import BrokerApi, Refused
from chassis.preflight.findings import Check, Failed, NotAsked
from chassis.settings import Settings
from chassis.topology import event_exchange, ordered_queues
from chassis.topology_job import vhost_of

OLDEST = (3, 10)
_RUN = "run topology with a user who may"
_LATER = "topology brings it"
# As RabbitMQ says it; a limit that is reached is told in the same words with more behind them.
_WITHOUT_RIGHTS = re.compile(r"access to vhost '.*' refused for user '[^']*'(?!: )")


def broker_checks(settings: Settings, blueprint: Blueprint) -> list[Check]:
    """Return the checks of the broker and of what this service has on it."""
    broker = Broker.of(settings)
    api = _api(settings)
    return [
        Check(
            name="broker reachable", rule="RabbitMQ 3.10 or newer", look=lambda: _version(broker)
        ),
        Check(
            name="broker encrypted",
            rule="amqps:// in production, certificate and name checked",
            look=lambda: _encrypted(settings),
        ),
        Check(
            name="broker topology",
            rule="the service's exchange and queues are there",
            look=lambda: _topology(broker, blueprint),
            later=_LATER,
        ),
        Check(
            name="broker quorum queues",
            rule="enabled",
            look=lambda: _quorum(api()),
        ),
        Check(
            name="broker alarms",
            rule="neither disk nor memory is short",
            look=lambda: _alarms(api()),
        ),
        Check(
            name="broker policies",
            rule="limits are policies",
            look=lambda: _policies(api(), blueprint),
            later=_LATER,
        ),
        Check(
            name="broker permissions",
            rule="a service writes its own exchange and reads its own queues, and declares nothing",
            look=lambda: _permissions(api(), blueprint, settings),
            later=_LATER,
        ),
    ]


def _api(settings: Settings) -> Callable[[], BrokerApi]:
    def api() -> BrokerApi:
        if settings.broker_management_url is None:
            raise NotAsked("needs BROKER_MANAGEMENT_URL")
        vhost = vhost_of(settings.amqp_uri)
        return BrokerApi(settings.broker_management_url, vhost, settings.broker_ca)

    return api


def _version(broker: Broker) -> str:
    try:
        with broker.connected() as opened:
            found = str(opened.connection.server_properties.get("version", ""))
    except amqp.NotAllowed as refused:
        # It answers and knows the password; a user without rights is what topology starts from.
        if not _WITHOUT_RIGHTS.search(refused.reply_text):
            raise
        raise Failed(refused.reply_text, _RUN, later="topology gives rights") from refused
    numbers = tuple(int(part) for part in re.findall(r"\d+", found)[:2])
    if numbers < OLDEST:
        raise Failed(f"RabbitMQ {found}", "upgrade the broker to 3.10 or newer")
    return f"RabbitMQ {found}"


def _encrypted(settings: Settings) -> str:
    if settings.amqp_uri.startswith("amqps://"):
        return "amqps://, its certificate and name are checked at each connection"
    if settings.production:
        told = "give AMQP_URI an amqps:// address, and BROKER_CA if the authority is your own"
        raise Failed("amqp:// sends the password in the clear", told)
    return "in the clear"


def _topology(broker: Broker, blueprint: Blueprint) -> str:
    queues = [queue for source in blueprint.sources for queue in _queues(blueprint.name, source)]
    missing = [
        name
        for kind, name in [("exchange", event_exchange(blueprint.name).name), *queues]
        if not _is_there(broker, kind, name)
    ]
    if missing:
        raise Failed(f"missing: {', '.join(missing)}", _RUN)
    return f"1 exchange, {len(queues)} queues"


def _queues(consumer: str, source: str) -> list[tuple[str, str]]:
    return [("queue", queue.name) for queue in ordered_queues(consumer, source)]


def _is_there(broker: Broker, kind: str, name: str) -> bool:
    with broker.connected() as opened:
        channel = opened.connection.channel()
        try:
            if kind == "queue":
                channel.queue_declare(name, passive=True)
            else:
                channel.exchange_declare(name, "topic", passive=True)
        except amqp.NotFound:
            return False
        return True


def _quorum(api: BrokerApi) -> str:
    flags = {each["name"]: each["state"] for each in api.about("feature-flags")}
    # Since 4.0 it is no flag any more but always so.
    if flags.get("quorum_queue", "enabled") != "enabled":
        raise Failed("the feature flag is off", "rabbitmqctl enable_feature_flag quorum_queue")
    return "enabled"


def _alarms(api: BrokerApi) -> str:
    try:
        api.about("health/checks/alarms")
    except Refused as refused:
        told = "free disk or memory on the broker: it takes no messages until then"
        raise Failed(str(refused), told) from refused
    return "none"


def _policies(api: BrokerApi, blueprint: Blueprint) -> str:
    wanted = {each.name for each in broker_plan.plan_of([blueprint]).policies}
    missing = wanted - {each["name"] for each in api.listed("policies")}
    if missing:
        raise Failed(f"missing: {', '.join(sorted(missing))}", _RUN)
    return ", ".join(sorted(wanted))


def _permissions(api: BrokerApi, blueprint: Blueprint, settings: Settings) -> str:
    user = unquote(urlsplit(settings.amqp_uri).username or "guest")
    wanted = broker_plan.rights_body(broker_plan.rights_of(blueprint.name, user))
    found = api.permissions().get(user, {})
    wrong = [f"{key} is {found.get(key)!r}" for key in wanted if found.get(key) != wanted[key]]
    if wrong:
        raise Failed(f"of {user}: {', '.join(wrong)}", f"{_RUN}, and --users if names differ")
    return f"{user} has what it needs and no more"
