"""The way out: a reply handed to a platform, with a key that makes a repeat harmless."""

from dataclasses import asdict, dataclass
from typing import Protocol

import httpx

from chassis.errors import Unavailable
from chassis.telemetry.outbound import measured

_GONE, _TOO_MANY, _SERVER = 410, 429, 500


class ChannelClosed(Exception):
    """The platform takes no reply to this conversation any more."""


class MessageRefused(Exception):
    """The platform will never take this message as it is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """A reply as a platform needs it.

    Args:
        platform: Which one.
        in_reply_to: The post that is answered, in the platform's own words.
        to: Who wrote it, in the platform's own words.
        persona: The name it is signed with.
        text: What it says.
    """

    platform: str
    in_reply_to: str
    to: str
    persona: str
    text: str


class Channel(Protocol):
    """A platform, or whatever stands before several of them."""

    def send(self, message: Message, *, idempotency_key: str) -> str:
        """Publish a reply and return the platform's id of it; the same key publishes once.

        Raises:
            Unavailable: no answer, or not now; trying again may help.
            ChannelClosed: too late for this conversation.
            MessageRefused: never like this.
        """


class HttpChannel:
    """A channel that speaks JSON over HTTP."""

    def __init__(self, base_url: str, *, timeout: float = 10) -> None:
        self._client = httpx.Client(base_url=base_url, timeout=timeout)

    def send(self, message: Message, *, idempotency_key: str) -> str:
        """Publish a reply; raises Unavailable, ChannelClosed, MessageRefused."""
        headers = {"Idempotency-Key": idempotency_key}
        try:
            body = asdict(message)
            answer = measured(
                "channel", lambda: self._client.post("/v1/messages", json=body, headers=headers)
            )
        except httpx.HTTPError as error:
            raise Unavailable("the channel does not answer") from error
        _check(answer.status_code)
        return str(answer.json()["reply_id"])


class NoChannel:
    """Stands in where no platform is connected: replies wait until one is."""

    def send(self, message: Message, *, idempotency_key: str) -> str:
        """Raise Unavailable, always."""
        del message, idempotency_key
        raise Unavailable("no channel is connected")


def _check(status: int) -> None:
    if status == _GONE:
        raise ChannelClosed
    if status >= _SERVER or status == _TOO_MANY:
        raise Unavailable(f"the channel answered {status}")
    if not httpx.codes.is_success(status):
        raise MessageRefused(str(status))
