"""What a brand listens for, the names it answers under, and what it promises."""

from dataclasses import replace

import pytest

from chassis.testing.scenario import Scenario
from listening.examples import (
    BRAND,
    PERSONA_ID,
    PERSONA_REGISTERED,
    REPLY_POLICY_CHANGED,
    WATCH_DEFINED,
    WATCH_ID,
    WATCH_PAUSED,
    WATCH_REVISED,
)
from listening.persona import PERSONA, Nameless, PersonaTaken, RegisterPersona
from listening.reply_clock import ImpossiblePolicy
from listening.reply_policy import REPLY_POLICY, ChangeReplyPolicy
from listening.watch import (
    WATCH,
    DefineWatch,
    NoSuchWatch,
    NothingToListenFor,
    PauseWatch,
    ReviseWatch,
    WatchBelongsToAnotherBrand,
)

DEFINE = DefineWatch(
    watch_id=WATCH_ID,
    brand=BRAND,
    terms=WATCH_DEFINED.terms,
    exclude=WATCH_DEFINED.exclude,
    platforms=("Weibo ", "wechat"),
)
REVISE = ReviseWatch(watch_id=WATCH_ID, terms=(BRAND,))
PAUSE = PauseWatch(watch_id=WATCH_ID)
REGISTER = RegisterPersona(persona_id=PERSONA_ID, brand=BRAND, name=" 小包 ")
CHANGE = ChangeReplyPolicy(brand=BRAND, peak_minutes=15, boundary="earliest")


def test_a_watch_is_defined_once() -> None:
    """A repeated request would listen twice, or change the words silently."""
    Scenario(WATCH, []).when(DEFINE).then(WATCH_DEFINED)
    Scenario(WATCH, [WATCH_DEFINED]).when(DEFINE).then_nothing()
    taken = Scenario(WATCH, [WATCH_DEFINED]).when(replace(DEFINE, brand="other"))
    taken.then_rejected(WatchBelongsToAnotherBrand)


@pytest.mark.parametrize("terms", [(), ("",), (" ", "@")])
def test_a_watch_needs_words(terms: tuple[str, ...]) -> None:
    """A brand would believe that somebody listens."""
    Scenario(WATCH, []).when(replace(DEFINE, terms=terms)).then_rejected(NothingToListenFor)
    revised = Scenario(WATCH, [WATCH_DEFINED]).when(replace(REVISE, terms=terms))
    revised.then_rejected(NothingToListenFor)


def test_a_paused_watch_listens_again_once_revised() -> None:
    """Nobody could turn a watch back on."""
    Scenario(WATCH, [WATCH_DEFINED]).when(PAUSE).then(WATCH_PAUSED)
    paused = Scenario(WATCH, [WATCH_DEFINED, WATCH_REVISED, WATCH_PAUSED])
    paused.when(PAUSE).then_nothing()
    paused.when(REVISE).then(WATCH_REVISED)
    Scenario(WATCH, [WATCH_DEFINED, WATCH_REVISED]).when(REVISE).then_nothing()


def test_an_unknown_watch_is_refused() -> None:
    """A typing mistake would look like success."""
    Scenario(WATCH, []).when(REVISE).then_rejected(NoSuchWatch)
    Scenario(WATCH, []).when(PAUSE).then_rejected(NoSuchWatch)


def test_a_persona_keeps_its_name_and_brand() -> None:
    """Customers would meet a persona that is somebody else from one day to the next."""
    Scenario(PERSONA, []).when(REGISTER).then(PERSONA_REGISTERED)
    known = Scenario(PERSONA, [PERSONA_REGISTERED])
    known.when(REGISTER).then_nothing()
    known.when(replace(REGISTER, name="other")).then_rejected(PersonaTaken)
    Scenario(PERSONA, []).when(replace(REGISTER, name=" ")).then_rejected(Nameless)


def test_promises_change_by_version() -> None:
    """Nobody could say later which promise a reply was measured by."""
    Scenario(REPLY_POLICY, []).when(CHANGE).then(REPLY_POLICY_CHANGED)
    promised = Scenario(REPLY_POLICY, [REPLY_POLICY_CHANGED])
    promised.when(CHANGE).then_nothing()
    again = replace(REPLY_POLICY_CHANGED, policy_v="own-2", day_minutes=10)
    promised.when(replace(CHANGE, day_minutes=10)).then(again)


@pytest.mark.parametrize(
    "changes",
    [{"opens": "19:00"}, {"day_minutes": 0}, {"opens": "25:00"}, {"closes": "18:00+08:00"}],
)
def test_an_impossible_promise_is_refused(changes: dict[str, object]) -> None:
    """A brand would promise answers in the past, or before it opens."""
    wrong = replace(CHANGE, **changes)  # type: ignore[arg-type]  # names are ChangeReplyPolicy's
    Scenario(REPLY_POLICY, []).when(wrong).then_rejected(ImpossiblePolicy)
