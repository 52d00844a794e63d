"""The part of commerce's door that is about its reports."""

from sqlalchemy import Connection

from chassis.clock import SystemClock
from chassis.entrypoints import query
from chassis.routes import Call, Reply
from commerce import money_report, reports_queries, settings
from commerce.reports_messages import (
    MoneyView,
    MoneyWanted,
    OriginsView,
    OriginsWanted,
    ReactionsView,
    ReactionsWanted,
)

READ = "commerce.read"
_wall = SystemClock()


class ReportsEdge:
    """What commerce says about its money, its speed and where its orders come from."""

    @query("/v1/reports/money", scope=READ, query=MoneyWanted, reply=MoneyView, many=True)
    def report_money(self, db: Connection, call: Call[None]) -> Reply:
        """Compare what was paid with what the standing orders come to, now or at any position."""
        return Reply(body=money_report.report(db, call.tenant, call.query))

    @query(
        "/v1/reports/reaction-times",
        scope=READ,
        query=ReactionsWanted,
        reply=ReactionsView,
        many=True,
    )
    def report_reactions(self, db: Connection, call: Call[None]) -> Reply:
        """Say how fast the chain reacted to each day's orders, against the targets."""
        today = _wall.now().astimezone(reports_queries.zone_of(db, call.tenant)).date()
        found = reports_queries.reaction_report(
            db, call.tenant, call.query, targets=settings.targets(), today=today
        )
        return Reply(body=found)

    @query("/v1/reports/origins", scope=READ, query=OriginsWanted, reply=OriginsView)
    def report_origins(self, db: Connection, call: Call[None]) -> Reply:
        """Say which platforms a day's orders came from, with their shares."""
        zone = reports_queries.zone_of(db, call.tenant)
        day = call.query.day or _wall.now().astimezone(zone).date()
        return Reply(body=reports_queries.origin_report(db, call.tenant, day))
