"""What a service shows to other services' feeds: a bearer token of its own identity."""

import threading
import time
from collections.abc import Callable

import httpx

from chassis import trust
from chassis.errors import Unavailable
from chassis.telemetry.outbound import measured

_EARLY_SECONDS = 30.0
_SHORTEST_SECONDS = 60.0


class ClientCredentials:
    """Fetches tokens by OAuth 2.0 client credentials and keeps each until shortly before its end.

    Args:
        token_url: Says where the issuer's token endpoint is; may raise as ``jwks.discover``.
        client_id: Who we are.
        client_secret: How we prove it; or what returns that, if it is renewed.
        audience: For whom the token is.
        elapsed: Seconds on a clock that never jumps.
    """

    def __init__(
        self,
        token_url: Callable[[], str],
        client_id: str,
        client_secret: str | Callable[[], str],
        *,
        audience: str,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = token_url
        self._client_id = client_id
        self._client_secret = client_secret if callable(client_secret) else lambda: client_secret
        self._form = {"grant_type": "client_credentials", "audience": audience}
        self._elapsed = elapsed
        self._lock = threading.Lock()
        self._token, self._until = "", float("-inf")

    def __call__(self) -> str:
        """Return a token that is valid now.

        Raises:
            Unavailable: the issuer does not answer with one.
        """
        with self._lock:
            if self._elapsed() >= self._until:
                self._token, seconds = self._fetched()
                self._until = self._elapsed() + max(seconds - _EARLY_SECONDS, seconds / 2)
            return self._token

    def _post(self) -> httpx.Response:
        return httpx.post(
            self._url(),
            data=self._form,
            auth=(self._client_id, self._client_secret()),
            timeout=10,
            verify=trust.context(),
        )

    def _fetched(self) -> tuple[str, float]:
        try:
            answer = measured("issuer", self._post)
            answer.raise_for_status()
            found = answer.json()
            return str(found["access_token"]), float(found.get("expires_in", _SHORTEST_SECONDS))
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            # Never the answer: it could hold a token.
            raise Unavailable("the issuer of service tokens does not answer") from error
