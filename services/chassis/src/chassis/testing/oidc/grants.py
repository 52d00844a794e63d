"""What the test issuer grants: codes with PKCE, refresh tokens used once, client credentials."""

import hmac
from collections.abc import Mapping
from typing import Any

from chassis.testing.oidc.tokens import SigningKeys, challenge_of, now, secret_text

_CODE_SECONDS = 60


class Refused(Exception):
    """The OAuth error that is answered."""


class Grants:
    """Clients, people and what was granted to them.

    Args:
        configuration: ``clients`` by id (``secret``, ``redirect_uris``, ``scope``, ``claims``),
            ``users`` by name (``password`` and their claims), ``audience``, ``lifetime``.
    """

    def __init__(self, configuration: Mapping[str, Any], keys: SigningKeys) -> None:
        self._issuer = configuration["issuer"]
        self._audience = configuration["audience"]
        self._lifetime = configuration["lifetime"]
        self._clients: Mapping[str, Any] = configuration["clients"]
        self.users: dict[str, Any] = dict(configuration["users"])
        self._keys = keys
        self._codes: dict[str, dict[str, Any]] = {}
        self._refresh: dict[str, dict[str, Any]] = {}

    def asked(self, given: Mapping[str, str]) -> dict[str, str]:
        """Check an authorization request; raises Refused."""
        client = self._clients.get(given.get("client_id", ""))
        if client is None or given.get("redirect_uri") not in client["redirect_uris"]:
            raise Refused("invalid_client")
        if given.get("response_type") != "code" or "openid" not in given.get("scope", "").split():
            raise Refused("invalid_request")
        if given.get("code_challenge_method") != "S256" or not given.get("code_challenge"):
            raise Refused("invalid_request")
        wanted = ("client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge")
        return {name: given[name] for name in wanted}

    def knows(self, user: str, password: str) -> bool:
        """Say whether somebody's password is right."""
        return user in self.users and self.users[user]["password"] == password

    def code(self, asked: Mapping[str, str], user: str) -> str:
        """Return a code for what somebody consented to; it is good once."""
        code = secret_text()
        self._codes[code] = {**asked, "user": user, "until": now() + _CODE_SECONDS}
        return code

    def tokens(self, form: Mapping[str, str], modes: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a token request; raises Refused."""
        client_id = form.get("client_id", "")
        client = self._clients.get(client_id)
        if client is None or not hmac.compare_digest(
            client.get("secret") or "", form.get("client_secret", "")
        ):
            raise Refused("invalid_client")
        match form.get("grant_type"):
            case "client_credentials":
                claims = {"sub": client_id, "scope": client["scope"], **client.get("claims", {})}
                return {**self._access(client_id, claims), "scope": client["scope"]}
            case "authorization_code":
                return self._for_person(self._redeemed(form, client_id), client_id, modes)
            case "refresh_token":
                granted = self._refresh.pop(form.get("refresh_token", ""), None)
                if granted is None or granted["client_id"] != client_id:
                    raise Refused("invalid_grant")
                return self._for_person({**granted, "nonce": None}, client_id, modes)
            case _:
                raise Refused("unsupported_grant_type")

    def _redeemed(self, form: Mapping[str, str], client_id: str) -> dict[str, Any]:
        granted = self._codes.pop(form.get("code", ""), None)
        if granted is None or granted["until"] < now() or granted["client_id"] != client_id:
            raise Refused("invalid_grant")
        if granted["redirect_uri"] != form.get("redirect_uri"):
            raise Refused("invalid_grant")
        if challenge_of(form.get("code_verifier", "")) != granted["code_challenge"]:
            raise Refused("invalid_grant")
        return granted

    def _for_person(
        self, granted: Mapping[str, Any], client_id: str, modes: Mapping[str, Any]
    ) -> dict[str, Any]:
        user = self.users.get(granted["user"])
        if user is None:
            raise Refused("invalid_grant")
        person = {name: value for name, value in user.items() if name != "password"}
        identity = {
            "iss": self._issuer,
            "aud": client_id,
            "sub": person["sub"],
            "iat": now(),
            "exp": now() + self._lifetime,
            "nonce": granted["nonce"],
            **{name: person[name] for name in ("name", "email") if name in person},
            **modes.get("id_token", {}),
        }
        refresh = secret_text()
        self._refresh[refresh] = {"user": granted["user"], "client_id": client_id}
        kept = {name: value for name, value in identity.items() if value is not None}
        return {
            **self._access(client_id, {**person, **modes.get("access_token", {})}),
            "id_token": self._keys.sign(kept),
            "refresh_token": refresh,
        }

    def _access(self, client_id: str, claims: Mapping[str, Any]) -> dict[str, Any]:
        whole = {
            "iss": self._issuer,
            "aud": self._audience,
            "azp": client_id,
            "iat": now(),
            "exp": now() + self._lifetime,
            "jti": secret_text(),
            **claims,
        }
        return {
            "access_token": self._keys.sign(whole, {"typ": "at+jwt"}),
            "token_type": "Bearer",
            "expires_in": self._lifetime,
        }
