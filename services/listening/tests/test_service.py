"""What callers of listening get: refusals, lists, imports, reports."""

from datetime import timedelta
from typing import Any

import pytest

from chassis import schemas
from listening.examples import BRAND
from listening.mentions_csv import read_rows

ROW = {
    "platform": "weibo",
    "post_id": "1",
    "author_id": "u1",
    "author_name": "Ann",
    "text": f"{BRAND} 太好了",
    "posted_at": "2026-05-04T02:00:00+00:00",
    "kind": "post",
}


def rows(*changes: dict[str, object]) -> dict[str, object]:
    return {"rows": [{**ROW, **change} for change in changes]}


def test_good_rows_are_kept_and_bad_ones_refused_by_number(desk: Any) -> None:
    """One bad line would cost a user the whole file, or nobody would know which it was."""
    body = rows(
        {"line": 2},
        {"line": 3, "post_id": "2", "posted_at": "yesterday"},
        {"line": 4, "post_id": "3", "text": "今天下雨"},
        {"line": 5, "post_id": "4", "colour": "red"},
        {"line": 6, "post_id": "5", "detected_at": "2026-05-04T01:00:00+00:00"},
        {"line": 7},
    )
    taken = desk.post("/v1/imports/mentions", body)

    assert (taken["recorded"], taken["unmatched"], taken["duplicates"]) == (1, 1, 1)
    assert [(bad["row"], bad["line"], bad["code"]) for bad in taken["refused"]] == [
        (2, 3, "invalid"),
        (4, 5, "invalid"),
        (5, 6, "posted_after_discovery"),
    ]


def test_the_same_import_again_adds_nothing(desk: Any) -> None:
    """Feeding a file twice would double every number."""
    body = rows({}, {"post_id": "2", "author_id": "u2"})
    desk.post("/v1/imports/mentions", body)
    desk.settle()
    before = [entry.envelope.id for entry in desk.happened()]
    again = desk.post("/v1/imports/mentions", body)
    desk.settle()

    assert (again["recorded"], again["duplicates"]) == (0, 2)
    assert [entry.envelope.id for entry in desk.happened()] == before


def test_rows_of_a_file_are_accepted_as_they_were_read(desk: Any) -> None:
    """A user's own file would have to be rewritten before it can be imported."""
    columns = "platform,post_id,author_id,author_name,text,posted_at,kind,parent_id,root_id"
    line = f"新浪微博,77,u7,Ann,{BRAND} 好,2026-05-04T10:00:00+08:00,comment,,70"
    read = [schemas.dump(row) for row in read_rows([f"{columns}\n", f"{line}\n"])]
    taken = desk.post("/v1/imports/mentions", {"rows": read})

    assert (taken["recorded"], taken["refused"]) == (1, [])


def test_imported_mentions_keep_their_own_time(desk: Any) -> None:
    """A history would appear to have happened all at once, today."""
    desk.post("/v1/imports/mentions", rows({}, {"post_id": "2", "posted_at": "2026-05-05T03:00Z"}))
    desk.settle()

    times = [entry.envelope.occurred_at.isoformat() for entry in desk.happened("case_opened")]
    assert times == ["2026-05-04T02:00:00+00:00", "2026-05-05T03:00:00+00:00"]


def test_what_no_watch_matches_is_counted_and_not_kept(desk: Any) -> None:
    """People who never spoke of the brand would be stored, and answered."""
    taken = desk.hear("今天下雨")

    assert (taken["unmatched"], taken["conversations"]) == (1, [])
    assert desk.count("mention_detected") == 0


def test_a_paused_watch_hears_nothing_until_it_is_revised(desk: Any) -> None:
    """A brand could not stop listening, or not begin again."""
    desk.post(f"/v1/watches/{desk.watch_id}/pauses")
    assert desk.hear(f"{BRAND} 好", post="1")["unmatched"] == 1
    desk.post(f"/v1/watches/{desk.watch_id}/revisions", {"terms": ["快書包", "QB"]})
    assert desk.hear("QB 好", post="2")["recorded"] == 1
    desk.post(f"/v1/watches/{desk.watch_id}/revisions", {"terms": ["快書包", "QB"]})
    assert desk.count("watch_revised") == 1
    (view,) = desk.get("/v1/watches")
    assert (view["terms"], view["listening"]) == (["快書包", "QB"], True)


