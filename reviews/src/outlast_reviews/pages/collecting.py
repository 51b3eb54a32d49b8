"""The page that takes collected reviews, and the ways that people have where a shop's pages cannot be read."""

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from outlast import PageView, message
from outlast_reviews.pages.languages import ENGLISH, templates
from outlast_reviews.sources.fetching.addresses import Product

PAGE = "collect"
"""The name of the page, which bookmarklets hold: it stays."""
_LONGEST_TITLE = 200
_COUNT, _TOTAL, _TITLE, _HOST = "{count}", "{total}", "{title}", "{host}"
"""What a script puts in their places."""
WORDS = (
    message("Collect reviews"),
    message("Copy it instead"),
    message("Drag this button to your bookmarks bar (Ctrl+Shift+B shows it)."),
    message("Copied. Paste it as the address of a new bookmark named “Collect reviews”."),
    message(
        "Your browser did not let us copy it. Use the context menu of the button “Collect reviews” to copy its"
        " link."
    ),
    message("The shop's page"),
    message("Your browser blocked the new tab. Allow it, or save the reviews as a file."),
    message("Handing over to the other tab…"),
    message("The other tab did not take the reviews. Save them as a file, and upload that there."),
    message("Handed over. Go on in the other tab."),
    message("Collected reviews"),
    message("Save as a file"),
    message("Discard"),
    message("Close"),
    message("Hand over {count} review", count=_COUNT),
    message("Hand over {count} reviews", count=_COUNT),
    message("There are no reviews on this page. Open the page with the product's reviews."),
    message("All {count} collected.", count=_COUNT),
    message("{count} collected: open the next page.", count=_COUNT),
    message("{count} of {total} collected: open the next page.", count=_COUNT, total=_TOTAL),
    message("{count} collected. There is no room for more: hand them over now.", count=_COUNT),
    message(
        "{count} of {total} collected. There is no room for more: hand them over now.", count=_COUNT, total=_TOTAL
    ),
    message(
        "{count} collected. Your browser stores nothing for this shop: hand them over before you leave this page.",
        count=_COUNT,
    ),
    message(
        "{count} of {total} collected. Your browser stores nothing for this shop: hand them over before you leave"
        " this page.",
        count=_COUNT,
        total=_TOTAL,
    ),
    message("{count} collected. This page shows no reviews.", count=_COUNT),
    message("{count} of {total} collected. This page shows no reviews.", count=_COUNT, total=_TOTAL),
    message("your report"),
    message("More reviews arrived than fit. Save them as a file in the other tab, and upload that."),
    message("What arrived from the other tab are no reviews."),
    message("{count} review", count=_COUNT),
    message("{count} reviews", count=_COUNT),
    message("{count} review, handed over by {host}", count=_COUNT, host=_HOST),
    message("{count} reviews, handed over by {host}", count=_COUNT, host=_HOST),
    message("{count} review of “{title}”, handed over by {host}", count=_COUNT, title=_TITLE, host=_HOST),
    message("{count} reviews of “{title}”, handed over by {host}", count=_COUNT, title=_TITLE, host=_HOST),
    message("(no text)"),
    message("Add to your report"),
    message("Add to your report on “{title}”", title=_TITLE),
    message("Make a new report"),
    message("Check this review"),
    message("Check these {count} reviews", count=_COUNT),
)
"""The sentences of the scripts, which have them in English."""


class Shop(NamedTuple):
    """Where a shop shows a product's reviews."""

    name: str
    address: str


def ways_on(product: Product, language: str = ENGLISH) -> str:
    """What to do instead of giving the address of this product: HTML to show beside it."""
    return templates().render("ways.html", language, shop=shop_of(product), words=WORDS)


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
    return templates().render("collect.html", view.language, root=view.root, words=WORDS)


def collect_link(view: PageView, title: str = "") -> str:
    """The address of the page for reviews that are to be added to this result."""
    session_id = view.address.rpartition("/")[2]
    named = f"&title={quote(title[:_LONGEST_TITLE])}" if title else ""
    return f"{view.root}/pages/{PAGE}?add={session_id}{named}"


def add_hint(view: PageView) -> str:
    """Above the choice of files to add."""
    return templates().render("add_hint.html", view.language, address=collect_link(view))


def report_links(result: Mapping[str, Any], view: PageView) -> str:
    """Below the verdict: what the owner does where there is no grade, and the report that pages were added to."""
    if view.shared:
        return ""
    report, earlier = result["report"], result.get("adds_to")
    return templates().render(
        "report_links.html",
        view.language,
        collect_address=collect_link(view, report["product_title"] or ""),
        earlier_address=earlier and f"{view.root}/analysis/{earlier}",
        needs_more=report["grade"] == "U" and view.takes_files,
    )
