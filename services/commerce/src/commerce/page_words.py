"""What the pages say, in each of their languages; and which language a shopper reads."""

from collections.abc import Mapping, Sequence

from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from commerce.shop_events import LocalText

# What each calls itself, and in short.
LANGUAGES: Mapping[str, tuple[str, str]] = {
    "zh-Hant": ("繁體中文", "繁"),
    "zh-Hans": ("简体中文", "简"),
    "en": ("English", "EN"),
}
LOCALES: Mapping[str, str] = {"zh-Hant": "zh_Hant", "zh-Hans": "zh_Hans", "en": "en"}
USUAL = "zh-Hant"
_FALLBACK: Mapping[str, Sequence[str]] = {
    "zh-Hant": ("zh-Hant", "yue", "zh-Hans", "en"),
    "zh-Hans": ("zh-Hans", "zh-Hant", "yue", "en"),
    "en": ("en", "zh-Hant", "zh-Hans", "yue"),
}
_SIMPLIFIED = {"zh", "zh-cn", "zh-sg", "zh-my", "zh-hans"}
_WORDS: Mapping[str, tuple[str, str, str]] = {
    "skip": ("跳到內容", "跳到内容", "Skip to the content"),
    "language": ("語言", "语言", "Language"),
    "shops": ("商場", "商场", "Mall"),
    "all_shops": ("商場裡的商店", "商场里的商店", "Shops in this mall"),
    "no_shops": ("目前沒有商店。", "目前没有商店。", "No shop is open yet."),
    "products": ("商品", "商品", "Products"),
    "no_products": ("目前沒有商品。", "目前没有商品。", "Nothing is on sale yet."),
    "list_price": ("原價", "原价", "List price"),
    "sale_price": ("售價", "售价", "Sale price"),
    "price": ("單價", "单价", "Price"),
    "total": ("總計", "总计", "Total"),
    "available": ("有貨", "有货", "Available"),
    "few": ("只剩 {n} 件", "只剩 {n} 件", "Only {n} left"),
    "sold_out": ("已售完", "已售完", "Sold out"),
    "not_offered": ("目前不販售", "目前不出售", "Not for sale now"),
    "only_on": (
        "目前只在 {channel} 販售",
        "目前只在 {channel} 出售",
        "For now sold on {channel} only",
    ),
    "pages": ("更多商品", "更多商品", "More products"),
    "page_n": ("第 {n} 頁", "第 {n} 页", "Page {n}"),
    "earlier_page": ("上一頁商品", "上一页商品", "Previous products"),
    "later_page": ("下一頁商品", "下一页商品", "Next products"),
    "buy": ("立即購買", "立即购买", "Buy now"),
    "buy_this": ("立即購買 {title}", "立即购买 {title}", "Buy {title}"),
    "cart": ("購物車", "购物车", "Cart"),
    "cart_empty": ("購物車是空的。", "购物车是空的。", "Your cart is empty."),
    "add": ("放入購物車", "加入购物车", "Add to cart"),
    "add_this": ("放入購物車 {title}", "加入购物车 {title}", "Add to cart: {title}"),
    "change": ("更改", "更改", "Change"),
    "change_this": ("更改數量 {title}", "更改数量 {title}", "Change quantity: {title}"),
    "line_not_offered": (
        "目前不販售，請改成 0 件。",
        "目前不出售，请改成 0 件。",
        "Not for sale now; set it to 0.",
    ),
    "line_out_of_stock": (
        "沒有這麼多存貨，請減少數量。",
        "没有这么多库存，请减少数量。",
        "There are not so many left; take fewer.",
    ),
    "line_other_currency": (
        "幣別不同，請分開下單。",
        "币种不同，请分开下单。",
        "In another currency; order it by itself.",
    ),
    "cart_differs": (
        "購物車剛剛改變了，請看清楚再下單。",
        "购物车刚刚改变，请确认后再下单。",
        "The cart has just changed. Look at it before you order.",
    ),
    "your_order": ("確認訂單", "确认订单", "Your order"),
    "qty": ("數量", "数量", "Quantity"),
    "delivery": ("收件資料", "收件信息", "Delivery"),
    "privacy": (
        "只用於寄送這張訂單。",
        "仅用于寄送此订单。",
        "We use this only to deliver this order.",
    ),
    "name": ("收件人姓名", "收件人姓名", "Recipient's name"),
    "phone": ("電話", "电话", "Phone"),
    "address": ("地址", "地址", "Address"),
    "method": ("付款方式", "付款方式", "Payment"),
    "card": ("信用卡或金融卡", "信用卡或借记卡", "Credit or debit card"),
    "wallet": ("行動支付", "移动支付", "Mobile wallet"),
    "pay_note": (
        "下一步會前往付款服務商的頁面付款。",
        "下一步将前往支付服务商的页面付款。",
        "You pay on the payment provider's page, in the next step.",
    ),
    "order_now": ("下單並付款", "下单并付款", "Order and pay"),
    "problem": ("請先修正", "请先修正", "Please check this first"),
    "wrong_qty": ("數量要是 1 到 99。", "数量须为 1 到 99。", "Enter a quantity from 1 to 99."),
    "wrong_name": ("請填寫收件人姓名。", "请填写收件人姓名。", "Enter the recipient's name."),
    "wrong_phone": ("請填寫電話號碼。", "请填写电话号码。", "Enter a phone number."),
    "wrong_address": ("請填寫完整地址。", "请填写完整地址。", "Enter the whole address."),
    "wrong_method": ("請選擇付款方式。", "请选择付款方式。", "Choose how to pay."),
    "price_changed": (
        "價格剛剛改變了，請看清楚新的價格再下單。",
        "价格刚刚改变，请确认新价格后再下单。",
        "The price has just changed. Look at the new price before you order.",
    ),
    "sold_out_now": (
        "沒有這麼多存貨了。",
        "没有这么多库存了。",
        "There are not so many left.",
    ),
    "person_limit_reached": (
        "您已達到這項商品的購買上限。",
        "您已达到该商品的购买上限。",
        "You have bought as many of this as one person may.",
    ),
    "buyer_not_known": (
        "這項商品每人限購，只賣給本店認識的顧客。",
        "该商品每人限购，只卖给本店认识的顾客。",
        "This product is limited for each person and sold only to buyers whom the shop knows.",
    ),
    "known_how": (
        "請把這個號碼告訴本店，並讓本店確認您是誰，然後回到這一頁：",
        "请把这个号码告诉本店，并让本店确认您是谁，然后回到此页：",
        "Tell the shop this number and who you are, then come back to this page:",
    ),
    "forget": ("忘記我的資料", "忘记我的信息", "Forget what you know of me"),
    "forget_what": (
        "本店會刪除您在這個瀏覽器下單時留下的姓名、電話、地址和付款代碼。",
        "本店会删除您在此浏览器下单时留下的姓名、电话、地址和支付代码。",
        "The shop erases the name, phone, address and payment token of your orders here.",
    ),
    "forget_for_ever": (
        "這無法復原。之後您看不到自己的訂單，除非您收藏了它的連結。",
        "此操作无法撤销。之后您看不到自己的订单，除非您收藏了它的链接。",
        "This cannot be undone. Afterwards you see your orders only by a link that you kept.",
    ),
    "forget_now": ("永久忘記", "永久忘记", "Forget for ever"),
    "forget_nothing": (
        "本店不認識這個瀏覽器，沒有可以忘記的資料。",
        "本店不认识此浏览器，没有可以忘记的信息。",
        "The shop does not know this browser; there is nothing to forget.",
    ),
    "forgotten": ("已經忘記", "已经忘记", "Forgotten"),
    "forgotten_more": (
        "本店已不再知道您在這個瀏覽器留下的資料。",
        "本店已不再知道您在此浏览器留下的信息。",
        "The shop no longer knows what you left in this browser.",
    ),
    "order_under_way": (
        "您還有訂單正在付款或備貨，寄送需要地址。請等商品寄出或付款結束後再試。",
        "您还有订单正在付款或备货，寄送需要地址。请等商品寄出或付款结束后再试。",
        "An order of yours is still being paid or packed. Ask again once it is sent or called off.",
    ),
    "exclusive_to_other_channel": (
        "這項商品目前只在另一個平台販售。",
        "该商品目前只在另一个平台出售。",
        "For now this is sold on another platform only.",
    ),
    "form_not_ours": (
        "請允許本店使用 Cookie，再從這一頁送出一次。",
        "请允许本店使用 Cookie，再从此页提交一次。",
        "Allow cookies for this shop, then send the form from this page again.",
    ),
    "form_too_old": (
        "這一頁開著太久了，請再送出一次。",
        "此页打开太久了，请再提交一次。",
        "This page was open for too long. Send it again.",
    ),
    "idempotency_key_reused": (
        "這張表單已經送出過了。要再買一次，請從這一頁重新下單。",
        "此表单已提交过。要再买一次，请从此页重新下单。",
        "This form was sent before. To buy once more, order from this page.",
    ),
    "other_problem": (
        "無法下單，請稍後再試。",
        "无法下单，请稍后再试。",
        "The order could not be placed. Try again later.",
    ),
    "not_found": ("找不到這一頁", "找不到此页", "This page does not exist"),
    "not_found_more": (
        "網址可能打錯了，或商品已經下架。",
        "网址可能有误，或商品已下架。",
        "The address may be wrong, or the product is no longer there.",
    ),
    "failed": ("出了一點問題", "出了点问题", "Something went wrong"),
    "failed_more": ("請稍後再試。", "请稍后再试。", "Please try again later."),
    "to_shop": ("回到商店", "回到商店", "Back to the shop"),
    "order": ("訂單", "订单", "Order"),
    "order_no": ("訂單編號", "订单编号", "Order number"),
    "ordered_at": ("下單時間", "下单时间", "Ordered"),
    "state": ("狀態", "状态", "Status"),
    "step_placed": ("已下單", "已下单", "Ordered"),
    "step_paid": ("已付款", "已付款", "Paid"),
    "step_sent": ("寄送中", "寄送中", "On its way"),
    "step_done": ("已送達", "已送达", "Delivered"),
    "done": ("完成", "完成", "done"),
    "now": ("目前", "目前", "now"),
    "later": ("之後", "之后", "later"),
    "is_placed": ("等待付款", "等待付款", "Waiting for payment"),
    "is_paid": ("已付款，正在備貨", "已付款，正在备货", "Paid. We are packing it."),
    "is_sent": ("商品在路上", "商品在路上", "On its way"),
    "is_done": ("已送達", "已送达", "Delivered"),
    "is_cancelled": ("訂單已取消", "订单已取消", "Order cancelled"),
    "is_expired": ("付款未完成", "付款未完成", "Not paid"),
    "because_out_of_stock": (
        "原因：商品剛剛售完。您不會被收費。",
        "原因：商品刚刚售完。您不会被收费。",
        "Reason: it has just sold out. You are not charged.",
    ),
    "because_declined": (
        "原因：付款被拒絕。您沒有被收費，可以再買一次。",
        "原因：付款被拒绝。您没有被收费，可以再买一次。",
        "Reason: the payment was declined. You were not charged; you can buy again.",
    ),
    "because_timed_out": (
        "原因：沒有在時限內付款。您沒有被收費，可以再買一次。",
        "原因：未在时限内付款。您没有被收费，可以再买一次。",
        "Reason: nobody paid in time. You were not charged; you can buy again.",
    ),
    "because_other": (
        "原因：無法完成這張訂單。若您已付款，款項會退回。",
        "原因：无法完成此订单。若您已付款，款项会退回。",
        "Reason: we cannot carry it out. If you have paid, you get the money back.",
    ),
    "pay_now": ("前往付款", "前往付款", "Pay now"),
    "not_by_itself": (
        "付款後要一點時間才會顯示在這裡。",
        "付款后需要一点时间才会显示在这里。",
        "A payment takes a moment to show here.",
    ),
    "refresh": ("立即更新", "立即更新", "Look again now"),
    "again": ("再買一次", "再买一次", "Buy again"),
    "keep_link": ("收藏這張訂單的連結", "收藏此订单的链接", "A link to this order, to keep"),
    "shown_elsewhere": ("圖片在別處", "图片在别处", "Picture elsewhere"),
    "pay_title": ("付款", "付款", "Payment"),
    "pay_to": ("收款商家", "收款商家", "Pay to"),
    "pay_amount": ("金額", "金额", "Amount"),
    "pay": ("付款", "付款", "Pay"),
    "decline": ("模擬拒絕付款", "模拟拒绝付款", "Simulate a declined card"),
    "leave": ("不付款，回到商店", "不付款，回到商店", "Leave without paying"),
    "pay_wait": (
        "正在準備付款……這一頁會自動更新。",
        "正在准备付款……此页会自动更新。",
        "Your payment is being prepared. This page looks again by itself.",
    ),
    "paid_already": ("這筆付款已經處理。", "这笔付款已处理。", "This payment is done."),
    "pay_back": ("回到商店", "回到商店", "Back to the shop"),
    "pay_demo": (
        "示範用的付款頁：不會真的收款。",
        "演示用的支付页：不会真的收款。",
        "A demonstration: no money moves.",
    ),
}
_ORDER = ("zh-Hant", "zh-Hans", "en")


