"""Drop: who may take part, whose turn it is, and what a piece can become."""

from dataclasses import replace
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any
from uuid import UUID

import pytest

from chassis.errors import Rejected
from chassis.testing.scenario import Scenario
from commerce import drop_examples as examples
from commerce.drop import (
    DROP,
    DropEntryUnknown,
    EntryNotGranted,
    EntryOfOther,
    EntryOver,
    EntryUsed,
    OrderDiffersFromEntry,
    UnusableTerms,
)
from commerce.drop_admission import (
    DropIsClosed,
    DropIsSoldOut,
    DropLimitReached,
    DropNotOpen,
    DropUnknown,
    EntrantErased,
    NotVerified,
    OtherChannel,
)
from commerce.drop_commands import (
    CallNext,
    Close,
    DropCommand,
    Enter,
    Open,
    ReturnStock,
    Schedule,
    Settle,
    Standing,
    Use,
)
from commerce.drop_events import DropEntered, DropEvent, DropGranted, DropScheduled
from commerce.drop_state import Drop
from commerce.dropping import order_of

OPENS, CLOSES, PAY_UNTIL = examples.OPENS, examples.CLOSES, examples.PAY_UNTIL
SCHEDULED = examples.DROP_SCHEDULED
ONE_LEFT = replace(SCHEDULED, stock=1)
FIRST, SECOND, THIRD = examples.ENTRY_ID, UUID(int=2), UUID(int=3)


def given(*history: DropEvent) -> Scenario[Drop, DropCommand, DropEvent]:
    return Scenario(DROP, history)


def known(*kin: str, verified: bool = True, erased: bool = False) -> Standing:
    phones = frozenset({f"phone-of-{min(kin)}"} if verified else ())
    return Standing(kin=frozenset(kin), phones=phones, erased=erased)


def enter(entry: UUID = FIRST, *kin: str, at: datetime = OPENS, **more: Any) -> Enter:
    kin = kin or ("person-1",)
    asked = {
        "entry_id": entry,
        "person_id": kin[0],
        "standing": known(*kin),
        "qty": 1,
        "origin": examples.ON_QZONE,
        "at": at,
    }
    return Enter(**{**asked, **more})


def entered(entry: UUID, number: int, person: str, qty: int = 1) -> DropEntered:
    came = replace(examples.DROP_ENTERED, entry_id=entry, number=number, person_id=person, qty=qty)
    return replace(came, phones=(f"phone-of-{person}",))


def granted(entry: UUID, person: str, until: datetime = PAY_UNTIL, qty: int = 1) -> DropGranted:
    return replace(
        examples.DROP_GRANTED, entry_id=entry, person_id=person, pay_until=until, qty=qty
    )


def use(entry: UUID = FIRST, *kin: str, at: datetime = OPENS, **more: Any) -> Use:
    asked = {
        "entry_id": entry,
        "standing": known(*(kin or ("person-1",))),
        "order_id": order_of(entry),
        "platform": "qzone",
        "sku": "redmi",
        "qty": 1,
        "at": at,
    }
    return Use(**{**asked, **more})


def settle(outcome: Any, entry: UUID = FIRST, at: datetime = OPENS) -> Settle:
    return Settle(entry_id=entry, outcome=outcome, reason="changed_my_mind", at=at)


def call_next(*kin: str, at: datetime = OPENS, **more: Any) -> CallNext:
    return CallNext(standing=known(*kin, **more), at=at)


GRANTED = (examples.DROP_ENTERED, examples.DROP_GRANTED)
USED = (*GRANTED, examples.DROP_ENTRY_USED)
BOUGHT = (*USED, examples.DROP_ENTRY_BOUGHT)
GIVEN_BACK = (*USED, examples.DROP_ENTRY_GIVEN_BACK)
WAITING = entered(SECOND, 2, "person-2")


def schedule(announced: DropScheduled = SCHEDULED, **changes: Any) -> Schedule:
    fields = {name: getattr(announced, name) for name in DropScheduled.__dataclass_fields__}
    return Schedule(**{**fields, **changes})


