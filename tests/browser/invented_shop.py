"""An invented shop over HTTPS that answers to every name, with pages modelled on those of shops and widgets."""

import contextlib
import html
import json
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

ASIN = "B0INVENTED"
TITLE = "Lumo desk lamp & “bright”"
STRICT = (
    "default-src 'none'; script-src 'none'; style-src 'none'; connect-src 'none'; form-action 'none'; "
    "base-uri 'none'; frame-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'"
)
"""The strictest policy under which a page is still framed by its own site."""
WORDS = ("soft", "firm", "light", "neck", "sleep", "night", "glow", "shape", "heat", "foam", "price", "box")


def words(n: int) -> str:
    """Of no two reviews the same."""
    return " ".join(f"{WORDS[(n * 7 + k * k) % 12]}{n * 31 + k}" for k in range(14))


def card(n: int) -> str:
    """A review as Amazon's pages have it, with what a reader must leave out."""
    stars = n % 5 + 1
    badge = '<span data-hook="avp-badge">Verified Purchase</span>' if n % 3 else ""
    vine = '<span class="a-color-success">Vine Customer Review of Free Product</span>' if n % 10 == 9 else ""
    text = html.escape(words(n))
    return f"""<li id="R{n:08}X" data-hook="review" class="review"><div id="customer_review-R{n:08}X">
<script type="text/invented"> var metricsName = "invented" </script>
<a href="/gp/profile/amzn1.account.A{n}/ref=x" class="a-profile"><span
 class="a-profile-name">Reader &amp; {n}</span></a>
<h5><a data-hook="review-title" href="/gp/customer-reviews/R{n:08}X"><i data-hook="review-star-rating"><span
 class="a-icon-alt">{stars}.0 out of 5 stars</span></i><span class="a-letter-space"></span>
 <span>Title {n}</span></a></h5>
<span data-hook="review-date">Reviewed in the United States on {n % 12 + 1}/{n % 28 + 1}/2024</span>
<span data-hook="format-strip">Color: Vine green</span>{badge}{vine}
<span data-hook="review-body" class="review-text"> <span>{text}<br><br>Second part {n}</span>
<div data-hook="expand-collapse-read-more-less">Read more</div></span>
<div data-hook="review-voting-widget">3 people found this helpful</div></div></li>"""


def review_page(number: int, pages: int, total: int) -> str:
    """One page of ten reviews, with a link to the next one."""
    cards = "".join(card(n) for n in range(10 * number - 10, 10 * number))
    path = f"/Lumo-lamp/product-reviews/{ASIN}/ref=cm_cr_arp_d_paging_btm_{number + 1}"
    following = (
        f'<li class="a-last"><a href="{path}?pageNumber={number + 1}">Next page</a></li>' if number < pages else ""
    )
    return f"""<!doctype html><html><head><meta charset="utf-8"><title>Lumo</title></head><body>
<h1><a data-hook="product-link" href="/Lumo-lamp/dp/{ASIN}/ref=x">{html.escape(TITLE)}</a></h1>
<span data-hook="rating-out-of-text">3.0 out of 5</span>
<div data-hook="total-review-count">1,234 global ratings</div>
<div data-hook="cr-filter-info-review-rating-count">1,234 total ratings, {total:,} with reviews</div>
<ul>{cards}</ul><ul class="a-pagination">{following}</ul></body></html>"""


def judgeme() -> str:
    """A page with the widget of Judge.me."""
    cards = "".join(
        f"""<div class="jdgm-rev" data-review-id="id-{n}" data-verified-buyer="{str(n % 2 == 0).lower()}">
<span class="jdgm-rev__rating" data-score="{n % 5 + 1}"></span><span class="jdgm-rev__timestamp"
 data-content="2024-05-{n % 28 + 1:02} 10:00:00 UTC"></span><span class="jdgm-rev__author">Reader {n}</span>
<b class="jdgm-rev__title">Title {n}</b><div class="jdgm-rev__body"><p>{words(n)}</p></div></div>"""
        for n in range(7)
    )
    return f'<h1>Lumo</h1><div class="jdgm-widget" data-number-of-reviews="412">{cards}</div>'


def json_ld() -> str:
    """A page with schema.org reviews on a scale of ten."""
    reviews = [
        {
            "@type": "Review",
            "reviewRating": {"@type": "Rating", "ratingValue": 2 * (n % 5 + 1), "bestRating": 10},
            "author": {"@type": "Person", "name": f"Reader {n}"},
            "datePublished": f"2024-05-{n % 28 + 1:02}",
            "reviewBody": words(n),
        }
        for n in range(6)
    ]
    product = {
        "@type": "Product",
        "name": "Lumo",
        "aggregateRating": {"ratingValue": "6", "bestRating": 10, "reviewCount": 6},
        "review": reviews,
    }
    return f'<script type="application/ld+json">{json.dumps({"@graph": [product]})}</script>'


def microdata() -> str:
    """A page with schema.org reviews as microdata."""
    cards = "".join(
        f"""<div itemprop="review" itemscope itemtype="https://schema.org/Review">
<span itemprop="author">Reader {n}</span><meta itemprop="datePublished" content="2024-05-{n % 28 + 1:02}">
<span itemprop="reviewRating" itemscope><meta itemprop="ratingValue" content="{n % 5 + 1}"></span>
<p itemprop="reviewBody">{words(n)}</p></div>"""
        for n in range(5)
    )
    return f'<div itemscope itemtype="https://schema.org/Product"><h2 itemprop="name">Lumo</h2>{cards}</div>'


class Shop:
    """What the shop serves, and how strict it is; a test may change both."""

    def __init__(self) -> None:
        self.pages = 5
        self.total = 412
        self.headers = {"Content-Security-Policy": STRICT, "X-Frame-Options": "SAMEORIGIN"}
        self.bodies = {"/judgeme": judgeme(), "/json-ld": json_ld(), "/microdata": microdata()}
        self.bodies["/none"] = "<p>Nothing</p>"
        self.saved: dict[int, Path] = {}
        """Files to serve as the pages of reviews."""
        self.requested: list[str] = []

    def page(self, target: str) -> str:
        parts = urlsplit(target)
        if parts.path in self.bodies:
            return f'<!doctype html><meta charset="utf-8">{self.bodies[parts.path]}'
        number = int(parse_qs(parts.query).get("pageNumber", ["1"])[0])
        if number in self.saved:
            return self.saved[number].read_text(encoding="utf-8")
        return review_page(number, self.pages, self.total)


@contextlib.contextmanager
def serving_shop(folder: Path) -> Iterator[tuple[Shop, int]]:
    """The shop and its port."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl on this machine")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    made = (openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=shop.example", "-days", "2")
    subprocess.run((*made, "-keyout", key, "-out", certificate), check=True, capture_output=True)
    shop = Shop()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            shop.requested.append(self.headers["Host"].partition(":")[0] + self.path)
            body = shop.page(self.path).encode()
            self.send_response(200)
            for name, value in {"Content-Type": "text/html; charset=utf-8", **shop.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            pass

        def handle(self) -> None:
            with contextlib.suppress(ssl.SSLError, ConnectionError):  # browsers hang up
                super().handle()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    secured = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    secured.load_cert_chain(certificate, key)
    server.socket = secured.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield shop, server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
