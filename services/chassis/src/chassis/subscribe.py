"""``@subscribe``: nameko's entrypoint for other services' events, without its defaults.

nameko acknowledges a message whose handler raised, or requeues it for ever, and names its
queue after the handler's method.  Ours acknowledges what is committed, and names queues
after consumer and producer only.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
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
from chassis.errors import Alarm, Conflict, Unavailable
from chassis.ids import LANES
from chassis.inbox import Feed, Inbox
from chassis.leases import LEASE_SECONDS, Leases
from chassis.parked import LADDER
from chassis.reactions import Received, Works, in_unit_of_work, in_works
from chassis.settings import SettingsInvalid
from chassis.storage import Storage
from chassis.telemetry import bound_context
from chassis.topology import subscription_name
from chassis.unit_of_work import UnitOfWork
from chassis.upstream import Upstream

STOP_SECONDS = 10
# The service object of the nameko worker that runs now.
_serving: ContextVar[Any] = ContextVar("serving")


class Subscriptions(ProviderCollector, SharedExtension):
    """Every subscription of one service, a consumer for each producer."""

    def __init__(self) -> None:
        super().__init__()
        self._stopping = False
        self._ended: list[Event] = []
        self.alarms: dict[str, str] = {}

    def start(self) -> None:
        """Start a consumer for each producer that a method subscribes to."""
        by_source: dict[str, list[Subscription]] = defaultdict(list)
        for provider in self._providers:
            by_source[provider.source].append(provider)
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

    def _start(self, source: str, providers: Sequence["Subscription"]) -> None:
        config = self.container.config
        storage: Storage = config["storage"]
        blueprint: Blueprint = config["blueprint"]
        name = subscription_name(blueprint.name, source)
        with storage.system.begin() as db:
            checkpoints.announce(db, name, lane=0)
        leases = Leases(
            storage.system,
            name,
            config["worker"],
            seconds=config.get("lease_seconds", LEASE_SECONDS),
        )
        consumer = Consumer(
            self._inbox(name, source, providers),
            consumer=blueprint.name,
            source=source,
            broker=config["broker"],
            stopped=lambda: self._stopping,
            alarm=lambda alarm: self._note_alarm(name, alarm),
            head_seconds=config.get("feed_poll_seconds", HEAD_SECONDS),
            wait_seconds=config.get("batch_wait_seconds", 0.0),
            shares=leases,
        )
        # A busy handler must not let its lease run out, so renewing has a greenthread of its own.
        self._run(lambda: leases.keep(lambda: self._stopping), f"{name}.leases")
        self._run(lambda: self._consume(consumer, leases), name)

    def _consume(self, consumer: Consumer, leases: Leases) -> None:
        consumer.run()
        if self._stopping:  # one that is alarmed keeps its shares: nobody may go on with them
            with suppress(Unavailable, Conflict):
                leases.leave()

    def _inbox(self, name: str, source: str, providers: Sequence["Subscription"]) -> Inbox:
        config = self.container.config
        storage: Storage = config["storage"]
        ladder = config.get("retry_seconds", LADDER)
        handlers = handlers_of(storage, config["blueprint"].upstream, name, source, providers)
        delivery = Delivery(
            name, storage.system, handlers, ladder=ladder, around=providers[0].in_worker
        )
        feeds: Mapping[str, Feed] = config["feeds"]
        if source not in feeds:
            raise SettingsInvalid([f"FEEDS: {name} reads {source}; say {source}=http://..."])
        return Inbox(delivery, storage.system, feeds[source], lanes=range(LANES))

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


class Subscription(Entrypoint):
    """Deliver one producer's events to a method ``(self, work, received)``.

    With ``batch=True`` the method is ``(self, works, received)`` and gets a list: everything
    of its types that came together, each stream's events in order.  Rows are written through
    ``works.db``; what is recorded because of one event goes through ``works.of(one)``.  If
    such a method raises, what it did is undone and it is called again for each event alone.

    Args:
        source: The producing service.
        types: Wire names; the rest of the lanes' traffic is skipped.
        batch: The method takes many events at once.
    """

    subscriptions = Subscriptions()
    subscribed_method: str

    def __init__(self, source: str, *types: str, batch: bool = False, **kwargs: Any) -> None:
        self.source = source
        self.types = types
        self.batch = batch
        super().__init__(**kwargs)

    def bind(self, container: ServiceContainer, method_name: str) -> "Subscription":
        """Bind to a container so that a worker runs the method in its event's trace."""
        bound: Subscription = super().bind(container, method_name)
        bound.subscribed_method = method_name
        bound.method_name = "take_events"
        container.service_cls.take_events = _take_events
        return bound

    def setup(self) -> None:
        """Tell the shared extension about this method."""
        self.subscriptions.register_provider(self)

    def stop(self) -> None:
        """Leave the shared extension, which takes nothing new from now on."""
        self.subscriptions.ask_to_stop()
        self.subscriptions.unregister_provider(self)

    def in_worker(self, run: Callable[[], Any]) -> Any:
        """Run something in a nameko worker and wait for it; raises what it raised."""
        done: Event = Event()

        def handle_result(_: Any, result: Any, failure: Any) -> tuple[Any, Any]:
            done.send((failure[1], None) if failure else result)
            return result, failure

        bound = bound_context(partial(_outcome, run))
        self.container.spawn_worker(self, (bound,), {}, handle_result=handle_result)
        error, result = done.wait()
        if error is not None:
            raise error
        return result

    def method(self) -> Callable[[Any, Any], None]:
        """Return the subscribed method of the service object that serves now."""
        method: Callable[[Any, Any], None] = getattr(_serving.get(), self.subscribed_method)
        return method


def serving(service: Any, run: Callable[[], Any]) -> Any:
    """Run something with a service object at hand, as a nameko worker does."""
    before = _serving.set(service)
    try:
        return run()
    finally:
        _serving.reset(before)


def handlers_of(
    storage: Storage,
    upstream: Upstream,
    reader: str,
    source: str,
    providers: Sequence[Subscription],
) -> Mapping[str, Handler]:
    """Return the handlers of one producer's events, by wire name."""
    single = {name: at for at in providers if not at.batch for name in at.types}

    def received(event: Recorded) -> Received:
        return Received(data=upstream.load(source, event), envelope=event)

    def react(work: UnitOfWork, event: Recorded) -> None:
        single[event.type].method()(work, received(event))

    def react_to_all(provider: Subscription, works: Works) -> None:
        provider.method()(works, [received(event) for event in works.fresh])

    each = in_unit_of_work(storage, reader, react)
    together = {
        name: in_works(storage, reader, partial(react_to_all, provider))
        for provider in providers
        if provider.batch
        for name in provider.types
    }
    return {**dict.fromkeys(single, each), **together}


def _take_events(service: Any, run: Callable[[Any], tuple[Exception | None, Any]]) -> Any:
    return run(service)


def _outcome(run: Callable[[], Any], service: Any) -> tuple[Exception | None, Any]:
    # Returned and not raised: nameko would log a message that may quote a person.
    _serving.set(service)
    try:
        return None, run()
    except Exception as error:  # noqa: BLE001  # the delivery decides what it means
        return error, None


subscribe = Subscription.decorator
