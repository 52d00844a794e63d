"""Many buyers at the same moment, on a database server: exactly the stock is sold, in order."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.servers
STOCK, BUYERS, AT_ONCE = 20, 300, 16


@pytest.fixture
def busy_shop(shop_on: Any, tmp_path: Path, postgresql_url: str) -> Iterator[Any]:
    shop = shop_on(tmp_path, postgresql_url)
    yield shop
    shop.service.storage.database.close()


def all_at_once(act: Callable[[Any], Any], things: list[Any]) -> list[Any]:
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(act, things))


def test_a_rush_sells_exactly_the_stock_to_those_who_came_first(
    busy_shop: Any, site_of: Any
) -> None:
    """Buyers who come at once would get the same piece, or lose to those who came later."""
    shop, site = busy_shop, site_of(busy_shop)
    people = [f"buyer-{number}" for number in range(BUYERS)]
    site.verify(*people)
    drop_id = site.announce(STOCK, channel_exclusive="qzone")

    answers = all_at_once(lambda who: site.try_to_enter(drop_id, who), people)

    assert Counter(answer.status_code for answer in answers) == {201: BUYERS}
    entries = {answer.json["entry_id"]: answer.json for answer in answers}
    shop.settle()
    arrived = [str(entry.event.entry_id) for entry in shop.service.happened("drop_entered")]
    assert sorted(arrived) == sorted(entries)
    granted = [entry_id for entry_id in arrived if entries[entry_id]["status"] == "granted"]
    assert granted == arrived[:STOCK]
    places = [entries[entry_id]["place_in_line"] for entry_id in arrived[STOCK:]]
    assert places == list(range(1, BUYERS - STOCK + 1))

    who = {answer.json["entry_id"]: person for answer, person in zip(answers, people, strict=True)}
    ordered = all_at_once(
        lambda entry_id: site.try_to_order(entries[entry_id], who[entry_id]), granted
    )
    assert Counter(answer.status_code for answer in ordered) == {201: STOCK}
    shop.settle()
    shown = site.show(drop_id)
    assert (shown["state"], shown["sold"], shown["waiting"]) == ("sold_out", STOCK, BUYERS - STOCK)
    assert site.stock(drop_id) == (STOCK, 0, STOCK)
    assert len(shop.service.happened("drop_sold_out")) == 1
    assert shop.money()["difference"] == 0
