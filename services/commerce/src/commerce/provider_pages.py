"""The payment provider's own page, where a buyer pays, declines, or leaves."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from jinja2 import Environment, PackageLoader, StrictUndefined
from werkzeug import Request, Response
from werkzeug.utils import redirect

from chassis.page_edge import guarded, policy
from commerce.hosted_payment import comes_from
from commerce.page_words import language, words
from commerce.pages import shown_money
from commerce.provider_scenarios import HOSTED, Demand, News, chosen

Choice = Literal["authorized", "declined"]
_CHOICES: Mapping[str, Choice] = {"pay": "authorized", "decline": "declined"}
_templates = Environment(
    loader=PackageLoader("commerce"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


@dataclass(kw_only=True, slots=True)
class _Session:
    payment_id: UUID
    demand: Demand
    key: str
    echoed: Mapping[str, str]
    choice: Choice | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sent:
    """How a merchant sent a buyer here."""

    session: str
    merchant: str
    return_to: str
    lang: str


class HostedPages:
    """The pages of all payments that wait for their buyers.

    Args:
        secret: The deployment's secret; proves which merchant sent a buyer.
        choose: Called with the session and what its buyer decided.
    """

    def __init__(self, secret: bytes, choose: Callable[[str, Choice], None]) -> None:
        self._secret = secret
        self._choose = choose
        self._sessions: dict[str, _Session] = {}

    def open(
        self, payment_id: UUID, demand: Demand, *, key: str, echoed: Mapping[str, str]
    ) -> None:
        """Let a payment wait for its buyer, if it is one that does."""
        if demand.method.startswith(HOSTED):
            session = _Session(payment_id=payment_id, demand=demand, key=key, echoed=echoed)
            self._sessions.setdefault(demand.method, session)

    def decide(self, session: str, choice: Choice) -> tuple[News, Mapping[str, str]] | None:
        """Take a buyer's decision; return what is to be told, None after the first one."""
        found = self._sessions.get(session)
        if found is None or found.choice is not None:
            return None
        found.choice = choice
        news = chosen(choice, found.demand, payment_id=found.payment_id, key=found.key)
        return news, found.echoed

    def answer(self, request: Request) -> Response:
        """Show a payment page, or take what was decided there."""
        sent = self._sent(request)
        if sent is None:
            return Response("no merchant sent you here", status=404)
        if request.method == "POST":
            return self._taken(request, sent)
        return self._page(sent)

    def _sent(self, request: Request) -> _Sent | None:
        asked = {name: request.args.get(name, "") for name in ("merchant", "return_to", "proof")}
        session = request.path.removeprefix("/pay/")
        known = comes_from(
            self._secret,
            tenant=asked["merchant"],
            token=session,
            return_to=asked["return_to"],
            proof=asked["proof"],
        )
        return (
            _Sent(
                session=session,
                merchant=asked["merchant"],
                return_to=asked["return_to"],
                lang=language(request.args.get("lang"), ""),
            )
            if known
            else None
        )

    def _taken(self, request: Request, sent: _Sent) -> Response:
        choice = _CHOICES.get(request.form.get("choice", ""))
        if choice is None or sent.session not in self._sessions:
            return self._page(sent)
        self._choose(sent.session, choice)
        return redirect(sent.return_to, code=303)

    def _page(self, sent: _Sent) -> Response:
        found = self._sessions.get(sent.session)
        values: dict[str, Any] = {
            "lang": sent.lang,
            "t": words(sent.lang),
            "merchant": sent.merchant,
            "return_to": sent.return_to,
            "waiting": found is None,
            "choice": found.choice if found else None,
            "amount": shown_money(found.demand.amount, sent.lang) if found else None,
        }
        text = _templates.get_template("pay.html").render(**values)
        response = Response(text, content_type="text/html; charset=utf-8")
        shop = "/".join(sent.return_to.split("/")[:3])
        response.headers["Content-Security-Policy"] = policy(
            form_action=shop, img_src="data:", style_src="'unsafe-inline'"
        )
        return guarded(response)