def test_a_drop_is_announced_once() -> None:
    """A repeated announcement would set the goods aside twice."""
    given().when(schedule()).then(SCHEDULED)
    given(SCHEDULED).when(schedule()).then_nothing()
    given(SCHEDULED).when(Open()).then(examples.DROP_OPENED)
    given(SCHEDULED, examples.DROP_OPENED).when(Open()).then_nothing()


@pytest.mark.parametrize("changes", [{"closes_at": OPENS}, {"per_person": 3}])
def test_terms_that_nobody_could_keep_are_refused(changes: dict[str, Any]) -> None:
    """Nobody could ever enter, or one person could wait for more than there is."""
    given().when(schedule(**changes)).then_rejected(UnusableTerms)


def test_whoever_comes_while_there_is_some_may_buy_at_once() -> None:
    """A buyer would have to wait although there is enough."""
    given(SCHEDULED).when(enter()).then(*GRANTED)
    given(SCHEDULED, *GRANTED).when(enter()).then_nothing()


def test_whoever_comes_later_waits_behind_all_who_came_before() -> None:
    """A small wish would overtake a larger one that came first."""
    given(ONE_LEFT, *GRANTED).when(enter(SECOND, "person-2")).then(WAITING)
    two = replace(SCHEDULED, per_person=2)
    wants_both = entered(SECOND, 2, "person-2", qty=2)
    given(two, *GRANTED, wants_both).when(enter(THIRD, "person-3")).then(
        entered(THIRD, 3, "person-3")
    )


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        (enter(at=OPENS - timedelta(seconds=1)), DropNotOpen),
        (enter(at=CLOSES), DropIsClosed),
        (enter(origin=replace(examples.ON_QZONE, platform="weibo")), OtherChannel),
        (enter(standing=known("person-1", verified=False)), NotVerified),
        (enter(standing=known("person-1", erased=True)), EntrantErased),
        (enter(qty=2), DropLimitReached),
        (enter(qty=3), DropIsSoldOut),
    ],
)
def test_who_may_not_take_part_is_told_why(asked: Enter, refusal: type[Rejected]) -> None:
    """The goods would go to whom the terms exclude."""
    given(SCHEDULED).when(asked).then_rejected(refusal)
    given().when(asked).then_rejected(DropUnknown)


def test_open_terms_let_everybody_in() -> None:
    """A drop for everybody would refuse most of them."""
    terms = replace(SCHEDULED, channel_exclusive=None, exclusive_until=None, verified_only=False)
    stranger = enter(
        origin=replace(examples.ON_QZONE, platform="weibo"),
        standing=known("person-1", verified=False),
    )
    came = replace(examples.DROP_ENTERED, origin=stranger.origin, phones=())
    given(terms).when(stranger).then(came, examples.DROP_GRANTED)


def test_exclusivity_ends_when_it_was_said_to_end() -> None:
    """The other channels would be kept out for longer than was agreed."""
    early = replace(SCHEDULED, exclusive_until=OPENS)
    elsewhere = replace(examples.ON_QZONE, platform="weibo")
    came = replace(examples.DROP_ENTERED, origin=elsewhere)
    given(early).when(enter(origin=elsewhere)).then(came, examples.DROP_GRANTED)


def test_one_person_has_one_limit_under_all_accounts() -> None:
    """Whoever has many accounts would get everything."""
    again = enter(SECOND, "account-1", "person-1")
    given(SCHEDULED, *GRANTED).when(again).then_rejected(DropLimitReached)
    given(SCHEDULED, *BOUGHT).when(again).then_rejected(DropLimitReached)
    given(SCHEDULED, entered(FIRST, 1, "person-1")).when(again).then_rejected(DropLimitReached)


def test_whose_order_came_to_nothing_may_come_again() -> None:
    """One declined card would shut a buyer out for good."""
    given(SCHEDULED, *GIVEN_BACK).when(enter(SECOND)).then(
        entered(SECOND, 2, "person-1"), granted(SECOND, "person-1")
    )


