"""``@subscribe``: nameko's entrypoint for other services' events, without its defaults.

nameko acknowledges a message whose handler raised, or requeues it for ever, and names its
queue after the handler's method.  Ours acknowledges what is committed, and names queues
after consumer and producer only.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from eventlet.event import Event
from nameko.containers import ServiceContainer
from nameko.extensions import Entrypoint, ProviderCollector, SharedExtension

from chassis import checkpoints
from chassis.blueprint import Blueprint
from chassis.consumer import HEAD_SECONDS, Consumer
from chassis.delivery import Delivery, Handler
from chassis.envelope import Recorded
from chassis.errors import Alarm
from chassis.ids import LANES
from chassis.inbox import Feed, Inbox
from chassis.parked import LADDER
from chassis.reactions import Received, in_unit_of_work
from chassis.storage import Storage
from chassis.telemetry import bound_context
from chassis.topology import subscription_name
from chassis.unit_of_work import UnitOfWork

STOP_SECONDS = 10


class Subscriptions(ProviderCollector, SharedExtension):
    """Every subscription of one service, a consumer for each producer."""

    def __init__(self) -> None:
        super().__init__()
        self._stopping = False
        self._ended: list[Event] = []
        self.alarms: dict[str, str] = {}

    def start(self) -> None:
        """Start a consumer for each producer that a method subscribes to."""
        by_source: dict[str, dict[str, Subscription]] = defaultdict(dict)
        for provider in self._providers:
            for name in provider.types:
                by_source[provider.source][name] = provider
        for source, providers in by_source.items():
            self._start(source, providers)

    def ask_to_stop(self) -> None:
        """Let no consumer begin another batch."""
        self._stopping = True

    def stop(self) -> None:
        """Let every consumer finish its batch; a batch that isn't committed comes again."""
        self.ask_to_stop()
        for ended in self._ended:
            ended.wait(timeout=STOP_SECONDS)

    def _start(self, source: str, providers: Mapping[str, "Subscription"]) -> None:
        config = self.container.config
        storage: Storage = config["storage"]
        blueprint: Blueprint = config["blueprint"]
        feeds: Mapping[str, Feed] = config["feeds"]
        name = subscription_name(blueprint.name, source)
        handlers = {
            wire_name: self._handler(storage, blueprint, name, source, provider)
            for wire_name, provider in providers.items()
        }
        with storage.database.begin() as db:
            checkpoints.announce(db, name, lane=0)
        inbox = Inbox(
            Delivery(
                name,
                storage.database,
                handlers,
                ladder=config.get("retry_seconds", LADDER),
            ),
            storage.database,
            feeds[source],
            lanes=range(LANES),
        )
        consumer = Consumer(
            inbox,
            consumer=blueprint.name,
            source=source,
            amqp_uri=config["AMQP_URI"],
            stopped=lambda: self._stopping,
            alarm=lambda alarm: self._note_alarm(name, alarm),
            head_seconds=config.get("feed_poll_seconds", HEAD_SECONDS),
            wait_seconds=config.get("batch_wait_seconds", 0.0),
        )
        self._run(consumer.run, name)

    def _run(self, run: Callable[[], None], name: str) -> None:
        ended = Event()
        self._ended.append(ended)

        def until_stopped() -> None:
            try:
                run()
            finally:
                ended.send(None)

        self.container.spawn_managed_thread(until_stopped, identifier=name)

    def _note_alarm(self, name: str, alarm: Alarm) -> None:
        self.alarms[name] = str(alarm)
        self.container.config["alarms"][name] = str(alarm)

    def _handler(
        self,
        storage: Storage,
        blueprint: Blueprint,
        name: str,
        source: str,
        provider: "Subscription",
    ) -> Handler:
        def react(work: UnitOfWork, recorded: Recorded) -> None:
            data = blueprint.upstream.load(source, recorded)
            provider.call(work, Received(data=data, envelope=recorded))

        return in_unit_of_work(storage, name, react)


class Subscription(Entrypoint):
    """Deliver one producer's events to a method ``(self, work, received)``.

    Args:
        source: The producing service.
        types: Wire names; the rest of the lanes' traffic is skipped.
    """

    subscriptions = Subscriptions()
    subscribed_method: str

    def __init__(self, source: str, *types: str, **kwargs: Any) -> None:
        self.source = source
        self.types = types
        super().__init__(**kwargs)

    def bind(self, container: ServiceContainer, method_name: str) -> "Subscription":
        """Bind to a container so that a worker runs the method in its event's trace."""
        bound: Subscription = super().bind(container, method_name)
        bound.subscribed_method = method_name
        bound.method_name = "take_event"
        container.service_cls.take_event = _take_event
        return bound

    def setup(self) -> None:
        """Tell the shared extension about this method."""
        self.subscriptions.register_provider(self)

    def stop(self) -> None:
        """Leave the shared extension, which takes nothing new from now on."""
        self.subscriptions.ask_to_stop()
        self.subscriptions.unregister_provider(self)

    def call(self, work: UnitOfWork, received: Received) -> None:
        """Run the method in a nameko worker and wait for it; raises what it raised."""
        done: Event = Event()

        def handle_result(_: Any, result: Any, failure: Any) -> tuple[Any, Any]:
            done.send(failure[1] if failure else result)
            return result, failure

        method = bound_context(partial(_outcome, self.subscribed_method, work, received))
        self.container.spawn_worker(self, (method,), {}, handle_result=handle_result)
        error = done.wait()
        if error is not None:
            raise error


def _take_event(service: Any, method: Callable[[Any], Exception | None]) -> Exception | None:
    return method(service)


def _outcome(name: str, work: UnitOfWork, received: Received, service: Any) -> Exception | None:
    # Returned and not raised: nameko would log a message that may quote a person.
    try:
        getattr(service, name)(work, received)
    except Exception as error:  # noqa: BLE001  # the delivery decides what it means
        return error
    return None


subscribe = Subscription.decorator
