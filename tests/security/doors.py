"""What is at each of a service's HTTP doors; a route without a line here fails the test.

Each door is one of these, and that says how it is tried as the other tenant:

``token``         asked with a token of the other tenant, with every id of the first
``host``          a shop's page: asked at the other tenant's host, and below its name in the mall
``signed``        asked with the other tenant's signature, and with it at the first one's address
``installation``  needs a right on the installation, which no tenant's token has
``everyone``      says the same to everybody, and nothing of a tenant that did not ask for it
"""

from collections.abc import Mapping

_EVERY_SERVICE = {
    "installation": """
        GET /internal/v1/log/heads
        GET /internal/v1/log/lanes/<int:lane>
        GET /internal/v1/parked
        GET /internal/v1/parked/<subscription>/<int:position>
        POST /internal/v1/parked/<subscription>/<int:position>/retry
        POST /internal/v1/parked/<subscription>/<int:position>/skip
        GET /internal/v1/parked/audit
        POST /internal/v1/parked/retry
        GET /internal/v1/progress
        GET /internal/v1/tenants/<tenant_id>/quotas
        GET /internal/v1/tenants/<tenant_id>/usage
    """,
    "token": """
        GET /v1/audit
        GET /v1/me
        GET /v1/quotas
        GET /v1/usage
    """,
}
_IDENTITY = {
    "installation": """
        POST /v1/tenants
        GET /internal/v1/tenants/<tenant_id>/limits
        PUT /internal/v1/tenants/<tenant_id>/limits
    """,
    "token": """
        GET /v1/accounts/lookup
        GET /v1/erasures/<uuid:request_id>
        POST /v1/follows
        GET /v1/funnel
        POST /v1/imports/people
        POST /v1/persons
        GET /v1/persons/<uuid:person_id>
        POST /v1/persons/<uuid:person_id>/accounts
        GET /v1/persons/<uuid:person_id>/consents
        POST /v1/persons/<uuid:person_id>/consents
        POST /v1/persons/<uuid:person_id>/consents/withdrawals
        POST /v1/persons/<uuid:person_id>/emails
        POST /v1/persons/<uuid:person_id>/erasure
        POST /v1/persons/<uuid:person_id>/memberships
        POST /v1/persons/<uuid:person_id>/splits
        POST /v1/persons/matches
        GET /v1/persons/merges
        POST /v1/persons/merges
        POST /v1/phones/<uuid:phone_id>/attestations
        POST /v1/phones/<uuid:phone_id>/confirmations
        POST /v1/phones/<uuid:phone_id>/reassignments
        POST /v1/phones/<uuid:phone_id>/releases
        POST /v1/phones/<uuid:phone_id>/verifications
        POST /v1/phones/claims
        POST /v1/phones/look-up
        GET /v1/tenants/me
        PUT /v1/tenants/me
        POST /v1/unfollows
    """,
}
_LISTENING = {
    "token": """
        GET /v1/cases
        GET /v1/cases/<uuid:case_id>
        POST /v1/cases/<uuid:case_id>/replies
        POST /v1/cases/<uuid:case_id>/resolutions
        POST /v1/imports/mentions
        GET /v1/mentions
        POST /v1/mentions
        GET /v1/personas
        POST /v1/personas
        PUT /v1/reply-policy
        GET /v1/reports/sla
        GET /v1/watches
        POST /v1/watches
        POST /v1/watches/<uuid:watch_id>/pauses
        POST /v1/watches/<uuid:watch_id>/revisions
    """,
}
_CAMPAIGNS = {
    "signed": """
        GET /r/<token>
    """,
    "token": """
        GET /v1/attribution
        GET /v1/contents
        POST /v1/contents
        GET /v1/contents/<uuid:content_id>
        POST /v1/contents/<uuid:content_id>/approvals
        POST /v1/contents/<uuid:content_id>/checks
        POST /v1/contents/<uuid:content_id>/publications
        POST /v1/contents/<uuid:content_id>/withdrawals
        POST /v1/imports/sessions
        POST /v1/imports/touches
        POST /v1/length-limits
        GET /v1/reports/channels
        GET /v1/reports/faces
        POST /v1/spend
        POST /v1/touches
    """,
}
_COMMERCE = {
    "everyone": """
        GET /mall
        GET /static/<name>
    """,
    "host": """
        GET /
        GET /buy/<sku>
        POST /buy/<sku>
        GET /cart
        POST /cart/add
        POST /cart/lines
        POST /cart/order
        GET /forget
        POST /forget
        GET /forgotten
        GET /mall/<tenant>/
        GET /mall/<tenant>/buy/<sku>
        POST /mall/<tenant>/buy/<sku>
        GET /mall/<tenant>/cart
        POST /mall/<tenant>/cart/add
        POST /mall/<tenant>/cart/lines
        POST /mall/<tenant>/cart/order
        GET /mall/<tenant>/forget
        POST /mall/<tenant>/forget
        GET /mall/<tenant>/forgotten
        GET /mall/<tenant>/media/<digest>
        GET /mall/<tenant>/orders/<path:mistyped>
        GET /mall/<tenant>/orders/<uuid:order_id>
        GET /mall/<tenant>/p/<path:mistyped>
        GET /mall/<tenant>/p/<uuid:post_id>
        GET /mall/<tenant>/products/<sku>
        GET /media/<digest>
        GET /orders/<path:mistyped>
        GET /orders/<uuid:order_id>
        GET /p/<path:mistyped>
        GET /p/<uuid:post_id>
        GET /products/<sku>
    """,
    "signed": """
        POST /v1/tenants/<tenant>/fulfilment/callbacks
        POST /v1/tenants/<tenant>/marketplaces/<marketplace>/messages
        POST /v1/tenants/<tenant>/payments/callbacks
    """,
    "token": """
        POST /v1/buyers/links
        POST /v1/carts
        GET /v1/carts/<uuid:cart_id>
        POST /v1/carts/<uuid:cart_id>/lines
        GET /v1/drops
        POST /v1/drops
        GET /v1/drops/<uuid:drop_id>
        POST /v1/drops/<uuid:drop_id>/entries
        GET /v1/drops/<uuid:drop_id>/entries/<uuid:entry_id>
        POST /v1/marketplaces/<marketplace>/skus
        GET /v1/marketplaces/messages/refused
        POST /v1/media
        GET /v1/orders
        POST /v1/orders
        GET /v1/orders/<uuid:order_id>
        POST /v1/orders/<uuid:order_id>/cancel
        POST /v1/orders/<uuid:order_id>/fulfilment/accept
        POST /v1/orders/<uuid:order_id>/fulfilment/deliver
        POST /v1/orders/<uuid:order_id>/fulfilment/fail
        POST /v1/orders/<uuid:order_id>/fulfilment/return
        POST /v1/orders/<uuid:order_id>/fulfilment/ship
        GET /v1/orders/<uuid:order_id>/parcel
        GET /v1/persons/<person_id>/orders
        POST /v1/posts
        GET /v1/posts/<uuid:post_id>
        GET /v1/prices
        GET /v1/products
        POST /v1/products
        GET /v1/products/<sku>
        POST /v1/products/<sku>/descriptions
        POST /v1/products/<sku>/media
        POST /v1/products/<sku>/withdraw
        GET /v1/promotions
        POST /v1/promotions
        POST /v1/promotions/<promotion_id>/coupons
        POST /v1/promotions/<promotion_id>/end
        GET /v1/reports/abandonment
        GET /v1/reports/abandonment/carts
        GET /v1/reports/money
        GET /v1/reports/origins
        GET /v1/reports/orphans
        GET /v1/reports/reaction-times
        GET /v1/stock/<sku>
        POST /v1/stock/adjustments
        POST /v1/stock/receipts
        POST /v1/storefront
        GET /v1/stores
        POST /v1/stores
        POST /v1/stores/<store_id>/purchases
        POST /v1/stores/<store_id>/purchases/<receipt_no>/refunds
    """,
}


def doors_of(service: str) -> Mapping[str, str]:
    """Return the kind of each door of a service, by its route's name."""
    own = {
        "identity": _IDENTITY,
        "listening": _LISTENING,
        "campaigns": _CAMPAIGNS,
        "commerce": _COMMERCE,
    }[service]
    return {
        line.strip(): kind
        for part in (_EVERY_SERVICE, own)
        for kind, lines in part.items()
        for line in lines.strip().splitlines()
    }
