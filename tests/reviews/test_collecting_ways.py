"""What people are told to do where a shop's pages cannot be read from here, and the links of a report."""

import pytest
from selectolax.lexbor import LexborHTMLParser

from outlast import InvalidInput, PageView
from outlast_reviews.pages.collecting import collect_link, collect_page, report_links, ways_on
from outlast_reviews.settings import ReviewSettings
from outlast_reviews.sources.fetching.shops import AMAZON
from outlast_reviews.sources.gathering import Gathering

SESSION = "a2" * 13
VIEW = PageView(f"/slow/analysis/{SESSION}", {}, shared=False, root="/slow", takes_files=True)


def help_at(address: str) -> str:
    with pytest.raises(InvalidInput) as refused:
        Gathering(ReviewSettings(), ways_on).product_at_start(address, "/source")
    ((pointer, _),) = refused.value.faults
    assert pointer == "/source"
    return refused.value.help


@pytest.mark.parametrize("ending", AMAZON)
@pytest.mark.parametrize("host", ["www.", "", "smile."])
def test_every_amazon_shop_has_two_pictured_ways_that_lead_to_its_own_reviews(host: str, ending: str) -> None:
    ways = LexborHTMLParser(help_at(f"{host}amazon.{ending}/Some-lamp/dp/B0C1M76VR9/ref=x?th=1"))
    assert len(ways.css(".c-way svg")) == len(ways.css(".c-way h3")) == 2
    links = {link.attributes["href"] for link in ways.css("a")}
    assert links == {f"https://www.amazon.{ending}/product-reviews/B0C1M76VR9"}
    assert {link.text() for link in ways.css("a")} == {f"Open the reviews at amazon.{ending}"}


def test_an_address_of_amazon_without_a_product_leads_there_itself() -> None:
    ways = LexborHTMLParser(help_at("https://www.amazon.com/s?k='lamp'&x=%22%3E%3Cscript%3E"))
    assert ways.css("script") == []
    (address,) = {link.attributes["href"] for link in ways.css("a")}
    assert address is not None
    assert address.startswith("https://www.amazon.com/s?k=")
    assert "Open the reviews at Amazon" in help_at("https://amzn.to/3xYz")


@pytest.mark.parametrize("address", ["https://amazon-deals.example", "https://localhost/", "ftp://x.example/", ""])
def test_other_refusals_have_no_ways(address: str) -> None:
    assert help_at(address) == ""


@pytest.mark.parametrize("grade", ["A", "U"])
@pytest.mark.parametrize("takes_files", [True, False])
def test_only_a_report_without_a_grade_says_what_to_do_next(grade: str, *, takes_files: bool) -> None:
    view = PageView(VIEW.address, {}, shared=False, root="/slow", takes_files=takes_files)
    report = {"grade": grade, "product_title": "A <lamp>"}
    html = report_links({"report": report, "adds_to": None}, view)
    assert ("Add pages to this report" in html) == (grade == "U" and takes_files)
    assert "earlier report" not in html
    earlier = report_links({"report": report, "adds_to": SESSION}, view)
    assert f'href="/slow/analysis/{SESSION}"' in earlier
    shared = PageView("/slow/shared/x", {}, shared=True, root="/slow")
    assert report_links({"report": report, "adds_to": SESSION}, shared) == ""


def test_the_page_and_its_links_are_below_the_sites_own_path() -> None:
    assert collect_link(VIEW, "A & <b>") == f"/slow/pages/collect?add={SESSION}&title=A%20%26%20%3Cb%3E"
    page = LexborHTMLParser(collect_page(PageView("/slow/pages/collect", {}, shared=False, root="/slow")))
    paths = [node.attributes.get("action") or node.attributes.get("href") for node in page.css("form, a[href]")]
    assert paths
    assert all(path is not None and path.startswith("/slow/") for path in paths)
