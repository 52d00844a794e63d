"""A listening desk for one brand in Shanghai, without servers."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from chassis.testing.harness import Harness
from listening.bootstrap import BLUEPRINT
from listening.channel_simulator import ChannelSimulator, server
from listening.channels import HttpChannel
from listening.gateways import READER, sending

BRAND = "快书包"
AS_BRAND = ("listening.reply", "listening.reply.brand", "import")
AS_AGENCY = ("listening.reply", "import")


class Desk(Harness):
    """The service, with a tenant, a watch and a persona."""

    def __init__(self, directory: Path, **more: Any) -> None:
        super().__init__(more.pop("blueprint", BLUEPRINT), directory, **more)
        self.receive("identity", "tenant_created", {"zone": "Asia/Shanghai", "country": "CN"})
        self.watch_id = self.post("/v1/watches", {"brand": BRAND, "terms": [BRAND]})["watch_id"]
        persona = self.post("/v1/personas", {"brand": BRAND, "name": "小包"})
        self.persona_id = persona["persona_id"]

    def hear(self, text: str, *, post: str = "1", at: datetime | None = None, **more: Any) -> Any:
        """Hand in one post; ``at`` makes it one of the past."""
        moment = at or self.clock.now()
        body = {
            "platform": "weibo",
            "post_id": post,
            "author_id": "u1",
            "author_name": "Ann",
            "text": text,
            "posted_at": moment.isoformat(),
            "kind": "post",
            **({"occurred_at": moment.isoformat()} if at else {}),
            **more,
        }
        return self.post("/v1/mentions", body)

    def case(self, text: str, **more: Any) -> str:
        """Hand in one post and return its case, open."""
        taken = self.hear(text, **more)
        self.settle()
        return str(taken["conversations"][0]["case_id"])

    def reply(
        self,
        case: str,
        *,
        at: datetime | None = None,
        scopes: Sequence[str] = AS_BRAND,
        persona_id: str | None = "",
        **more: Any,
    ) -> Any:
        """Answer a case and return the response; ``at`` when that happened in the past."""
        persona = self.persona_id if persona_id == "" else persona_id
        body = {"text": "您好,马上查。", "persona_id": persona}
        past = {"occurred_at": at.isoformat()} if at else {}
        return self.call(
            "POST", f"/v1/cases/{case}/replies", {**body, **past}, scopes=scopes, **more
        )

    def wall(self, text: str) -> datetime:
        """Read a wall time of the tenant's zone."""
        return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Shanghai"))

    def later(self, **delta: float) -> None:
        """Let some time pass, with everything that becomes due."""
        self.advance_to(self.clock.now() + timedelta(**delta))

    def count(self, name: str) -> int:
        """Say how often something happened."""
        return self.types().count(name)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Give a desk whose replies wait for a channel."""
    return Desk(tmp_path)


@pytest.fixture
def platforms() -> Iterator[Any]:
    """Give simulated platforms behind a real socket, with the address to reach them."""
    app = ChannelSimulator()
    running = server(app)
    thread = Thread(target=running.serve, daemon=True)
    thread.start()
    app.url = f"http://127.0.0.1:{running.bind_addr[1]}"  # type: ignore[attr-defined]  # for the test only
    yield app
    running.stop()
    thread.join()


@pytest.fixture
def connected(tmp_path: Path, platforms: Any) -> Desk:
    """Give a desk whose replies go out to the simulated platforms."""

    def gateway(storage: Any) -> Any:
        return sending(lambda: HttpChannel(platforms.url), storage)

    gateways = {**BLUEPRINT.gateways, READER: gateway}
    return Desk(tmp_path, blueprint=replace(BLUEPRINT, gateways=gateways))
