"""Commerce, put together."""

from chassis.audit import TRAIL
from chassis.blueprint import Blueprint
from chassis.quotas.metering import metering
from chassis.quotas.stock import Held, Stock
from commerce import (  # noqa: F401  # the upstreams only declare what is read
    buyers_events,
    cart_projections,
    cart_upstream,
    drop_projections,
    handlers,
    projections,
    promotion_projections,
    promotion_upstream,
    shop_projections,
)
from commerce.cart_process import CART_PROCESS
from commerce.counts import count_oversold
from commerce.drop_process import DROP_PROCESS, GRANT_PROCESS
from commerce.events import ProductListed, registry
from commerce.fulfilment_port import fulfilment_gateway
from commerce.gateways import payment_gateway
from commerce.order_process import ORDER_PROCESS
from commerce.reports_projections import reactions
from commerce.stores_projections import directory
from commerce.trade_projections import waiting
from commerce.upstream import upstream

BLUEPRINT = Blueprint(
    name="commerce",
    registry=registry,
    upstream=upstream,
    edge="commerce.service:CommerceService",
    inline=(
        projections.purchases,
        drop_projections.terms,
        cart_projections.buyers,
        promotion_projections.on_offer,
        promotion_projections.given_out,
        promotion_projections.uses,
        Held(Stock(name="products", comes=[ProductListed])),
        TRAIL,
    ),
    projections=(
        projections.catalogue,
        projections.pricing,
        projections.stock,
        projections.orders,
        projections.balance,
        drop_projections.board,
        drop_projections.entries,
        shop_projections.showing,
        shop_projections.shops,
        cart_projections.left_behind,
        reactions,
        directory,
        waiting,
        metering(),
    ),
    processes=(ORDER_PROCESS, DROP_PROCESS, GRANT_PROCESS, CART_PROCESS),
    gateways={"payment_provider": payment_gateway, "fulfilment_partner": fulfilment_gateway},
    counts=(count_oversold,),
    forget=handlers.forget_rows,
)