def test_nothing_is_to_be_had_after_the_end() -> None:
    """Buyers would wait for what never comes."""
    sold_out = (ONE_LEFT, *BOUGHT, examples.DROP_SOLD_OUT)
    given(*sold_out).when(enter(SECOND, "person-2")).then_rejected(DropIsSoldOut)
    given(SCHEDULED, examples.DROP_CLOSED).when(enter()).then_rejected(DropIsClosed)


def test_an_expired_grant_goes_to_the_first_in_line() -> None:
    """Goods that nobody pays for would stay with nobody, or go to who came last."""
    line = (ONE_LEFT, *GRANTED, WAITING, entered(THIRD, 3, "person-3"))
    given(*line).when(settle("none")).then_nothing()
    given(*line).when(settle("none", at=PAY_UNTIL)).then(examples.DROP_GRANT_EXPIRED)
    given(*line).when(call_next("person-2")).then_nothing()
    freed = (*line, examples.DROP_GRANT_EXPIRED)
    until = PAY_UNTIL + timedelta(minutes=15)
    given(*freed).when(call_next("person-2", at=PAY_UNTIL)).then(granted(SECOND, "person-2", until))
    given(*freed, examples.DROP_CLOSED).when(call_next("person-2")).then_nothing()
    given(*freed).when(call_next("person-2", at=CLOSES)).then_nothing()


@pytest.mark.parametrize(
    ("standing", "reason"),
    [
        ({"verified": False}, "not_verified"),
        ({"erased": True}, "erased"),
    ],
)
def test_who_may_not_buy_any_more_is_passed_over(standing: dict[str, bool], reason: str) -> None:
    """The line would stand still behind somebody who gave their phone up."""
    freed = (ONE_LEFT, *GRANTED, WAITING, examples.DROP_GRANT_EXPIRED)
    passed = replace(examples.DROP_ENTRY_PASSED_OVER, entry_id=SECOND, reason=reason)
    given(*freed).when(call_next("person-2", **standing)).then(passed)
    third = entered(THIRD, 3, "person-3")
    given(*freed, third, passed).when(call_next("person-3")).then(granted(THIRD, "person-3"))


def test_two_who_turn_out_to_be_one_get_what_one_gets() -> None:
    """Persons that are merged while they wait would buy more than one person may."""
    two = (replace(SCHEDULED, stock=3), *GRANTED, WAITING)
    passed = replace(examples.DROP_ENTRY_PASSED_OVER, entry_id=SECOND, reason="limit_reached")
    given(*two).when(call_next("person-2", "person-1")).then(passed)
    both = (SCHEDULED, *GRANTED, WAITING, granted(SECOND, "person-2"))
    merged = ("person-1", "person-2")
    given(*both).when(use(FIRST, *merged)).then(examples.DROP_ENTRY_USED)
    given(*both, examples.DROP_ENTRY_USED).when(use(SECOND, *merged)).then_rejected(
        DropLimitReached
    )


def test_who_wants_more_than_can_come_back_is_passed_over() -> None:
    """One wish for too many would keep the last piece from all who come behind it."""
    terms = replace(SCHEDULED, per_person=2)
    wants_two = entered(SECOND, 2, "person-2", qty=2)
    passed = replace(examples.DROP_ENTRY_PASSED_OVER, entry_id=SECOND, qty=2, reason="too_few_left")
    given(terms, *USED, wants_two).when(call_next("person-2")).then_nothing()
    given(terms, *BOUGHT, wants_two).when(call_next("person-2")).then(passed)


def test_a_grant_is_used_once_by_its_own_person_for_what_it_says() -> None:
    """Grants would be traded, used twice, or used for something else."""
    drop = given(SCHEDULED, *GRANTED)
    drop.when(use()).then(examples.DROP_ENTRY_USED)
    drop.when(use(FIRST, "account-1", "person-1")).then(examples.DROP_ENTRY_USED)
    drop.when(use(FIRST, "person-2")).then_rejected(EntryOfOther)
    drop.when(use(qty=2)).then_rejected(OrderDiffersFromEntry)
    drop.when(use(sku="mi-pad")).then_rejected(OrderDiffersFromEntry)
    drop.when(use(platform="weibo")).then_rejected(OtherChannel)
    drop.when(use(SECOND)).then_rejected(DropEntryUnknown)
    drop.when(use(at=PAY_UNTIL)).then_rejected(EntryOver)
    given(SCHEDULED, *USED).when(use()).then_rejected(EntryUsed)
    given(SCHEDULED, *GRANTED, examples.DROP_GRANT_EXPIRED).when(use()).then_rejected(EntryOver)
    given(ONE_LEFT, *GRANTED, WAITING).when(use(SECOND, "person-2")).then_rejected(EntryNotGranted)


