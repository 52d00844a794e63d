"""Whom this process believes over HTTPS: the machine's own authorities, and one more if told."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(slots=True)
class _Trust:
    context: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    also: Path | None = None
    read_at: int = 0


_trust = _Trust()


def also(authority: Path | None) -> None:
    """Believe one more authority from now on, for the whole process."""
    _trust.also = authority
    context()


def besides(authority: Path | None) -> ssl.SSLContext:
    """Return what checks servers of one authority more; only whoever asked believes it."""
    if authority is None:
        return context()
    mine = ssl.create_default_context()
    for known in filter(None, (_trust.also, authority)):
        mine.load_verify_locations(known)
    return mine


def context() -> ssl.SSLContext:
    """Return what HTTPS clients check servers with; a renewed authority is believed as well.

    Clients keep it, so it is always the same one.
    """
    if _trust.also is not None:
        changed = _trust.also.stat().st_mtime_ns
        if changed != _trust.read_at:
            _trust.context.load_verify_locations(_trust.also)
            _trust.read_at = changed
    return _trust.context
