"""The outside world of a private stack: payment provider, SMS operator, social platforms.

Each is the simulator that its service ships; here they share one small process.
"""

import json
import os
import signal
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from cheroot.wsgi import PathInfoDispatcher, Server

from chassis.clock import clock_from
from commerce.partner_simulator import PartnerServer
from commerce.provider_simulator import ProviderSimulator
from commerce.settings import deployment_secret
from identity.sms_simulator import Operator
from listening.channel_simulator import ChannelSimulator

App = Callable[..., Iterable[bytes]]


def apps_of(provider: ProviderSimulator) -> dict[str, App]:
    """Return every simulator under its own path, and how much the provider has still to say."""

    def healthy(_environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps({"untold": provider.untold}).encode()]

    return {"/healthz": healthy, "/sms": Operator(), "/channel": ChannelSimulator()}


def main() -> None:
    """Serve until told to stop."""
    clock_file, directory = os.environ.get("CLOCK_FILE"), Path(os.environ["WORLD_DIRECTORY"])
    provider = ProviderSimulator(
        secret=deployment_secret(),
        clock=clock_from(Path(clock_file) if clock_file else None),
        journal=directory / "payments.jsonl",
    )
    payments = PartnerServer(provider, port=int(os.environ["PAYMENT_PROVIDER_PORT"]))
    others = Server(
        ("127.0.0.1", int(os.environ["WORLD_PORT"])),
        PathInfoDispatcher(apps_of(provider)),  # type: ignore[no-untyped-call]  # cheroot
    )
    leaving = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: leaving.set())
    payments.start()
    threading.Thread(target=others.safe_start, daemon=True).start()
    leaving.wait()
    others.stop()
    payments.stop()


if __name__ == "__main__":
    main()