@pytest.mark.requirement("X7")
def test_complaints_come_first_then_what_is_due_first(desk: Any) -> None:
    """An angry customer would wait behind a compliment that came earlier."""
    night = desk.wall("2026-05-06 22:00")
    polite = desk.case(f"{BRAND} 几点开门?", post="1", at=night)
    praise = desk.case(f"{BRAND} 太好了,我很喜欢", post="2", at=night - timedelta(minutes=5))
    angry = desk.case(f"{BRAND} 太慢了,气死了", post="3", at=night + timedelta(hours=1))
    furious = desk.case(f"{BRAND} 我要投诉", post="4", at=night + timedelta(minutes=30))

    first = desk.get("/v1/cases?state=open&limit=3")
    rest = desk.get(f"/v1/cases?state=open&limit=3&cursor={first['next']}")
    queue = [row["case_id"] for row in (*first["cases"], *rest["cases"])]
    assert queue == [furious, angry, praise, polite]
    desk.case(f"{BRAND} 怎么还没人理,差劲", post="5", root_id="1", at=night + timedelta(hours=2))
    queue = [row["case_id"] for row in desk.get("/v1/cases?state=open")["cases"]]
    assert queue == [polite, furious, angry, praise]
    assert rest["next"] is None


@pytest.mark.requirement("Z2")
def test_each_mention_says_who_holds_which_opinion(desk: Any) -> None:
    """Nobody could tell friends from critics."""
    said = {
        "1": (f"{BRAND} 太好吃了,我很喜欢", "zh-Hans", "positive"),
        "2": ("快書包太慢了,這間店真的很差", "zh-Hant", "negative"),
        "3": (f"{BRAND} c'est vraiment une mauvaise boutique", "fr", "unscored"),
        "4": (f"{BRAND} is great, I love it", "en", "positive"),
    }
    for post, (text, _, _) in said.items():
        desk.case(text, post=post, author_id=f"u{post}", author_name=f"name {post}")

    page = desk.get("/v1/mentions", scopes=["listening.read", "listening.read.personal"])
    found = {view["author_name"]: view for view in page["mentions"]}
    for post, (text, lang, polarity) in said.items():
        view = found[f"name {post}"]
        assert (view["text"], view["lang"], view["polarity"]) == (text, lang, polarity)
    assert len({view["author_account"] for view in page["mentions"]}) == len(said)
    (critic,) = desk.get("/v1/mentions?polarity=negative")["mentions"]
    assert critic["author_account"] == found["name 2"]["author_account"]


def test_what_people_wrote_is_shown_only_to_who_may_read_it(desk: Any) -> None:
    """Everybody with a token would read customers' names and words."""
    desk.case(f"{BRAND} 我姓王", author_name="小王", author_id="customer-4711", post="post-4711")
    (view,) = desk.get("/v1/mentions", scopes=["listening.read"])["mentions"]

    assert (view["text"], view["author_name"]) == (None, None)
    for table in ("mentions", "turns", "events", "processes", "idempotency"):
        kept = str([dict(row) for row in desk.rows(f"SELECT * FROM {table}")])  # noqa: S608  # our own names
        assert "我姓王" not in kept
        assert "小王" not in kept
        assert "4711" not in kept


def test_mentions_come_in_pages_newest_first(desk: Any) -> None:
    """A long list would break, or show a mention twice."""
    desk.post(
        "/v1/imports/mentions",
        rows(*({"post_id": str(n), "posted_at": f"2026-05-0{n}T02:00:00Z"} for n in (1, 3, 2))),
    )
    desk.settle()
    first = desk.get("/v1/mentions?limit=2")
    rest = desk.get(f"/v1/mentions?limit=2&cursor={first['next']}")

    days = [view["posted_at"][:10] for view in (*first["mentions"], *rest["mentions"])]
    assert days == ["2026-05-03", "2026-05-02", "2026-05-01"]
    assert rest["next"] is None


@pytest.mark.requirement("X13")
def test_the_list_of_unanswered_mentions_is_shown_until_it_is_empty(desk: Any) -> None:
    """A mention that nobody answered or closed would disappear from sight."""
    first = desk.case(f"{BRAND} 几点开门?", post="1")
    desk.case(f"{BRAND} 有人吗", post="2", root_id="1")
    second = desk.case(f"{BRAND} 广告", post="3")
    report = desk.get("/v1/reports/sla")
    assert (report["coverage"], report["unanswered_mentions"]) == ("0.0000", 3)
    assert len(desk.get("/v1/mentions?unanswered=true")["mentions"]) == 3

    desk.reply(first, at=desk.clock.now() + timedelta(minutes=1))
    desk.settle()
    (left,) = desk.get("/v1/mentions?unanswered=true")["mentions"]
    assert left["case_id"] == second
    desk.post(f"/v1/cases/{second}/resolutions", {"outcome": "spam"})
    desk.settle()
    report = desk.get("/v1/reports/sla")
    assert (report["coverage"], report["unanswered_mentions"]) == ("1.0000", 0)
    assert desk.get("/v1/mentions?unanswered=true")["mentions"] == []
    assert len(desk.get("/v1/mentions?unanswered=false")["mentions"]) == 3


