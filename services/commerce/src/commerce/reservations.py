"""Hold goods of one article for many buyers at once, each hold a fact of its own."""

from collections.abc import Sequence

from chassis.context import Context
from chassis.storage import Storage
from commerce.events import StockEvent
from commerce.stock import STOCK, Reserve


def reserve(storage: Storage, context: Context, wanted: Reserve) -> Sequence[StockEvent]:
    """Hold goods, in the order of arrival, together with whoever wants the same article now.

    The same command id again gives the first outcome.

    Args:
        storage: The service's.
        context: Why; its command id is the buyer's.
        wanted: How much of what, for which order.

    Returns:
        What was recorded.

    Raises:
        OutOfStock: there is less than that.
        CommandReused: the command id belongs to another command.
        Conflict: somebody wrote who did not wait for his turn; try again.
        Unavailable: the database does not answer.
    """
    return storage.hot.execute(context, STOCK, wanted.place, wanted).events
