"""The part of commerce's door that is about drops."""

from sqlalchemy import Connection

from chassis.clock import micros
from chassis.entrypoints import command, hot_command, query
from chassis.hot_route import HotCall, Wish
from chassis.ids import derived_id
from chassis.routes import Call, Reply
from chassis.unit_of_work import UnitOfWork
from commerce import drop_queries, dropping, entrants
from commerce.drop import DROP
from commerce.drop_commands import Enter
from commerce.drop_messages import DropPage, DropRequest, DropView, EntryRequest, EntryView
from commerce.drop_state import Drop
from commerce.messages import Wanted
from commerce.order_doors import ordered_here

READ, WRITE = "commerce.read", "commerce.write"
DROP_PATH = "/v1/drops/<uuid:drop_id>"


class DropEdge:
    """Limited sales: announced, entered, watched."""

    @command("/v1/drops", scope=WRITE, body=DropRequest, reply=DropView)
    def schedule_drop(self, work: UnitOfWork, call: Call[DropRequest]) -> Reply:
        """Announce a limited sale; its goods are set aside at once."""
        _, done = dropping.schedule(work, call.body)
        return Reply(body=drop_queries.drop_view(done.state), version=done.version)

    @query("/v1/drops", scope=READ, query=Wanted, reply=DropPage)
    def list_drops(self, db: Connection, call: Call[None]) -> Reply:
        """List the drops, the latest to open first."""
        wanted: Wanted = call.query
        place = call.cursors.read(wanted.cursor) or []
        found = drop_queries.drops_after(db, call.tenant, place, limit=wanted.limit)
        cursor = None
        if len(found) == wanted.limit:
            cursor = call.cursors.write([micros(found[-1].opens_at), str(found[-1].drop_id)])
        return Reply(body=DropPage(drops=tuple(found), next=cursor))

    @query(DROP_PATH, scope=READ, reply=DropView)
    def show_drop(self, db: Connection, call: Call[None]) -> Reply:
        """Show how much of a drop is granted, sold and left."""
        return Reply(body=drop_queries.drop_of(db, call.tenant, call.path["drop_id"]))

    @hot_command(f"{DROP_PATH}/entries", scope=WRITE, body=EntryRequest, reply=EntryView)
    def enter_drop(self, hot: HotCall, call: Call[EntryRequest]) -> Wish[Drop]:
        """Ask for pieces of a drop: granted at once while there are any, in line afterwards."""
        ordered_here(call.body.origin)
        entry_id = derived_id(hot.context.command_id, "drop_entry")
        wanted = Enter(
            entry_id=entry_id,
            person_id=call.body.person_id,
            standing=entrants.unknown(call.body.person_id),
            qty=call.body.qty,
            origin=call.body.origin,
            at=hot.now,
        )
        return Wish(
            decider=DROP,
            entity_id=call.path["drop_id"],
            command=wanted,
            prepare=entrants.with_standings,
            answer=lambda done: Reply(
                body=drop_queries.entry_view(done.state, entry_id), version=done.version
            ),
        )

    @query(f"{DROP_PATH}/entries/<uuid:entry_id>", scope=READ, reply=EntryView)
    def show_entry(self, db: Connection, call: Call[None]) -> Reply:
        """Show whether it is an entry's turn, and what became of it."""
        drop_id, entry_id = call.path["drop_id"], call.path["entry_id"]
        return Reply(body=drop_queries.entry_of(db, call.tenant, drop_id, entry_id))
