"""A real broker is brought to what the services need, and lets each do no more than its part."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import amqp
import pytest

from chassis import broker_plan, run, topology_job
from chassis.broker import Broker
from chassis.roles import blueprint_of
from chassis.testing.fixtures import fresh_name
from chassis.testing.servers import PrivateRabbitMQ
from chassis.testing.web import Tokens
from chassis.topology import event_exchange, lane_key, ordered_queue
from service_process import Place, wait_for

SERVICES = "greeter,listener"
PASSWORD = "of-a-test"


class Site:
    """One virtual host, and topology run against it."""

    def __init__(self, rabbitmq: PrivateRabbitMQ, vhost: str, said: Any) -> None:
        self.rabbitmq, self.vhost, self._said = rabbitmq, vhost, said
        self.uri = rabbitmq.vhost(vhost)
        for user in SERVICES.split(","):
            body = {"password": PASSWORD, "tags": ""}
            rabbitmq.api("PUT", f"/api/users/{user}", body)

    def reconcile(self, *words: str) -> tuple[int, str]:
        """Run topology; return its exit code and what it said."""
        code = run.main(["topology", SERVICES, *words])
        return code, self._said.readouterr().out

    def api(self, method: str, path: str, body: Any = None) -> Any:
        return self.rabbitmq.api(method, f"/api/{path.format(quote(self.vhost, safe=''))}", body)

    def uri_of(self, user: str) -> str:
        return f"amqp://{user}:{PASSWORD}@127.0.0.1:{self.rabbitmq.port}/{self.vhost}"


@pytest.fixture
def site(
    rabbitmq: PrivateRabbitMQ,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Site]:
    site = Site(rabbitmq, fresh_name(request), capsys)
    monkeypatch.setenv("AMQP_URI", site.uri)
    monkeypatch.setenv("BROKER_MANAGEMENT_URL", rabbitmq.management_url)
    yield site
    rabbitmq.drop_vhost(site.vhost)


@pytest.mark.servers
def test_the_second_run_finds_everything_as_it_should_be(site: Site) -> None:
    """An upgrade that runs it again disturbs nothing."""
    code, said = site.reconcile("--dry-run")
    assert (code, "would be made queue listener.on.greeter.3" in said) == (0, True)
    assert site.api("GET", "queues/{}") == []

    code, said = site.reconcile()
    assert (code, "\nmade permissions of greeter\n" in said) == (0, True)
    assert "of-a-test" not in said
    code, said = site.reconcile()
    assert (code, said) == (0, "30 of 30 were as they should be\n")
    assert {each["arguments"]["x-queue-type"] for each in site.api("GET", "queues/{}")} == {
        "quorum"
    }


@pytest.mark.servers
def test_imported_definitions_are_the_same(site: Site, rabbitmq: PrivateRabbitMQ) -> None:
    """An operator who imports the file instead gets what the services expect."""
    _, printed = site.reconcile("--definitions", "--vhost", site.vhost)
    wanted = {key: value for key, value in json.loads(printed).items() if key != "permissions"}
    for kind in wanted.values():
        for each in kind:
            each.pop("vhost")
    rabbitmq.api("POST", f"/api/definitions/{site.vhost}", wanted)

    _, said = site.reconcile("--dry-run")
    assert said.splitlines() == [
        "would be made permissions of greeter",
        "would be made permissions of listener",
        "28 of 30 were as they should be",
    ]


@pytest.mark.servers
def test_drift_is_mended_or_named(site: Site) -> None:
    """What an earlier version or a hand left behind would lose or double events silently."""
    site.api("PUT", "queues/{}/listener.on.greeter.2", {"durable": True, "arguments": {}})
    code, said = site.reconcile()
    assert code == 1
    assert "refused queue listener.on.greeter.2: arguments is {}" in said.replace(
        "{'x-queue-type': 'classic'}", "{}"
    )
    site.api("DELETE", "queues/{}/listener.on.greeter.2")
    wrong = {"routing_key": "greeted", "arguments": {}}
    site.api("POST", "bindings/{}/e/greeter.events/q/listener.on.greeter.1", wrong)
    site.api("DELETE", "bindings/{}/e/greeter.events/q/listener.on.greeter.0/lane.04")
    changed = {"pattern": "^x$", "definition": {"max-length": 1}, "apply-to": "queues"}
    site.api("PUT", "policies/{}/sixfold-subscriptions", changed)

    code, said = site.reconcile()

    assert code == 0
    for line in (
        "made queue listener.on.greeter.2",
        "made binding greeter.events -> listener.on.greeter.0 (lane.04)",
        "mended binding greeter.events -> listener.on.greeter.1 (greeted)",
        "mended policy sixfold-subscriptions",
    ):
        assert line in said
    assert site.reconcile() == (0, "30 of 30 were as they should be\n")


@pytest.mark.servers
def test_a_queue_of_another_version_stops_nothing(site: Site) -> None:
    """An upgrade that drops a subscription would stop there, and so would the way back from one."""
    site.reconcile()
    site.api("PUT", "queues/{}/listener.on.stranger.0", broker_plan.queue_body())
    for words in ((), ("--dry-run",)):
        code, said = site.reconcile(*words)
        assert code == 0
        assert said.startswith("unread queue listener.on.stranger.0: no subscription reads it, 0 w")
        assert said.endswith("30 of 31 were as they should be\n")

    with Broker.at(site.uri).connected() as connection:
        connection.channel().basic_consume("listener.on.stranger.0")
        wait_for(lambda: consumers(site) == 1, "the broker counts who reads it")
        code, said = site.reconcile("--delete-unused")
        assert (code, said.partition(":")[0]) == (1, "refused queue listener.on.stranger.0")
    wait_for(lambda: consumers(site) == 0, "nobody reads it any more")
    code, said = site.reconcile("--delete-unused")
    assert (code, said.partition(":")[0]) == (0, "mended queue listener.on.stranger.0")
    assert site.reconcile() == (0, "30 of 30 were as they should be\n")


@pytest.mark.servers
def test_a_service_can_neither_write_nor_read_what_is_anothers(site: Site) -> None:
    """A service that was taken over could forge another's events, or read what is not its own."""
    site.reconcile()
    with Broker.at(site.uri_of("listener")).connected() as connection:
        forged = event_exchange("greeter")
        channel, message = connection.channel(), amqp.Message(b"{}")
        with pytest.raises(amqp.AccessRefused):
            channel.basic_publish_confirm(message, exchange=forged.name, routing_key="greeted")
    with Broker.at(site.uri_of("greeter")).connected() as connection:
        queue = ordered_queue("listener", "greeter", 0).name
        with pytest.raises(amqp.AccessRefused):
            connection.channel().basic_get(queue)
        with pytest.raises(amqp.AccessRefused):
            connection.channel().queue_bind(queue, forged.name, lane_key(1))
        with pytest.raises(amqp.AccessRefused):
            connection.channel().exchange_declare("mine.events", "topic", auto_delete=False)


