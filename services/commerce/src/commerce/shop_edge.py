"""The part of commerce's door that is about what shoppers see."""

from uuid import UUID

from sqlalchemy import Connection

from chassis.entrypoints import command, query
from chassis.routes import Call, Reply
from chassis.unit_of_work import UnitOfWork
from commerce import handlers, posting, queries, shop_queries, views
from commerce.messages import Moment, ProductView
from commerce.order import placed
from commerce.post import published
from commerce.presentation import PRESENTATION
from commerce.shop_events import PostPublished
from commerce.shop_messages import (
    AssetRequest,
    AssetView,
    MediaRequest,
    ParcelView,
    PostRequest,
    PostView,
    StorefrontRequest,
    TextsRequest,
)

READ, WRITE, PARCELS = "commerce.read", "commerce.write", "commerce.parcels"
# In base64, which is a third longer than what it stands for.
LONGEST_ASSET = 8 << 20


class ShopEdge:
    """Media, descriptions, posts, shops, and where parcels go."""

    @query("/v1/products/<sku>", scope=READ, reply=ProductView)
    def show_product(self, db: Connection, call: Call[None]) -> Reply:
        """Show a product with the price that holds now, its media and its descriptions."""
        sku, now = call.path["sku"], call.clock.now()
        return Reply(body=shop_queries.catalogue_view(db, call.tenant, sku, now))

    @command("/v1/products/<sku>/withdraw", scope=WRITE, body=Moment, reply=ProductView, status=200)
    def withdraw_product(self, work: UnitOfWork, call: Call[Moment]) -> Reply:
        """Take a product off sale until it is offered anew."""
        sku = call.path["sku"]
        done = handlers.withdraw_product(work, sku)
        shown = work.load(PRESENTATION, sku).state
        return Reply(body=views.product(sku, done.state, shown, work.now), version=done.version)

    @command("/v1/media", scope=WRITE, body=AssetRequest, reply=AssetView, body_bytes=LONGEST_ASSET)
    def upload_media(self, work: UnitOfWork, call: Call[AssetRequest]) -> Reply:
        """Upload a picture or a video to show products and posts by."""
        return Reply(body=posting.upload(work, call.body))

    @command("/v1/products/<sku>/media", scope=WRITE, body=MediaRequest, reply=MediaRequest)
    def set_media(self, work: UnitOfWork, call: Call[MediaRequest]) -> Reply:
        """Show a product by these pictures and videos from now on."""
        done = posting.set_media(work, call.path["sku"], call.body.media)
        return Reply(body=MediaRequest(media=done.state.media), version=done.version)

    @command("/v1/products/<sku>/descriptions", scope=WRITE, body=TextsRequest, reply=TextsRequest)
    def describe_product(self, work: UnitOfWork, call: Call[TextsRequest]) -> Reply:
        """Describe a product by these texts from now on."""
        done = posting.describe(work, call.path["sku"], call.body.texts)
        return Reply(body=TextsRequest(texts=done.state.texts), version=done.version)

    @command("/v1/posts", scope=WRITE, body=PostRequest, reply=PostView)
    def publish_post(self, work: UnitOfWork, call: Call[PostRequest]) -> Reply:
        """Publish a post from which one can buy."""
        done = posting.publish(work, call.body)
        return Reply(body=_post(published(done.state)), version=done.version)

    @query("/v1/posts/<uuid:post_id>", scope=READ, reply=PostView)
    def show_post(self, db: Connection, call: Call[None]) -> Reply:
        """Show a post."""
        post_id: UUID = call.path["post_id"]
        return Reply(body=_post(shop_queries.post(db, call.tenant, post_id)))

    @command("/v1/storefront", scope=WRITE, body=StorefrontRequest, reply=StorefrontRequest)
    def describe_storefront(self, work: UnitOfWork, call: Call[StorefrontRequest]) -> Reply:
        """Name the shop, and let it stand in the shared mall or not."""
        done = posting.describe_storefront(work, call.body)
        return Reply(body=call.body, version=done.version)

    @query(
        "/v1/orders/<uuid:order_id>/parcel",
        scope=PARCELS,
        reply=ParcelView,
        audit="parcel.read",
    )
    def show_parcel(self, db: Connection, call: Call[None]) -> Reply:
        """Show whoever packs an order where its goods go."""
        order_id: UUID = call.path["order_id"]
        placed(queries.order_state(db, call.tenant, order_id)[0])
        told = shop_queries.parcel(db, call.tenant, order_id, call.keys).addressed
        return Reply(
            body=ParcelView(
                order_id=order_id,
                name=told.name if told else None,
                phone=told.phone if told else None,
                address=told.address if told else None,
            )
        )


def _post(post: PostPublished) -> PostView:
    return PostView(
        post_id=post.post_id,
        platform=post.platform,
        property=post.property,
        content=post.content,
        texts=post.texts,
        media=post.media,
        skus=post.skus,
        page=f"/p/{post.post_id}",
    )
