"""A POST on a hot stream: which command is wanted of it, and how its outcome is answered."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection

from chassis.context import Context
from chassis.decider import Decider
from chassis.hot_batch import Prepare
from chassis.hot_streams import Decided
from chassis.routes import Reply
from chassis.storage import Storage

S = TypeVar("S")


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish(Generic[S]):
    """One command for one stream.

    Args:
        decider: The aggregate's rules.
        entity_id: Which one.
        command: What is asked of it.
        prepare: Completes the commands of a whole batch by what it looks up in the batch's own
            transaction; a function of a module, so that all of its kind are looked up at once.
        answer: Makes the reply of what the command led to, while the others wait: a pure function.
    """

    decider: Decider[S, Any, Any]
    entity_id: object
    command: Any
    answer: Callable[[Decided[S]], Reply]
    prepare: Prepare | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class HotCall:
    """What a hot route's method may know before its command is decided."""

    context: Context
    storage: Storage

    @property
    def now(self) -> datetime:
        """The moment at which the command happens."""
        return self.context.now

    @property
    def tenant(self) -> str:
        """Whose data it touches."""
        return self.context.tenant

    def read(self) -> AbstractContextManager[Connection]:
        """Open a transaction that only reads."""
        return self.storage.read(self.tenant)