@pytest.mark.servers
@pytest.mark.journey
def test_services_run_with_no_more_rights_than_these(site: Site, tmp_path: Path) -> None:
    """An installation with narrow rights would not start."""
    site.reconcile()
    tokens = Tokens(tmp_path)
    greeter = Place("greeter", tmp_path, site.uri_of("greeter"), tokens)
    feeds = f"greeter={greeter.address}"
    listener = Place("listener", tmp_path, site.uri_of("listener"), tokens, feeds=feeds)
    with greeter.running("worker", "relay"), listener.running("worker") as (reading,):
        wait_for(lambda: greeter.answers("/healthz") is not None, "it answers")
        greeter.post("/v1/greetings/a", {"number": 1})
        wait_for(lambda: listener.numbers("a") == [1], "it was published and handled")
        wait_for(lambda: consumers(site) == 4, "it reads its queues")
        assert "AccessRefused" not in reading.said()


def consumers(site: Site) -> int:
    return sum(each.get("consumers", 0) for each in site.api("GET", "queues/{}"))


@pytest.mark.servers
def test_a_missing_user_is_named_and_no_password_made_up(site: Site) -> None:
    """An operator learns what to make; a password that nobody chose is nobody's secret."""
    code, said = site.reconcile("--users", "nobody_{service}")
    assert code == 1
    assert "refused permissions of nobody_greeter: there is no such user" in said


def test_a_blueprint_names_the_sources_that_it_declares() -> None:
    """A queue that topology does not make is a subscription that never hears anything."""
    assert blueprint_of("listener").sources == ["greeter"]
    assert topology_job.vhost_of("amqp://mq") == "/"
