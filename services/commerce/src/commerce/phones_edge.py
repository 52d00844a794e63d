"""What identity tells of phone numbers; commerce never sees a number, only identity's id of it."""

from chassis.reactions import Received
from chassis.subscribe import subscribe
from chassis.unit_of_work import UnitOfWork
from commerce import entrants, phone_owners


class PhonesEdge:
    """Whose a number is, for purchases in stores and for sales to verified persons."""

    @subscribe("identity", "phone_verified")
    def on_phone_verified(self, work: UnitOfWork, received: Received) -> None:
        """Let a number's owner into drops, and count what was bought with it as theirs."""
        phone = received.data
        entrants.note_verified(work.db, work.tenant, phone)
        phone_owners.belongs_to(
            work.db, work.tenant, phone_id=phone.phone_id, person=phone.person_id
        )

    @subscribe("identity", "phone_released")
    def on_phone_released(self, work: UnitOfWork, received: Received) -> None:
        """Take a number for nobody's any more."""
        phone = received.data
        entrants.note_released(work.db, work.tenant, phone)
        phone_owners.is_free(work.db, work.tenant, phone_id=phone.phone_id, person=phone.person_id)

    @subscribe("identity", "phone_reassigned")
    def on_phone_reassigned(self, work: UnitOfWork, received: Received) -> None:
        """Begin a new owner's time; the old owner's purchases stay theirs."""
        phone = received.data
        phone_owners.belongs_to(
            work.db, work.tenant, phone_id=phone.phone_id, person=phone.to_person
        )
