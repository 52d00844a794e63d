"""CRM: whether replies come in time, and who joins."""

from ibis.expr.types import Table

from loop.fact_tables import Breach, CaseOpened, CaseResolved, Membership, Reply
from loop.numbers import Number, by_key, count, ratio
from loop.relations import first_by, known, made_of, together


def _cases() -> Table:
    return together(
        made_of(known(CaseOpened), key="opened"),
        made_of(first_by(known(Reply), "case_id"), key="answered"),
        made_of(first_by(known(Breach), "case_id"), key="breached"),
        made_of(first_by(known(CaseResolved), "case_id"), key="resolved"),
    )


def _attainment() -> Table:
    """Count each case on its due time, once it is known how it went.

    A case's first reply and its breach are shown among the events behind the number
    even where they add nothing to it.
    """
    opened = first_by(known(CaseOpened), "case_id")
    reply = first_by(known(Reply), "case_id")
    breach = first_by(known(Breach), "case_id")
    ended = reply.select("tenant", "case_id").union(breach.select("tenant", "case_id"))
    settled = opened.semi_join(ended, ["tenant", "case_id"])
    return together(
        made_of(settled, part="all", at=settled.due_at),
        _dated(reply, settled, part="of", column="within"),
        _dated(breach, settled, part="of"),
    )


def _dated(outcome: Table, settled: Table, *, part: str, column: str | None = None) -> Table:
    due = settled.select(due_tenant="tenant", due_case="case_id", due="due_at")
    joined = outcome.join(due, [outcome.tenant == due.due_tenant, outcome.case_id == due.due_case])
    return made_of(joined, part=part, amount=joined[column] if column else 0, at=joined.due)


def _members() -> Table:
    return made_of(known(Membership))


CRM = (
    Number(
        name="sla_attainment",
        stage="crm",
        title="Replies in time",
        unit="share of the cases that were due",
        formula="cases whose first reply was within the time / cases answered or breached,"
        " by their due time",
        rows=_attainment,
        shape=ratio,
    ),
    Number(
        name="cases",
        stage="crm",
        title="Cases",
        unit="cases",
        formula="cases opened, answered for the first time, breached, resolved",
        rows=_cases,
        shape=by_key,
    ),
    Number(
        name="new_members",
        stage="crm",
        title="New members",
        unit="members",
        formula="number of enrolments",
        rows=_members,
        shape=count,
    ),
)
