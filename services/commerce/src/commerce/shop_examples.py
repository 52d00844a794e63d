"""One good example of every event about what shoppers see."""

from uuid import UUID

from commerce import shop_events

POST_ID = UUID("6f1c2f0e-0000-4000-8000-000000000009")
PICTURE = shop_events.Medium(
    mime_type="image/jpeg",
    alt=(
        shop_events.LocalText(lang="zh-Hant", text="米色亞麻襯衫"),
        shop_events.LocalText(lang="en", text="A beige linen shirt"),
    ),
    asset="5e" * 32,
)
TEXTS = (
    shop_events.LocalText(lang="zh-Hant", text="透氣的亞麻，適合夏天。"),
    shop_events.LocalText(lang="en", text="Linen that breathes, for the summer."),
)
PRODUCT_MEDIA_SET = shop_events.ProductMediaSet(sku="shirt-m", media=(PICTURE,))
PRODUCT_DESCRIBED = shop_events.ProductDescribed(sku="shirt-m", texts=TEXTS)
POST_PUBLISHED = shop_events.PostPublished(
    post_id=POST_ID,
    content="content-1",
    platform="facebook",
    property="page-1",
    texts=TEXTS,
    media=(PICTURE,),
    skus=("shirt-m",),
)
STOREFRONT_DESCRIBED = shop_events.StorefrontDescribed(name="Acme", in_shared_mall=True)
PARCEL_ADDRESSED = shop_events.ParcelAddressed(
    order_id=UUID("6f1c2f0e-0000-4000-8000-000000000001"),
    person_id="person-1",
    name="A. Buyer",
    phone="+886 912 345 678",
    address="1 Main Road, Taipei",
)