def words(lang: str) -> dict[str, str]:
    """Return everything that the pages say in one language."""
    place = _ORDER.index(lang)
    return {name: texts[place] for name, texts in _WORDS.items()}


def language(asked: str | None, accepted: str) -> str:
    """Return the language of a page: the one asked for, or the reader's favourite that we have.

    >>> language(None, "en-GB,en;q=0.9")
    'en'
    >>> language(None, "zh-HK,zh;q=0.9,en;q=0.8"), language(None, "zh-CN")
    ('zh-Hant', 'zh-Hans')
    >>> language("zh-Hans", "en"), language("klingon", "")
    ('zh-Hans', 'zh-Hant')
    """
    if asked is not None and asked in LANGUAGES:
        return asked
    for wanted, _ in parse_accept_header(accepted, LanguageAccept):
        found = _spoken(wanted.lower())
        if found is not None:
            return found
    return USUAL


def text_in(lang: str, texts: Sequence[LocalText]) -> LocalText | None:
    """Return a text in a language, or in the one that its readers know best."""
    known = {text.lang: text for text in texts}
    return next((known[each] for each in _FALLBACK[lang] if each in known), None)


def _spoken(wanted: str) -> str | None:
    if wanted in _SIMPLIFIED or wanted.startswith("zh-hans"):
        return "zh-Hans"
    if wanted.startswith(("zh", "yue")):
        return "zh-Hant"
    return "en" if wanted.split("-", maxsplit=1)[0] == "en" else None
