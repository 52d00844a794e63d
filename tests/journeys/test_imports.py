"""A user's own CSV files, through the real command."""

import csv
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from installation import Installation, eventually
from sixfold.main import app
from sixfold.stack import clients_of

pytestmark = [pytest.mark.journey, pytest.mark.servers]

CONTENT = (
    "mention_detected", "order_placed", "session_recorded", "touch_recorded", "account_observed",
    "brand_followed", "case_opened", "person_registered",
)  # fmt: skip
MENTIONS = (
    "platform", "post_id", "author_id", "author_name", "text", "posted_at", "kind", "parent_id",
    "root_id",
)  # fmt: skip
JOURNEYS = (
    "user_id", "session_id", "event", "timestamp", "platform", "acquisition_channel",
    "user_cohort", "user_lifecycle",
)  # fmt: skip


def written(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a file as a spreadsheet would; return its path."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return str(path)


def mention(text: str, *, kind: str = "post", at: str = "2024-06-20T10:00:00+08:00") -> list[str]:
    return ["weibo", f"p-{uuid4()}", f"a-{uuid4()}", "陳小姐", text, at, kind, "", ""]


def content(installation: Installation) -> dict[str, int]:
    """Count the events that imports can add, once nothing is under way."""
    installation.settle()
    counts = installation.counts()
    return {name: counts[name] for name in CONTENT}


def gained(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    return {name: after[name] - before[name] for name in CONTENT if after[name] != before[name]}


def journey(installation: Installation, user: str, *, day: int = 0) -> list[list[str]]:
    """Return the rows of a visit that ended in an order."""
    began = installation.stack.clock.now() - timedelta(days=day)
    steps = ("home", "product_view", "add_to_cart", "purchase")
    return [
        [user, f"s-{user}", step, f"{began + timedelta(seconds=place):%Y-%m-%d %H:%M:%S}",
         "mobile", "social", "2024-06", "new"]
        for place, step in enumerate(steps)
    ]  # fmt: skip


def test_good_mentions_are_kept_bad_ones_named_and_a_second_time_adds_nothing(
    installation: Installation, tmp_path: Path
) -> None:
    """A user could not tell which of their rows are missing, or would count them twice."""
    rows = [
        mention("燈籠茶嘅陳皮好香"),
        mention("Lantern Tea again, gladly"),
        mention("Lantern Tea", kind="shout"),
        mention("Lantern Tea", at="2024-06-20T10:00:00"),
        mention("Lantern Tea")[:5],
        mention("something about coffee"),
    ]
    file = written(tmp_path / "mentions.csv", MENTIONS, rows)
    before = content(installation)
    first = installation.sixfold("import", "mentions", file)
    added = content(installation)
    second = installation.sixfold("import", "mentions", file)
    assert (first.returncode, second.returncode) == (1, 1)
    for line, reason in ((4, "kind is not one of"), (5, "posted_at has no zone"), (6, "5 fields")):
        assert f"refused  line {line}: {reason}" in first.stdout
    assert "2 new mentions, 0 known already, 1 of no watch, 3 refused" in first.stdout
    assert "0 new mentions, 2 known already, 1 of no watch, 3 refused" in second.stdout
    assert gained(before, added) == {"mention_detected": 2, "account_observed": 2, "case_opened": 2}
    assert content(installation) == added


def test_good_journeys_are_kept_bad_ones_named_and_a_second_time_adds_nothing(
    installation: Installation, tmp_path: Path
) -> None:
    """A shop that sends yesterday's file once more would sell everything twice."""
    good = journey(installation, f"u-{uuid4()}")
    bad = [["", "s", "home", "2024-01-01 10:00:00", "web", "social", "c", "new"],
           ["u", "s", "home", "yesterday", "web", "social", "c", "new"]]  # fmt: skip
    file = written(tmp_path / "journeys.csv", JOURNEYS, [*good, *bad])
    before = content(installation)
    first = installation.sixfold("import", "journeys", file)
    added = content(installation)
    second = installation.sixfold("import", "journeys", file)
    assert (first.returncode, second.returncode) == (1, 1)
    assert "refused  line 6: user_id is empty." in first.stdout
    assert "refused  line 7: timestamp is not a date and time" in first.stdout
    assert "1 new visits, 1 new orders, 0 new chats, 0 known already, 2 refused" in first.stdout
    assert "0 new visits, 0 new orders, 0 new chats, 2 known already, 2 refused" in second.stdout
    assert gained(before, added) == {
        "order_placed": 1, "session_recorded": 1, "touch_recorded": 1, "account_observed": 1,
        "brand_followed": 1,
    }  # fmt: skip
    assert content(installation) == added


def test_the_same_journeys_in_a_longer_file_are_still_known(
    installation: Installation, tmp_path: Path
) -> None:
    """Whoever adds rows at the top of their file would order everything below again."""
    old = journey(installation, f"u-{uuid4()}")
    new = journey(installation, f"u-{uuid4()}", day=1)
    first = installation.sixfold("import", "journeys", written(tmp_path / "one.csv", JOURNEYS, old))
    second = installation.sixfold(
        "import", "journeys", written(tmp_path / "two.csv", JOURNEYS, [*new, *old])
    )
    assert first.returncode == second.returncode == 0, first.stdout + second.stdout
    assert "1 new visits, 1 new orders, 0 new chats, 2 known already" in second.stdout


def test_imported_purchases_are_paid_and_handed_to_the_warehouse(
    installation: Installation, tmp_path: Path
) -> None:
    """Orders of the past would expire instead of being paid, as their deadlines are over."""
    rows = [*journey(installation, f"u-{uuid4()}"), *journey(installation, f"u-{uuid4()}", day=60)]
    before = installation.counts()
    done = installation.sixfold("import", "journeys", written(tmp_path / "j.csv", JOURNEYS, rows))
    assert done.returncode == 0, done.stdout
    installation.settle()
    after = installation.counts()
    assert after["fulfilment_requested"] - before["fulfilment_requested"] == 2


def test_another_tenant_sells_its_own_goods(installation: Installation, tmp_path: Path) -> None:
    """Only the demonstration's shop could import its journeys."""
    tenant = "kiosk12345"
    clients = clients_of(installation.stack.addresses.urls, installation.stack.token, tenant)
    terms = {"name": "Kiosk", "zone": "Asia/Taipei", "currency": "TWD", "country": "TW"}
    clients["identity"].post("/v1/tenants", terms)
    rows = journey(installation, f"u-{uuid4()}")
    file = written(tmp_path / "journeys.csv", JOURNEYS, rows)
    without = installation.sixfold("import", "journeys", file, "--tenant", tenant)
    assert "refused  line 5: the tenant offers no product" in without.stdout
    began = (installation.stack.clock.now() - timedelta(days=1)).isoformat()
    price = {"amount": 14900, "currency": "TWD"}
    product = {"sku": "umbrella", "title": "雨傘", "list": price, "sale": price}
    clients["commerce"].post("/v1/products", {**product, "occurred_at": began})
    clients["commerce"].post("/v1/stock/receipts", {"sku": "umbrella", "qty": 5})
    eventually(lambda: clients["commerce"].get("/v1/products")["products"], "the product is listed")
    done = installation.sixfold("import", "journeys", file, "--tenant", tenant)
    assert (done.returncode, "1 new orders" in done.stdout) == (0, True), done.stdout
    (placed,) = [
        one.event
        for one in installation.events("commerce", "order_placed")
        if one.recorded.tenant == tenant
    ]
    assert [line.sku for line in placed.lines] == ["umbrella"]


@pytest.mark.parametrize("what", ["mentions", "journeys"])
def test_files_that_are_no_table_are_refused_in_words(
    what: str, installation: Installation, tmp_path: Path
) -> None:
    """A user would be shown a traceback, or half of a wrong file would be imported."""
    picture, strange, empty = (tmp_path / name for name in ("a.png", "b.csv", "c.csv"))
    picture.write_bytes(b"\x89PNG\r\n\x1a\n\x00\xff\xfe")
    written(strange, ["[red]colour", "size"], [["1", "2"]])
    empty.touch()

    def tried(path: Path) -> Any:
        stack = str(installation.stack.directory)
        return CliRunner().invoke(app, ["import", what, str(path), "--stack", stack])

    expected = ("line 1: Not UTF-8", "line 1: Unknown columns: [red]colour, size.", "line 1: The")
    for path, reason in zip((picture, strange, empty), expected, strict=True):
        done = tried(path)
        assert (done.exit_code, done.stderr) == (1, "")
        assert f"refused  {reason}" in done.stdout
    missing = tried(tmp_path / "nowhere.csv")
    assert (missing.exit_code, "does not exist" in missing.stderr) == (2, True)


def test_without_a_stack_the_command_says_how_to_start_one(
    installation: Installation, tmp_path: Path
) -> None:
    """Whoever runs the command too early would be shown a traceback."""
    file = written(tmp_path / "mentions.csv", MENTIONS, [])
    done = installation.sixfold("import", "mentions", file, "--stack", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr == f"sixfold: no stack runs in {tmp_path}; `make demo` starts one\n"
