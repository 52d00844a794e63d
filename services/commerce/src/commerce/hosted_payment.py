"""A payment on the provider's own page: nothing of a card ever reaches us."""

from urllib.parse import urlencode
from uuid import UUID

from chassis.forms import is_signed, signed_text
from chassis.ids import derived_id
from commerce.settings import callback_secret

PREFIX = "tok_hosted_"
_PURPOSE = "payment page"


def session_token(command_id: UUID, method: str) -> str:
    """Return the token of one order's session at the provider; the same for a repeat."""
    return f"{PREFIX}{method}_{derived_id(command_id, 'hosted payment').hex}"


def page_address(
    base: str, *, secret: bytes, tenant: str, token: str, return_to: str, lang: str
) -> str:
    """Return where the buyer pays; signed, so that nobody is sent back to another site.

    Args:
        base: The provider's address, as a browser sees it.
        secret: The deployment's secret; the merchant's own key derives from it.
        tenant: Whose order.
        token: The session's.
        return_to: Where the buyer goes afterwards.
        lang: The language of the page.
    """
    proof = signed_text(callback_secret(secret, tenant), _PURPOSE, [token, return_to])
    asked = {"merchant": tenant, "return_to": return_to, "proof": proof, "lang": lang}
    return f"{base}/pay/{token}?{urlencode(asked)}"


def comes_from(secret: bytes, *, tenant: str, token: str, return_to: str, proof: str) -> bool:
    """Say whether a merchant himself sent the buyer to the provider's page."""
    return is_signed(callback_secret(secret, tenant), _PURPOSE, [token, return_to], proof)
