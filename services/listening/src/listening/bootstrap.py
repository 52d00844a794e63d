"""Listening, put together."""

from functools import partial

from environs import FileAwareEnv

from chassis.audit import TRAIL
from chassis.blueprint import Blueprint
from chassis.quotas.metering import metering
from chassis.quotas.stock import Held, Stock
from listening import neighbours, projections
from listening.channels import Channel, HttpChannel, NoChannel
from listening.events import WatchDefined, registry
from listening.gateways import READER, sending
from listening.measures import count_overdue, measuring
from listening.mention_reply import MENTION_REPLY
from listening.upstream import upstream

SETTING = "CHANNEL_URL"


def channel_from_environment() -> Channel:
    """Return the channel that ``CHANNEL_URL`` names; without it replies wait for one."""
    url = FileAwareEnv().str(SETTING, "").rstrip("/")
    return HttpChannel(url) if url else NoChannel()


BLUEPRINT = Blueprint(
    name="listening",
    registry=registry,
    upstream=upstream,
    edge="listening.service:ListeningService",
    # A mention needs the watches, and a new case its author's open cases, as they are now.
    inline=(
        projections.active_watches,
        projections.reply_board,
        Held(Stock(name="watches", comes=[WatchDefined])),
        TRAIL,
    ),
    projections=(projections.known_personas, projections.mention_list, metering()),
    processes=(MENTION_REPLY,),
    gateways={READER: partial(sending, channel_from_environment), "listening_measures": measuring},
    counts=(count_overdue,),
    forget=neighbours.forget_subjects,
)
