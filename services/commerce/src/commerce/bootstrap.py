"""Commerce, put together."""

from chassis.blueprint import Blueprint
from commerce import projections
from commerce.events import registry
from commerce.gateways import payment_gateway
from commerce.order_process import ORDER_PROCESS
from commerce.upstream import upstream

BLUEPRINT = Blueprint(
    name="commerce",
    registry=registry,
    upstream=upstream,
    edge="commerce.service:CommerceService",
    inline=(projections.purchases,),
    projections=(
        projections.catalogue,
        projections.stock,
        projections.orders,
        projections.balance,
    ),
    processes=(ORDER_PROCESS,),
    gateways={"payment_provider": payment_gateway},
)
