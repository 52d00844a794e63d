"""Make a broker what some services need, again and again with the same end.

``python -m chassis.run topology identity,listening,campaigns,commerce,loop``.  What is missing is
made, what drifted is mended where nothing is lost by it, and named where a person must decide.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from chassis import broker_plan, trust
from chassis.broker_api import BrokerApi, Refused
from chassis.broker_plan import Plan
from chassis.errors import Unavailable
from chassis.roles import blueprint_of
from chassis.setting_reading import Reading
from chassis.setting_texts import BROKER, web
from chassis.settings import SettingsInvalid

MADE, MENDED, LEFT, UNREAD, REFUSED = "made", "mended", "left", "unread", "refused"
_CANNOT_CHANGE = (
    "cannot be changed. Stop its readers, delete it, run topology again: readers take what they"
    " missed from the feed"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One thing of the plan, and what became of it.

    Args:
        what: The thing.
        outcome: ``made``, ``mended``, ``left`` as it was, ``unread`` by any of the services'
            subscriptions, or ``refused``.
        why: What differed, and what a person can do.
        act: What makes it so; nothing is done in a dry run.
    """

    what: str
    outcome: str
    why: str = ""
    act: Callable[[], None] | None = None


def main(services: str, words: Sequence[str]) -> int:
    """Reconcile; returns 1 if something is refused."""
    asked = _parser().parse_args(words)
    names = [name for name in services.split(",") if name]
    plan = broker_plan.plan_of([blueprint_of(name) for name in names], asked.users)
    if asked.definitions:
        vhost = asked.vhost or "sixfold"
        sys.stdout.write(json.dumps(broker_plan.definitions_of(plan, vhost), indent=2) + "\n")
        return 0
    api = api_of(asked.vhost)
    try:
        outcomes = [carried_out(step, dry=asked.dry_run) for step in steps(api, plan, asked)]
    except (Refused, Unavailable) as error:
        sys.stderr.write(f"refused: {error}\n")
        return 1
    left = sum(step.outcome == LEFT for step in outcomes)
    sys.stdout.write(f"{left} of {len(outcomes)} were as they should be\n")
    return int(any(step.outcome == REFUSED for step in outcomes))


def carried_out(step: Step, *, dry: bool) -> Step:
    """Do one step, unless this is a dry run, and say so."""
    if step.act is not None and not dry:
        step.act()
    if step.outcome != LEFT:
        would = "would be " if dry and step.act is not None else ""
        why = f": {step.why}" if step.why else ""
        sys.stdout.write(f"{would}{step.outcome} {step.what}{why}\n")
    return step


def steps(api: BrokerApi, plan: Plan, asked: argparse.Namespace) -> Iterator[Step]:
    """Yield what is to be done, in the order in which it can be."""
    yield from _exchanges(api, plan)
    yield from _queues(api, plan)
    yield from _bindings(api, plan)
    yield from _policies(api, plan)
    yield from _rights(api, plan)
    yield from _unknown(api, plan, delete=asked.delete_unused)


def api_of(vhost: str | None) -> BrokerApi:
    """Return the management API that the environment names; raises SettingsInvalid."""
    reading = Reading()
    url = reading.text("BROKER_MANAGEMENT_URL", web)
    uri = reading.text("AMQP_URI", str, default=None, validate=BROKER)
    trust.also(reading.file("HTTP_CA"))
    authority = reading.file("BROKER_CA")
    if problems := reading.finish():
        raise SettingsInvalid(problems)
    return BrokerApi(url or "", vhost or vhost_of(uri or ""), authority)


def vhost_of(uri: str) -> str:
    """Return the virtual host in a broker's address.

    >>> vhost_of("amqps://app:secret@mq/sixfold"), vhost_of("amqp://mq/%2F"), vhost_of("amqp://mq")
    ('sixfold', '/', '/')
    """
    return unquote(urlsplit(uri).path.removeprefix("/")) or "/"


def _exchanges(api: BrokerApi, plan: Plan) -> Iterator[Step]:
    there = {each["name"]: each for each in api.listed("exchanges")}
    for name, kind in sorted(plan.exchanges.items()):
        wanted = broker_plan.exchange_body(kind)
        yield _unchangeable(api, "exchanges", name, there.get(name), wanted)


def _queues(api: BrokerApi, plan: Plan) -> Iterator[Step]:
    there = {each["name"]: each for each in api.listed("queues")}
    for name in sorted(plan.queues):
        yield _unchangeable(api, "queues", name, there.get(name), broker_plan.queue_body())


