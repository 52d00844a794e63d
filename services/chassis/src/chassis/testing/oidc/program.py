"""The issuer's process: ``python -m chassis.testing.oidc.program CONFIGURATION``.

Discovery, keys, authorization with PKCE and a page that asks for consent, tokens by code,
refresh and client credentials, sign-out; and ``/control``, by which a test rotates keys, signs
whatever it likes and has the issuer misbehave.
"""

import json
import signal
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from cheroot.ssl.builtin import BuiltinSSLAdapter
from cheroot.wsgi import Server
from markupsafe import escape
from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException, NotFound, Unauthorized
from werkzeug.utils import redirect

from chassis.testing.oidc.grants import Grants, Refused
from chassis.testing.oidc.tokens import SigningKeys

_PAGE = """<!doctype html><html lang="en"><title>Test issuer</title><h1>Sign in at the issuer</h1>
<form method="post"><label for="user">Name</label> <input id="user" name="user" required>
<label for="password">Password</label> <input id="password" name="password" type="password">
<p>{client} wants to know who you are: {scope}</p>
<button name="consent" value="yes">Allow</button> <button name="consent" value="no">Refuse</button>
</form></html>"""
_HANG_SECONDS = 30.0


class _Patient(BuiltinSSLAdapter):
    """Shakes hands in the thread that serves, so that who connects and says nothing stops nobody.

    Browsers open connections that they may want later.
    """

    def wrap(self, sock: socket.socket) -> tuple[socket.socket, dict[str, str]]:
        """Return the encrypted socket and what requests are told of it."""
        wrapped = self.context.wrap_socket(sock, do_handshake_on_connect=False, server_side=True)
        return wrapped, {"wsgi.url_scheme": "https", "HTTPS": "on"}


class Issuer:
    """Answers requests; what it does wrong is in ``modes``."""

    def __init__(self, configuration: Mapping[str, Any]) -> None:
        self.issuer: str = configuration["issuer"]
        self.keys = SigningKeys(Path(configuration["keys"]))
        self.grants = Grants(configuration, self.keys)
        self.counts: Counter[str] = Counter()
        self.modes: dict[str, Any] = {}
        self._routes: dict[tuple[str, str], Callable[[Request], Response]] = {
            ("GET", "/.well-known/openid-configuration"): self._discovery,
            ("GET", "/jwks"): self._jwks,
            ("GET", "/authorize"): self._ask,
            ("POST", "/authorize"): self._consent,
            ("POST", "/token"): self._token,
            ("GET", "/logout"): self._logout,
            ("POST", "/control"): self._control,
        }

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer one request."""
        request = Request(environ)
        try:
            response: Any = self._answer(request)
        except Refused as refused:
            response = _json({"error": str(refused)}, 400)
        except HTTPException as error:
            response = error.get_response()
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        if request.path != "/control":
            self.counts[request.path] += 1
            mode = self.modes.get(request.path)
            if mode == "hang":
                time.sleep(_HANG_SECONDS)
            if mode == "fail":
                return _json({"error": "server_error"}, 500)
            if isinstance(mode, int):
                return _json({"error": "temporarily_unavailable"}, mode)
            if mode == "garbage":
                return Response("<html>not JSON</html>", content_type="text/html")
            if mode == "huge":
                return Response("[" + "1," * 4_000_000 + "1]", content_type="application/json")
            if mode == "redirect":
                return _found(f"{self.issuer}/elsewhere")
        route = self._routes.get((request.method, request.path))
        if route is None:
            raise NotFound
        return route(request)

    def _discovery(self, _: Request) -> Response:
        endpoints = {
            "authorization_endpoint": "/authorize",
            "token_endpoint": "/token",
            "jwks_uri": "/jwks",
            "end_session_endpoint": "/logout",
        }
        document = {
            "issuer": self.issuer,
            **{name: f"{self.issuer}{path}" for name, path in endpoints.items()},
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256", "EdDSA"],
        }
        return _json({**document, **self.modes.get("discovery", {})})

    def _jwks(self, _: Request) -> Response:
        return _json(self.modes.get("keys") or self.keys.document())

    def _ask(self, request: Request) -> Response:
        asked = self.grants.asked(request.args)
        shown = _PAGE.format(client=escape(asked["client_id"]), scope=escape(asked["scope"]))
        return Response(shown, content_type="text/html; charset=utf-8")

    def _consent(self, request: Request) -> Response:
        asked = self.grants.asked(request.args)
        if request.form.get("consent") != "yes":
            answer = {"error": "access_denied"}
        else:
            user, password = request.form.get("user", ""), request.form.get("password", "")
            if not self.grants.knows(user, password):
                raise Unauthorized
            answer = {"code": self.grants.code(asked, user)}
        answer |= {"state": asked["state"], "iss": self.issuer, **self.modes.get("answer", {})}
        return _found(f"{asked['redirect_uri']}?{urlencode(answer)}")

    def _token(self, request: Request) -> Response:
        given = request.authorization
        form = request.form.to_dict()
        if given is not None and given.type == "basic":
            form |= {"client_id": given.username or "", "client_secret": given.password or ""}
        return _json(self.grants.tokens(form, self.modes))

    def _logout(self, request: Request) -> Response:
        return _found(request.args["post_logout_redirect_uri"])

    def _control(self, request: Request) -> Response:
        wanted = request.get_json()
        match wanted["do"]:
            case "rotate":
                return _json(self.keys.rotate(wanted["algorithm"]))
            case "remove_old":
                self.keys.remove_old()
            case "sign":
                return _json(self.keys.sign(wanted["claims"], wanted["header"]))
            case "modes":
                self.modes = wanted["modes"]
            case "user":
                self.grants.users[wanted["name"]] = wanted["user"]
            case "counts":
                return _json(self.counts)
        return _json(None)


def _json(body: Any, status: int = 200) -> Response:
    return Response(json.dumps(body), status=status, content_type="application/json")


def _found(address: str) -> Response:
    response = redirect(address, code=303)
    return Response(response.get_data(), status=303, headers={"Location": address})


def main(path: str) -> None:
    """Serve until SIGTERM."""
    configuration = json.loads(Path(path).read_text())
    server = Server(("127.0.0.1", configuration["port"]), Issuer(configuration), numthreads=16)
    if configuration.get("certificate"):
        server.ssl_adapter = _Patient(configuration["certificate"], configuration["key"])
    server.shutdown_timeout = 1
    server.prepare()
    threading.Thread(target=server.serve, daemon=True).start()
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    server.stop()


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main(sys.argv[1])