@pytest.mark.requirement("U24")
def test_lag_is_measured_from_post_to_case_and_split(desk: Any) -> None:
    """A slow poller, or a slow service, would hide behind punctual replies."""
    posted = (desk.clock.now() - timedelta(seconds=90)).isoformat()
    desk.hear(f"{BRAND} 几点开门?", posted_at=posted)
    desk.clock.advance(timedelta(seconds=7))
    desk.settle()

    report = desk.get("/v1/reports/sla")
    assert report["discovery_lag"] == {"count": 1, "p50_s": 90, "p95_s": 90}
    assert report["handling_lag"] == {"count": 1, "p50_s": 7, "p95_s": 7}
    assert report["post_to_case"] == {"count": 1, "p50_s": 97, "p95_s": 97}


@pytest.mark.requirement("K6")
def test_an_enquiry_on_any_messenger_is_due_and_counts_as_lost_when_it_expires(desk: Any) -> None:
    """A shop would never learn which orders it lost by not answering."""
    for number, platform in enumerate(["wechat", "line", "whatsapp", "qq", "webchat"]):
        asked = ["book-1"] if number % 2 else ["b2b-crate"]
        case = desk.case(
            "我想买一百箱,多少钱?",
            post=str(number),
            platform=platform,
            kind="dm",
            product_refs=asked,
        )
        assert desk.get(f"/v1/cases/{case}")["due_at"] is not None
    desk.reply(case, at=desk.clock.now() + timedelta(minutes=1))
    assert desk.get("/v1/reports/sla")["possible_lost_orders"] == []
    desk.later(hours=2)

    assert desk.get("/v1/reports/sla")["possible_lost_orders"] == [
        {"product": "b2b-crate", "enquiries": 2},
        {"product": "book-1", "enquiries": 2},
    ]


def test_a_reply_may_depend_on_what_was_read(desk: Any) -> None:
    """An agent would answer a conversation that has become a complaint meanwhile."""
    case = desk.case(f"{BRAND} 几点开门?", post="1")
    seen = desk.call("GET", f"/v1/cases/{case}").headers["ETag"]
    desk.case(f"{BRAND} 太慢了,气死了", post="2", root_id="1")

    stale = desk.reply(case, headers={"If-Match": seen})
    assert stale.status_code == 412
    fresh = desk.call("GET", f"/v1/cases/{case}").headers["ETag"]
    assert desk.reply(case, headers={"If-Match": fresh}).status_code == 201


def test_refusals_name_their_rule_and_record_nothing(desk: Any) -> None:
    """A caller could not tell what to put right, or half of it would have happened."""
    case = desk.case(f"{BRAND} 我要投诉")
    before = desk.types()
    nameless = desk.reply(case, persona_id=None)
    agency = desk.reply(case, scopes=("listening.reply",))
    nobody = desk.reply("0192f5d0-0000-7000-8000-00000000000f")
    foreign = desk.reply(case, tenant="other")
    backdated = desk.reply(case, at=desk.clock.now(), scopes=("listening.reply",))

    assert (nameless.status_code, nameless.json["requirement"]) == (422, "K24")
    assert (agency.status_code, agency.json["requirement"]) == (403, "K14")
    assert (nobody.status_code, nobody.json["code"]) == (404, "no_such_case")
    assert foreign.json["code"] == "no_such_case"
    assert backdated.json["code"] == "missing_scope"
    assert desk.types() == before


def test_an_import_needs_its_own_scope(desk: Any) -> None:
    """Anybody who may write could rewrite the past."""
    answer = desk.call("POST", "/v1/imports/mentions", rows({}), scopes=["listening.write"])

    assert answer.json["code"] == "missing_scope"


def test_personas_and_promises_can_be_set(desk: Any) -> None:
    """A brand could not say who answers, or how fast."""
    (persona,) = desk.get("/v1/personas") or [None]
    promise = {"brand": BRAND, "day_minutes": 10}
    changed = desk.call("PUT", "/v1/reply-policy", promise)
    case = desk.case(f"{BRAND} 你好")

    assert persona is None or persona["name"] == "小包"
    assert changed.json == {"policy_v": "own-1"}
    view = desk.get(f"/v1/cases/{case}")
    assert view["due_at"] == (desk.clock.now() + timedelta(minutes=10)).isoformat()
    assert [one["name"] for one in desk.get("/v1/personas")] == ["小包"]
