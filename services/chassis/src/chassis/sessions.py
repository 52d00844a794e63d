"""Sessions of a PostgreSQL database whose password changes while they last."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Engine, event, make_url
from sqlalchemy.exc import DisconnectionError

OPENED_WITH = "address"
PATIENCE_SECONDS = 5.0
TICK_SECONDS = 0.2


class Address:
    """Where a database is and who asks, as it is now.

    Args:
        now: Returns the SQLAlchemy URL.
    """

    def __init__(self, now: Callable[[], str]) -> None:
        self.now = now


def follow(engine: Engine, address: Address, arguments: Mapping[str, Any]) -> None:
    """Let an engine open its sessions with the address of that moment, and lend no older ones.

    Args:
        engine: Of a PostgreSQL database.
        address: Where it is.
        arguments: What the driver is told besides.
    """

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Any, record: Any, _: Any, told: dict[str, Any]) -> Any:
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            record.info[OPENED_WITH] = now = address.now()
            known: dict[str, Any] = dialect.create_connect_args(make_url(now))[1]
            try:
                return dialect.connect(**{**told, **known, **arguments})
            except dialect.loaded_dbapi.OperationalError as error:
                # A password and its file do not change in the same moment.
                if "authentication failed" not in str(error) or time.monotonic() > until:
                    raise
            time.sleep(TICK_SECONDS)

    @event.listens_for(engine, "checkout")
    def lend(_: Any, record: Any, __: Any) -> None:
        if record.info.get(OPENED_WITH) != address.now():
            raise DisconnectionError

    @event.listens_for(engine, "checkin")
    def take_back(_: Any, record: Any) -> None:
        if record.info.get(OPENED_WITH) != address.now():
            record.invalidate()