def test_the_last_sale_sells_it_out_and_only_once() -> None:
    """Nobody would learn that all is sold, or everybody twice."""
    given(SCHEDULED, *USED).when(settle("stands")).then(examples.DROP_ENTRY_BOUGHT)
    last = replace(examples.DROP_SOLD_OUT, stock=1)
    given(ONE_LEFT, *USED).when(settle("stands")).then(examples.DROP_ENTRY_BOUGHT, last)
    given(ONE_LEFT, *BOUGHT, last).when(settle("stands")).then_nothing()
    undone = replace(examples.DROP_ENTRY_GIVEN_BACK, bought=True)
    given(ONE_LEFT, *BOUGHT, last).when(settle("failed")).then(undone)
    revived = (ONE_LEFT, *BOUGHT, last, undone, examples.DROP_ENTRY_REVIVED)
    given(*revived).when(settle("stands")).then(examples.DROP_ENTRY_BOUGHT)


def test_a_failed_order_gives_its_piece_back_once() -> None:
    """A piece would be lost, or come back twice and be sold to two."""
    given(SCHEDULED, *USED).when(settle("open")).then_nothing()
    given(SCHEDULED, *USED).when(settle("failed")).then(examples.DROP_ENTRY_GIVEN_BACK)
    given(SCHEDULED, *GIVEN_BACK).when(settle("failed")).then_nothing()
    given(SCHEDULED).when(settle("failed")).then_nothing()


def test_an_order_that_comes_back_takes_its_piece_again() -> None:
    """The drop would count a piece as free that a late payment has bought."""
    given(SCHEDULED, *GIVEN_BACK).when(settle("open")).then(examples.DROP_ENTRY_REVIVED)
    given(SCHEDULED, *GIVEN_BACK).when(settle("stands")).then(
        examples.DROP_ENTRY_REVIVED, examples.DROP_ENTRY_BOUGHT
    )
    # The piece was granted to the next one meanwhile: one too many has a right to it now.
    over = DROP.fold(
        [
            ONE_LEFT,
            *GIVEN_BACK,
            WAITING,
            granted(SECOND, "person-2"),
            examples.DROP_ENTRY_REVIVED,
        ]
    )
    assert over.free == -1


def test_what_is_not_sold_is_given_up_at_the_end() -> None:
    """The goods would be kept for a drop that is over."""
    closed = replace(examples.DROP_CLOSED, sold=0)
    given(SCHEDULED, *USED).when(Close()).then(closed)
    given(SCHEDULED, *USED, closed).when(Close()).then_nothing()
    given(SCHEDULED, *USED, closed).when(ReturnStock(qty=1)).then(examples.DROP_STOCK_RETURNED)
    assert DROP.fold([SCHEDULED, *USED, closed, examples.DROP_STOCK_RETURNED]).free == 0


def test_ten_thousand_entries_cost_no_more_each_than_the_first() -> None:
    """A drop that many come to would get slower with everybody who comes."""
    drop = DROP.fold([SCHEDULED])
    spent = []
    for thousand in range(10):
        began = perf_counter()
        for number in range(1000):
            who = f"person-{thousand}-{number}"
            came = enter(UUID(int=thousand * 1000 + number + 1), who)
            for event in DROP.decide(drop, came):
                drop = DROP.evolve(drop, event)
        spent.append(perf_counter() - began)
    assert (drop.entered, drop.served, len(drop.line)) == (10_000, 2, 9_998)
    assert min(spent[5:]) < 5 * min(spent[:5])
