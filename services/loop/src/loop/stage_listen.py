"""Listen: what is said about the brand, how it sounds, how late it is heard."""

from ibis.expr.types import Table

from loop.fact_tables import Classification, Mention, MentionedProduct
from loop.numbers import Number, balance, by_key, count, ranks, top, wilson
from loop.relations import known, last_by, made_of

_SIDES = ("positive", "negative")


def _mentions() -> Table:
    return made_of(known(Mention))


def _latest_reading() -> Table:
    return last_by(known(Classification), "mention_id")


def _polarity() -> Table:
    read = _latest_reading()
    return made_of(read, key=read.polarity)


def _sided() -> Table:
    read = _latest_reading().filter(lambda row: row.polarity.isin(_SIDES))
    return made_of(read, part=read.polarity)


def _positive() -> Table:
    read = _latest_reading().filter(lambda row: row.polarity.isin(_SIDES))
    everyone = made_of(read, part="all")
    return everyone.union(made_of(read.filter(read.polarity == "positive"), part="of"))


def _lag() -> Table:
    heard = known(Mention)
    return made_of(heard, part="rank", amount=heard.at - heard.posted_at)


def _complained_about() -> Table:
    about, read = known(MentionedProduct), _latest_reading()
    complaints = read.filter(read.intent == "complaint").select("tenant", "mention_id")
    matched = about.semi_join(complaints, ["tenant", "mention_id"])
    return made_of(matched, key=matched.product)


LISTEN = (
    Number(
        name="mention_volume",
        stage="listen",
        title="Mentions",
        unit="mentions",
        formula="V = number of mentions discovered",
        rows=_mentions,
        shape=count,
    ),
    Number(
        name="mention_polarity",
        stage="listen",
        title="Mentions by polarity",
        unit="mentions",
        formula="number of mentions by their latest polarity",
        rows=_polarity,
        shape=by_key,
    ),
    Number(
        name="net_sentiment",
        stage="listen",
        title="Net sentiment",
        unit="from -1 to 1",
        formula="NSR = (P - N) / (P + N) over positive and negative mentions, 0 if there are none",
        rows=_sided,
        shape=balance,
    ),
    Number(
        name="positive_share",
        stage="listen",
        title="Positive share",
        unit="share, 95 % Wilson interval",
        formula="P / (P + N) with its 95 % Wilson interval",
        rows=_positive,
        shape=wilson,
    ),
    Number(
        name="discovery_lag",
        stage="listen",
        title="Discovery lag",
        unit="microseconds",
        formula="detected_at - posted_at; median and 95th percentile by nearest rank",
        rows=_lag,
        shape=ranks,
    ),
)

COMPLAINTS = Number(
    name="complained_products",
    stage="feedback",
    title="Watch next: products complained about",
    unit="complaints",
    formula="complaints by product named in the mention, the five most named",
    rows=_complained_about,
    shape=top(5),
)
