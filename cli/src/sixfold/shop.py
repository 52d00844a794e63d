"""The demonstration's shop: a made-up tea house whose goods and prices are synthetic."""

from dataclasses import dataclass
from typing import Any

TENANT = "lantern"
BRAND = "lantern"
ZONE = "Asia/Hong_Kong"
CURRENCY = "HKD"
COUNTRY = "HK"
TERMS = ["Lantern Tea", "燈籠茶", "灯笼茶"]
STOCK = 2_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Product:
    """Something the tea house sells; prices in cents of HKD."""

    sku: str
    title: str
    list_price: int
    sale_price: int

    def as_body(self) -> dict[str, Any]:
        """Return the command that lists it."""
        return {
            "sku": self.sku,
            "title": self.title,
            "list": {"amount": self.list_price, "currency": CURRENCY},
            "sale": {"amount": self.sale_price, "currency": CURRENCY},
        }


PRODUCTS = (
    Product(
        sku="oolong-tin", title="凍頂烏龍 Oolong, 150 g tin", list_price=24800, sale_price=19900
    ),
    Product(
        sku="puer-cake", title="普洱茶餅 Pu'er cake, 357 g", list_price=52000, sale_price=46800
    ),
    Product(
        sku="jasmine-box", title="茉莉花茶 Jasmine pearls, box", list_price=16800, sale_price=14900
    ),
    Product(sku="chen-pi", title="陳皮 Aged tangerine peel", list_price=9800, sale_price=9800),
    Product(sku="gaiwan", title="蓋碗 Porcelain gaiwan", list_price=32000, sale_price=28800),
    Product(
        sku="lantern-gift", title="燈籠禮盒 Lantern gift set", list_price=88000, sale_price=78000
    ),
)
