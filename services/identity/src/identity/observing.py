"""Use cases around handles: seen on a platform, following a page, no longer following."""

from datetime import datetime
from uuid import UUID

from chassis import lookups
from chassis.unit_of_work import UnitOfWork
from identity import linking, queries, tables
from identity.account import ACCOUNT, AccountUnknown, ObserveAccount, RecordFollow, RecordUnfollow
from identity.events import Profile


def observe_account(
    work: UnitOfWork,
    *,
    platform: str,
    platform_user_id: str,
    name: str | None = None,
    profile: Profile | None = None,
    account_id: UUID | None = None,
) -> UUID:
    """Take note of a platform account and return its id, the same at every sight.

    Args:
        work: The unit of work.
        platform: Where it is.
        platform_user_id: What the platform calls it.
        name: Its name, if that was seen.
        profile: What the platform shows of it, if that was seen.
        account_id: Its id, where the caller has looked that up.
    """
    account_id = account_id or account_id_of(work, platform, platform_user_id)
    command = ObserveAccount(
        account_id=account_id,
        platform=platform,
        platform_user_id=platform_user_id,
        name=name,
        profile=profile,
    )
    work.execute(ACCOUNT, account_id, command)
    lookups.remember(
        work.db,
        tables.lookup,
        tenant=work.tenant,
        kind="account",
        token=lookups.token(work.secret, work.tenant, "account", f"{platform}/{platform_user_id}"),
        subject=str(account_id),
    )
    return account_id


def observe_author(work: UnitOfWork, *, account_id: UUID, platform: str) -> None:
    """Take note of an account that spoke of the brand, unless it asked to be forgotten."""
    if not queries.is_erased(work.db, work.tenant, account_id):
        command = ObserveAccount(account_id=account_id, platform=platform)
        work.execute(ACCOUNT, account_id, command)


def record_follow(
    work: UnitOfWork,
    *,
    account_id: UUID,
    property_id: str,
    topic: str | None,
    source_content_id: str | None,
    at: datetime,
) -> bool:
    """Take note of a follow and say whether it was new; raises AccountUnknown."""
    command = RecordFollow(
        account_id=account_id,
        property_id=property_id,
        topic=topic,
        source_content_id=source_content_id,
        at=at,
    )
    return bool(work.execute(ACCOUNT, account_id, command).events)


def record_unfollow(
    work: UnitOfWork, *, platform: str, platform_user_id: str, property_id: str, at: datetime
) -> UUID:
    """Take note that an account no longer follows.

    Raises:
        AccountUnknown: it was never seen.
    """
    handle = f"{platform}/{platform_user_id}"
    account_id = queries.find(work.db, work.secret, work.tenant, "account", handle)
    if account_id is None:
        raise AccountUnknown
    command = RecordUnfollow(account_id=account_id, property_id=property_id, at=at)
    work.execute(ACCOUNT, account_id, command)
    return account_id


def note_customer(work: UnitOfWork, *, buyer: str | None, order_id: str) -> None:
    """Take note that somebody bought, if the order names a person that we know."""
    try:
        person_id = UUID(buyer or "")
    except ValueError:
        return
    linking.set_customer_kind(
        work, person_id=person_id, kind="existing", because=f"order {order_id}"
    )


def account_id_of(work: UnitOfWork, platform: str, platform_user_id: str) -> UUID:
    """Return the id of a platform account, whether it was seen before or not."""
    handle = f"{platform}/{platform_user_id}"
    known = queries.find(work.db, work.secret, work.tenant, "account", handle)
    if known is not None:
        return known
    generation = 0
    while True:
        # Who was forgotten and comes back is somebody new: the old id must not lead to them.
        derived = lookups.pseudonym(work.secret, work.tenant, "account", handle, generation)
        if not queries.is_erased(work.db, work.tenant, derived):
            return derived
        generation += 1