def _unchangeable(api: BrokerApi, kind: str, name: str, found: Any, wanted: Any) -> Step:
    what = f"{kind[:-1]} {name}"
    if found is None:
        return Step(what=what, outcome=MADE, act=lambda: api.put(kind, name, wanted))
    differing = [key for key, value in wanted.items() if found.get(key) != value]
    if differing:
        shown = ", ".join(f"{key} is {found.get(key)}, not {wanted[key]}" for key in differing)
        return Step(what=what, outcome=REFUSED, why=f"{shown}; that {_CANNOT_CHANGE}")
    return Step(what=what, outcome=LEFT)


def _bindings(api: BrokerApi, plan: Plan) -> Iterator[Step]:
    found = {
        broker_plan.Binding(
            source=each["source"], queue=each["destination"], key=each["routing_key"]
        ): each["properties_key"]
        for each in api.listed("bindings")
        if each["source"] and each["destination"] in plan.queues
    }
    for each in sorted(plan.bindings):
        if each in found:
            yield Step(what=_shown(each), outcome=LEFT)
        else:
            yield Step(what=_shown(each), outcome=MADE, act=_bind(api, each))
    for wrong in sorted(found.keys() - plan.bindings):
        act = _unbind(api, wrong, found[wrong])
        why = "nothing asks for it, it was taken away"
        yield Step(what=_shown(wrong), outcome=MENDED, why=why, act=act)


def _bind(api: BrokerApi, wanted: broker_plan.Binding) -> Callable[[], None]:
    return lambda: api.bind(wanted.source, wanted.queue, wanted.key)


def _unbind(api: BrokerApi, wrong: broker_plan.Binding, properties: str) -> Callable[[], None]:
    return lambda: api.unbind(wrong.source, wrong.queue, properties)


def _shown(binding: broker_plan.Binding) -> str:
    return f"binding {binding.source} -> {binding.queue} ({binding.key or 'everything'})"


def _policies(api: BrokerApi, plan: Plan) -> Iterator[Step]:
    there = {each["name"]: each for each in api.listed("policies")}
    for policy in plan.policies:
        body, found = broker_plan.policy_body(policy), there.get(policy.name)
        yield _changeable(api, "policies", policy.name, found, body)


def _rights(api: BrokerApi, plan: Plan) -> Iterator[Step]:
    users, there = api.users(), api.permissions()
    for each in plan.rights:
        if each.user not in users:
            why = "there is no such user; make it with a password of yours, run topology again"
            yield Step(what=f"permissions of {each.user}", outcome=REFUSED, why=why)
            continue
        body = broker_plan.rights_body(each)
        yield _changeable(api, "permissions", each.user, there.get(each.user), body)


def _changeable(api: BrokerApi, kind: str, name: str, found: Any, wanted: Any) -> Step:
    what = f"permissions of {name}" if kind == "permissions" else f"policy {name}"

    def act() -> None:
        api.put(kind, name, wanted)

    if found is None:
        return Step(what=what, outcome=MADE, act=act)
    differing = [key for key, value in wanted.items() if found.get(key) != value]
    if not differing:
        return Step(what=what, outcome=LEFT)
    shown = ", ".join(f"{key} was {found.get(key)}" for key in differing)
    return Step(what=what, outcome=MENDED, why=shown, act=act)


def _unknown(api: BrokerApi, plan: Plan, *, delete: bool) -> Iterator[Step]:
    """Yield queues of these services that nobody asks for: of an earlier or a later version.

    Such a queue is no reason to fail: an upgrade that drops a subscription would stop at it, and
    so would going back from one that added it.
    """
    for each in api.listed("queues"):
        name = each["name"]
        if not name.startswith(plan.owned) or name in plan.queues:
            continue
        what, held = f"queue {name}", f"no subscription reads it, {each.get('messages', 0)} wait"
        if not delete:
            why = f"{held}; --delete-unused removes it once nobody reads it"
            yield Step(what=what, outcome=UNREAD, why=why)
        elif each.get("consumers"):
            yield Step(what=what, outcome=REFUSED, why=f"{held}, but somebody still reads it")
        else:
            yield Step(what=what, outcome=MENDED, why=f"{held}; deleted", act=_drop(api, name))


def _drop(api: BrokerApi, name: str) -> Callable[[], None]:
    return lambda: api.delete_queue(name)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="chassis.run topology SERVICE[,SERVICE...]")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")
    parser.add_argument("--definitions", action="store_true", help="print them for an import")
    parser.add_argument("--vhost", help="that of AMQP_URI by default")
    parser.add_argument("--users", default="{service}", help="each service's user at the broker")
    parser.add_argument("--delete-unused", action="store_true", help="of another version")
    return parser
