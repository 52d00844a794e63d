"""The internal feed: a log read lane by lane by the services that subscribe to it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx
from sqlalchemy import Connection

from chassis import gate, trust
from chassis.envelope import Recorded
from chassis.errors import Rejected, Unavailable
from chassis.inbox import ForkedLog
from chassis.log import LaneHead
from chassis.storage import log_on
from chassis.telemetry.outbound import measured
from chassis.wire import from_text, to_text

SCOPE = "log.read"
_CONFLICT = 409


class LaneForked(Rejected):
    """The reader's chain is not this log's chain at that position."""

    code = "lane_forked"


def read_heads(db: Connection) -> dict[str, Any]:
    """Return what the feed answers for its heads."""
    return {
        str(lane): {"position": head.position, "chain": head.chain.hex()}
        for lane, head in log_on(db).lane_heads().items()
    }


def read_lane(db: Connection, lane: int, after: LaneHead, *, limit: int, source: str) -> list[str]:
    """Return the next events of a lane as lines; raises LaneForked."""
    log = log_on(db)
    if after.position:
        last = log.at(after.position)
        if last is None or last.chain != after.chain:
            raise LaneForked(f"lane {lane} has another event at {after.position}")
    return [to_text(event, source) for event in log.lane_after(lane, after.position, limit=limit)]


class HttpFeed:
    """A producer's feed over HTTP.

    Args:
        base_url: Where the producer answers inside the cluster, never on the ingress.
        token: Returns a bearer token of this service's own identity.
    """

    def __init__(self, base_url: str, token: Callable[[], str]) -> None:
        self._client = httpx.Client(base_url=base_url, timeout=10, verify=trust.context())
        self._token = token

    def heads(self) -> Mapping[int, LaneHead]:
        """Return the head of every lane that has events; raises Unavailable."""
        found = self._get("/internal/v1/log/heads", {})
        return {
            int(lane): LaneHead(position=head["position"], chain=bytes.fromhex(head["chain"]))
            for lane, head in found.items()
        }

    def lane_after(self, lane: int, after: LaneHead, *, limit: int) -> Sequence[Recorded]:
        """Return the next events of a lane; raises ForkedLog, Unavailable."""
        query = {"after": after.position, "chain": after.chain.hex(), "limit": limit}
        found = self._get(f"/internal/v1/log/lanes/{lane}", query)
        return [from_text(line) for line in found["events"]]

    def _get(self, path: str, query: Mapping[str, Any]) -> Any:
        gate.passes("call")
        headers = {"Authorization": f"Bearer {self._token()}"}
        try:
            answer = measured("feed", lambda: self._client.get(path, params=query, headers=headers))
        except httpx.HTTPError as error:
            raise Unavailable(f"the feed at {self._client.base_url} does not answer") from error
        if answer.status_code == _CONFLICT:
            raise ForkedLog(answer.json().get("detail", "the log was forked"))
        if not answer.is_success:
            raise Unavailable(f"the feed answered {answer.status_code}")
        return answer.json()


class LocalFeed:
    """A feed on a database that this process can open; for tools and tests."""

    def __init__(self, read: Callable[[], Any], source: str) -> None:
        self._read = read
        self._source = source

    def heads(self) -> Mapping[int, LaneHead]:
        """Return the head of every lane that has events."""
        with self._read() as db:
            return log_on(db).lane_heads()

    def lane_after(self, lane: int, after: LaneHead, *, limit: int) -> Sequence[Recorded]:
        """Return the next events of a lane; raises ForkedLog."""
        with self._read() as db:
            try:
                lines = read_lane(db, lane, after, limit=limit, source=self._source)
            except LaneForked as error:
                raise ForkedLog(str(error)) from error
        return [from_text(line) for line in lines]
