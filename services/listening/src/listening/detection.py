"""Hear posts: one as it comes, or many at once from somebody's own records."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from chassis import schemas
from chassis.errors import Invalid, Rejected
from chassis.lookups import pseudonym
from chassis.privacy import is_erased
from chassis.unit_of_work import UnitOfWork
from listening import queries
from listening.answers import Conversation, ImportTaken, MentionTaken, RefusedRow
from listening.case_state import case_id
from listening.events import MentionDetected
from listening.language import language_of
from listening.mention import MENTION, ActiveWatch, DetectMention, Heard, hear
from listening.messages import MentionBody, MentionRow

Post = MentionBody | MentionRow
_CLOCKS_DIFFER_BY = timedelta(minutes=5)


class PostedAfterDiscovery(Rejected):
    """A post cannot be discovered before it was posted."""

    code = "posted_after_discovery"
    status = 422


def detect(work: UnitOfWork, *, post: MentionBody) -> MentionTaken:
    """Hear one post now."""
    watches = queries.active_watches(work.db, work.tenant)
    return _take(work, post, detected_at=work.now, watches=watches)


def import_mentions(work: UnitOfWork, *, rows: Sequence[Mapping[str, Any]]) -> ImportTaken:
    """Hear many posts, each at the moment it was discovered then; bad rows are refused alone."""
    watches = queries.active_watches(work.db, work.tenant)
    taken = ImportTaken()
    for number, row in enumerate(rows, start=1):
        try:
            post = schemas.load(MentionRow, row)
            one = _take(work, post, detected_at=post.detected_at or post.posted_at, watches=watches)
        except Invalid as error:
            taken = _refused(taken, number, row, "invalid", error.problems)
        except Rejected as error:
            taken = _refused(taken, number, row, error.code, str(error))
        else:
            taken = _added(taken, one)
    return taken


def account_of(work: UnitOfWork, platform: str, platform_user_id: str) -> UUID:
    """Return the id of a handle; somebody who returns after an erasure is somebody new."""
    handle = f"{platform}/{platform_user_id}"
    generations = (
        pseudonym(work.secret, work.tenant, "account", handle, number) for number in count()
    )
    return next(
        account for account in generations if not is_erased(work.keys, work.tenant, str(account))
    )


def post_pseudonym(work: UnitOfWork, platform: str, post_id: str) -> UUID:
    """Return the id under which every service knows a post."""
    return pseudonym(work.secret, work.tenant, "post", f"{platform}/{post_id}")


def _take(
    work: UnitOfWork, post: Post, *, detected_at: datetime, watches: Sequence[ActiveWatch]
) -> MentionTaken:
    if post.posted_at > detected_at + _CLOCKS_DIFFER_BY:
        raise PostedAfterDiscovery("posted_at lies after the discovery.")
    mention_id = post_pseudonym(work, post.platform, post.post_id)
    heard = hear(
        watches,
        platform=post.platform,
        text=post.text,
        kind=post.kind,
        said_at=post.is_at,
        brand=post.brand,
    )
    new = _recorded(work, post, mention_id, heard, detected_at) if heard else []
    return MentionTaken(
        mention_id=mention_id,
        recorded=len(new),
        duplicates=int(bool(heard) and not new),
        unmatched=int(not heard),
        conversations=tuple(_conversations(new)),
    )


def _recorded(
    work: UnitOfWork,
    post: Post,
    mention_id: UUID,
    heard: tuple[Heard, ...],
    detected_at: datetime,
) -> Sequence[MentionDetected]:
    known = work.load(MENTION, mention_id).state.heard
    if all(one.brand in known for one in heard):
        return []
    root = post.root_id or post.parent_id or post.post_id
    command = DetectMention(
        mention_id=mention_id,
        platform=post.platform,
        author_account=account_of(work, post.platform, post.author_id),
        post_id=post.post_id,
        author_id=post.author_id,
        author_name=post.author_name,
        text=post.text,
        lang=language_of(post.text),
        kind=post.kind,
        parent_id=post_pseudonym(work, post.platform, post.parent_id) if post.parent_id else None,
        root_id=post_pseudonym(work, post.platform, root),
        product_refs=tuple(post.product_refs),
        posted_at=post.posted_at,
        detected_at=detected_at,
        heard=heard,
    )
    done = work.execute(MENTION, mention_id, command, occurred_at=detected_at)
    return [event for event in done.events if isinstance(event, MentionDetected)]


def _conversations(detected: Sequence[MentionDetected]) -> Iterator[Conversation]:
    for event in detected:
        yield Conversation(
            mention_id=event.mention_id,
            brand=event.brand,
            case_id=case_id(event.brand, event.root_id),
        )


def _added(taken: ImportTaken, one: MentionTaken) -> ImportTaken:
    return replace(
        taken,
        recorded=taken.recorded + one.recorded,
        duplicates=taken.duplicates + one.duplicates,
        unmatched=taken.unmatched + one.unmatched,
        conversations=(*taken.conversations, *one.conversations),
    )


def _refused(
    taken: ImportTaken, number: int, row: Mapping[str, Any], code: str, reason: Any
) -> ImportTaken:
    line = row.get("line")
    refused = RefusedRow(
        row=number, code=code, reason=reason, line=line if isinstance(line, int) else None
    )
    return replace(taken, refused=(*taken.refused, refused))
