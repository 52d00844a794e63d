"""Send drafted replies out, and record what became of them."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from chassis.blueprint import Calls
from chassis.context import digest_of
from chassis.envelope import Recorded
from chassis.errors import Unavailable
from chassis.faults import reach
from chassis.ids import derived_id
from chassis.reactions import context_of
from chassis.storage import Storage
from listening import queries
from listening.case import CASE
from listening.case_commands import RecordReply, RecordReplyFailure
from listening.case_events import ReplyDrafted
from listening.channels import Channel, ChannelClosed, Message, MessageRefused

READER = "channel"


def sending(channel: Callable[[], Channel], storage: Storage) -> Calls:
    """Return the calls that a drafted reply asks for.

    Args:
        channel: Opens the way out, at the first reply.
        storage: Where the outcome is recorded.
    """
    opened: list[Channel] = []

    def send(recorded: Recorded) -> None:
        drafted: ReplyDrafted = storage.registry.decode(recorded, storage.keys)
        if drafted.already_sent:
            return
        if not opened:
            opened.append(channel())
        _send(opened[0], storage, recorded, drafted)

    return {storage.registry.kind_for(ReplyDrafted).name: send}


def _send(channel: Channel, storage: Storage, recorded: Recorded, drafted: ReplyDrafted) -> None:
    record = partial(_record, storage, recorded)
    message = _message(storage, recorded.tenant, drafted)
    if message is None:
        record(_failure(drafted, "author_forgotten", final=True))
        return
    try:
        platform_id = channel.send(message, idempotency_key=str(drafted.reply_id))
    except Unavailable:
        record(_failure(drafted, "unavailable", final=False))
        raise
    except ChannelClosed:
        record(_failure(drafted, "channel_closed", final=True))
    except MessageRefused:
        record(_failure(drafted, "message_refused", final=True))
    else:
        reach("channel.sent")
        _record_sent(storage, recorded, drafted, platform_id)


def _record_sent(
    storage: Storage, recorded: Recorded, drafted: ReplyDrafted, platform_id: str
) -> None:
    # Somebody who was erased meanwhile was answered all the same; only the id is not kept.
    readable = storage.keys.open_key(recorded.tenant, str(drafted.author_account)) is not None
    command = RecordReply(
        case_id=drafted.case_id,
        reply_id=drafted.reply_id,
        at=storage.clock.now(),
        platform_reply_id=platform_id if readable else None,
    )
    _record(storage, recorded, command)


def _message(storage: Storage, tenant: str, drafted: ReplyDrafted) -> Message | None:
    with storage.read(tenant) as db:
        post = queries.post_of(db, tenant, drafted.mention_id, storage.keys)
    if post is None or post.post_id is None or post.author_id is None or drafted.text is None:
        return None
    return Message(
        platform=drafted.platform,
        in_reply_to=post.post_id,
        to=post.author_id,
        persona=drafted.persona_name,
        text=drafted.text,
    )


def _failure(drafted: ReplyDrafted, error: str, *, final: bool) -> RecordReplyFailure:
    return RecordReplyFailure(
        case_id=drafted.case_id, reply_id=drafted.reply_id, error=error, final=final
    )


def _record(
    storage: Storage, recorded: Recorded, command: RecordReply | RecordReplyFailure
) -> None:
    """Record an outcome in a transaction of its own, once, at the moment it became known."""
    outcome = command.error if isinstance(command, RecordReplyFailure) else "sent"
    command_id = derived_id(recorded.tenant, recorded.id, READER, outcome)
    context = replace(
        context_of(recorded, READER, storage.secret),
        command_id=command_id,
        digest=digest_of(storage.secret, str(command_id).encode()),
        now=max(storage.clock.now(), recorded.occurred_at),
    )
    with storage.begin(context) as work:
        work.execute(CASE, command.case_id, command)
