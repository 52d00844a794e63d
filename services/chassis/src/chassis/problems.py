"""Turn every failure into problem details (RFC 9457) that show nothing internal."""

import inspect
import json
import logging
import traceback
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from werkzeug import Response
from werkzeug.exceptions import HTTPException

from chassis.errors import Conflict, Invalid, Rejected, Unavailable
from chassis.telemetry import current_trace_id

_log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
_LATER = {409: "1", 429: "1", 503: "2"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """Why a request was not carried out.

    Args:
        type: Identifies the kind of problem.
        title: What is wrong, the same for every occurrence.
        status: The HTTP status.
        code: Stable name to program against.
        detail: What is wrong this time.
        requirement: The rule that refused.
        errors: What is wrong with each field.
        quota: Which quota is used up, its limit, and when its period ends.
        trace_id: Where to look in the traces.
    """

    type: str
    title: str
    status: int
    code: str
    detail: str | None = None
    requirement: str | None = None
    errors: Any = None
    quota: Any = None
    trace_id: str | None = None


def response_to(error: Exception) -> Response:
    """Return the response to a failed request; logs what is our own fault."""
    problem = problem_of(error)
    if problem.status >= 500:  # noqa: PLR2004 -- the class of server errors
        _report(error, problem)
    return problem_response(problem, _headers(error, problem.status))


def problem_response(problem: Problem, headers: Iterable[tuple[str, str]] = ()) -> Response:
    """Return a problem as a response."""
    return Response(
        json.dumps(_present(problem), ensure_ascii=False),
        status=problem.status,
        headers=[("Cache-Control", "no-store"), *headers],
        content_type=MEDIA_TYPE,
    )


def problem_of(error: Exception) -> Problem:
    """Say what an exception means to the caller."""
    match error:
        case Rejected():
            return _problem(
                error.status,
                error.code,
                _title(error),
                detail=str(error) or None,
                requirement=error.requirement,
                quota=getattr(error, "quota", None),
            )
        case Invalid():
            return _problem(400, error.code, "The input does not fit.", errors=error.problems)
        case HTTPException(code=int(status)):
            return _problem(status, error.name.lower().replace(" ", "_"), error.name)
        case _:
            return _problem(*next(_fixed(error)))


def _fixed(error: Exception) -> Iterator[tuple[int, str, str]]:
    if isinstance(error, DataError):
        yield 400, Invalid.code, "The input does not fit."
    if isinstance(error, Conflict):
        yield 409, error.code, "Somebody else was faster."
    if isinstance(error, Unavailable | OperationalError | PoolExhausted):
        yield 503, Unavailable.code, "A part that is needed does not answer."
    yield 500, "defect", "Something is wrong on our side."


def _problem(status: int, code: str, title: str, **more: Any) -> Problem:
    return Problem(
        type=f"urn:sixfold:problem:{code}",
        title=title,
        status=status,
        code=code,
        trace_id=current_trace_id(),
        **more,
    )


def _title(error: Rejected) -> str:
    return (inspect.getdoc(type(error)) or type(error).__name__).partition("\n")[0]


def _present(problem: Problem) -> dict[str, Any]:
    always = ("type", "title", "status", "code", "trace_id")
    given = {name: getattr(problem, name) for name in Problem.__slots__}
    return {name: value for name, value in given.items() if name in always or value is not None}


def _headers(error: Exception, status: int) -> Iterable[tuple[str, str]]:
    if status in _LATER and not isinstance(error, Rejected):
        yield "Retry-After", _LATER[status]
    elif status == 429:  # noqa: PLR2004 -- Too Many Requests
        yield "Retry-After", str(getattr(error, "retry_after", _LATER[status]))
    challenge = getattr(error, "challenge", None)
    if challenge is not None:
        yield "WWW-Authenticate", challenge
    if isinstance(error, HTTPException):
        kept: Mapping[str, str] = dict(error.get_headers())
        yield from ((name, kept[name]) for name in ("Allow",) if name in kept)


def _report(error: Exception, problem: Problem) -> None:
    # Never the message: a driver's quotes the statement's values, which may be personal.
    _log.error(
        "request failed",
        extra={
            "code": problem.code,
            "error": type(error).__qualname__,
            "cause": type(error.__cause__).__qualname__ if error.__cause__ else None,
            "where": "".join(traceback.format_tb(error.__traceback__)),
        },
    )
