"""The page that takes collected reviews, and the ways that people have where a shop's pages cannot be read."""

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from outlast import PageView
from outlast_reviews.sources.fetching.addresses import Product

PAGE = "collect"
"""The name of the page, which bookmarklets hold: it stays."""
_LONGEST_TITLE = 200


class Shop(NamedTuple):
    """Where a shop shows a product's reviews."""

    name: str
    address: str


def ways_on(product: Product) -> str:
    """What to do instead of giving the address of this product: HTML to show beside it."""
    return _templates().get_template("ways.html").render(shop=shop_of(product))


def shop_of(product: Product) -> Shop:
    """The shop of a product, and its page of reviews where that is known."""
    if product.is_short:
        return Shop("Amazon", product.address)
    name = product.host[product.host.rfind("amazon.") :].removeprefix("www.")
    if product.country is None or product.product_id is None:
        return Shop(name, product.address)
    return Shop(name, f"https://www.{name}/product-reviews/{product.product_id}")


def collect_page(view: PageView) -> str:
    """The page at `/pages/collect`: what has arrived, and how to collect."""
    return _templates().get_template("collect.html").render(root=view.root)


def collect_link(view: PageView, title: str = "") -> str:
    """The address of the page for reviews that are to be added to this result."""
    session_id = view.address.rpartition("/")[2]
    named = f"&title={quote(title[:_LONGEST_TITLE])}" if title else ""
    return f"{view.root}/pages/{PAGE}?add={session_id}{named}"


def add_hint(view: PageView) -> str:
    """Above the choice of files to add."""
    return (
        "<p>Choose saved review pages or an export of the same product, or "
        f'<a href="{collect_link(view)}">collect more in your browser</a>. '
        "You get a new report on all of them; this one stays as it is.</p>"
    )


def report_links(result: Mapping[str, Any], view: PageView) -> str:
    """Below the verdict: what the owner does where there is no grade, and the report that pages were added to."""
    if view.shared:
        return ""
    report, earlier = result["report"], result.get("adds_to")
    return (
        _templates()
        .get_template("report_links.html")
        .render(
            collect_address=collect_link(view, report["product_title"] or ""),
            earlier_address=earlier and f"{view.root}/analysis/{earlier}",
            needs_more=report["grade"] == "U" and view.takes_files,
        )
    )


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("outlast_reviews.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
