"""Calls to the services' HTTP contracts, with what a careful client adds to each."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random_exponential

from chassis.ids import new_id

T = TypeVar("T")
R = TypeVar("R")
PATIENCE_SECONDS = 60
CALLERS = 4
_RETRIED = {409, 429, 502, 503, 504}
_PASSING = {"conflict", "unavailable"}
KEY_REUSED = "idempotency_key_reused"


class Refused(Exception):
    """A service refused a call; the message is its problem report."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(f"{status} {problem.get('code')}: {problem.get('detail') or problem}")
        self.status = status
        self.code = problem.get("code")
        self.problem = problem


class Unreachable(Exception):
    """Nobody said where a service is; the message says how to."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Once:
    """What a command came to, and whether it had been given before."""

    answer: Any
    known: bool


class Client:
    """One service, as one caller.

    Each POST carries an idempotency key derived from its content, so a call that is
    repeated, after a lost answer or in a second run, has its effect once.
    """

    def __init__(self, url: str, bearer: str) -> None:
        self.url = url
        self._http = httpx.Client(
            base_url=url, timeout=60, headers={"Authorization": f"Bearer {bearer}"}
        )

    def get(self, path: str, **query: Any) -> Any:
        """Return the answer of a query; raises Refused."""
        return _content(self._persistently("GET", path, params=query))

    def post(self, path: str, body: Any, *, key: str | None = None) -> Any:
        """Give a command and return its answer; raises Refused."""
        return _content(self._post(path, body, key or _key_of(path, body)))

    def replace(self, path: str, body: Any) -> Any:
        """Put something in the place of what is there now; raises Refused, also if that changes."""
        found = self._persistently("GET", path)
        seen = {"If-Match": found.headers["ETag"]}
        return _content(self._persistently("PUT", path, json=body, headers=seen))

    def post_once(self, path: str, body: Any, *, key: str) -> Once:
        """Give a command that may have been given before; raises Refused.

        A key that stands for another body was used too: what it names is there already.
        """
        try:
            answer = self._post(path, body, key)
        except Refused as refusal:
            if refusal.code != KEY_REUSED:
                raise
            return Once(answer=None, known=True)
        return Once(answer=_content(answer), known="Idempotent-Replayed" in answer.headers)

    def _post(self, path: str, body: Any, key: str) -> httpx.Response:
        headers = {"Idempotency-Key": key}
        return self._persistently("POST", path, json=body, headers=headers)

    def _persistently(self, method: str, path: str, **more: Any) -> httpx.Response:
        retrying = Retrying(
            retry=retry_if_exception(_passes),
            stop=stop_after_delay(PATIENCE_SECONDS),
            wait=wait_random_exponential(multiplier=0.05, max=2),
            reraise=True,
        )
        return retrying(self._call, method, path, **more)

    def _call(self, method: str, path: str, **more: Any) -> httpx.Response:
        answer = self._http.request(method, path, **more)
        if not answer.is_success:
            raise Refused(answer.status_code, _problem(answer))
        return answer


class Clients:
    """The services of one installation, as one caller."""

    def __init__(self, by_name: Mapping[str, Client]) -> None:
        self._by_name = by_name

    def __getitem__(self, name: str) -> Client:
        """Return the client of one service; raises Unreachable."""
        try:
            return self._by_name[name]
        except KeyError:
            raise Unreachable(
                f"nothing says where {name} is; name it in SIXFOLD_SERVICES"
            ) from None


def at_once(call: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Make a call for each item, a few at the same time; return the results in order."""
    with ThreadPoolExecutor(CALLERS) as pool:
        return list(pool.map(call, items))


def fresh_key() -> str:
    """Return an idempotency key that was never used: the call is one, not one given again."""
    return str(new_id())


def _content(answer: httpx.Response) -> Any:
    return answer.json() if answer.content else None


def _key_of(path: str, body: Any) -> str:
    canonical = json.dumps([path, body], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _passes(error: BaseException) -> bool:
    if isinstance(error, httpx.TransportError):
        return True
    return isinstance(error, Refused) and error.status in _RETRIED and error.code in _PASSING


def _problem(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    return problem if isinstance(problem, dict) else {}
