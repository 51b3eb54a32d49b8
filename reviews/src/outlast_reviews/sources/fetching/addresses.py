"""Parses and normalises product addresses, and refuses those that nothing can read (pure)."""

import ipaddress
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, unquote_plus, urlsplit

from outlast import message
from outlast_reviews.sources.fetching.ip_addresses import IpAddress, is_public
from outlast_reviews.sources.fetching.shops import amazon_country, imitation, is_amazon_short

Endpoint = tuple[str, int]
"""An IP address and a port."""

_LONGEST = 2_048
_ASIN_IN_PATH = re.compile(
    r"/(?:dp|gp/product|gp/aw/d|gp/aw/reviews|product-reviews|gp/customer-reviews|gp/offer-listing"
    r"|exec/obidos/(?:asin|tg/detail/-)|o/asin|d|portal/customer-reviews)"
    r"(?:/[a-z-]{1,20})?/([a-z0-9]{10})(?=[/?]|\Z)",
    re.IGNORECASE,
)
_ASIN_IN_QUERY = re.compile(r"[?&](?:asin|pd_rd_i)=([a-z0-9]{10})(?=&|\Z)", re.IGNORECASE)

_TRACKING = re.compile(
    r"utm_.*|gclid|gclsrc|dclid|gbraid|wbraid|fbclid|msclkid|yclid|ttclid|twclid|igshid|srsltid|mc_[ce]id|_ga|ref|ref_",
    re.IGNORECASE,
)
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_PRIVATE_SUFFIXES = ("localhost", "local", "internal", "intranet", "lan", "home", "corp", "private", "home.arpa")
_PATH_SAFE = "/%:@!$&'()*+,;=~-._"

AMAZON_REFUSED = message(
    "Amazon shows its reviews to people, but not to programs like this one. Collect them in your browser, or save"
    " the pages with the reviews and upload them here."
)


class BadAddress(ValueError):  # noqa: N818 - what is said about the address, not about the program
    """The address cannot be one of a product; the message is a sentence for the person who gave it."""


@dataclass(frozen=True, slots=True)
class Address:
    """An http or https address in its only spelling: ASCII, lower-case host, no fragment, no credentials."""

    scheme: Literal["http", "https"]
    host: str
    """A name or an IP address, without brackets."""
    port: int
    target: str
    """Path and query, from the first slash."""

    @property
    def ip(self) -> IpAddress | None:
        try:
            return ipaddress.ip_address(self.host)
        except ValueError:
            return None

    @property
    def authority(self) -> str:
        """As in the Host header: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _default_port(self.scheme) else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"


@dataclass(frozen=True, slots=True)
class Product:
    """The product that an address identifies."""

    address: str
    """The normalised address, which is fetched and shown."""
    subject: str
    """ "amazon:us:B000000000" or "web:<address>": the key of the product's sessions."""
    shop: Literal["amazon", "web"]
    """ "web" stands for every other shop."""
    country: str | None = None
    """Country of the shop's site, for shops with one site per country."""
    product_id: str | None = None
    """The shop's own id, if the address names it."""
    is_short: bool = False
    """A short link must be followed to find its product."""

    @property
    def host(self) -> str:
        return parse_address(self.address).host


def product_at(address: str) -> Product:
    """Raises `BadAddress`."""
    parsed = parse_address(address)
    country = amazon_country(parsed.host)
    if country is None:
        short = is_amazon_short(parsed.host)
        return Product(str(parsed), f"web:{parsed}", "amazon" if short else "web", is_short=short)
    asin = _ASIN_IN_PATH.search(parsed.target) or _ASIN_IN_QUERY.search(parsed.target)
    product_id = asin[1].upper() if asin else None
    subject = f"amazon:{country}:{product_id}" if product_id else f"web:{parsed}"
    return Product(str(parsed), subject, "amazon", country, product_id)


def _nothing_more(_product: Product) -> bool:
    return False


def refuse(
    address: str, allow: Collection[Endpoint] = (), provided: Callable[[Product], bool] = _nothing_more
) -> str | None:
    """Return the sentence that refuses an address at start; `None` when it is worth fetching.

    `allow` lists IP addresses and ports of test servers that count as public. `provided` says whether a
    configured provider delivers the reviews of a product.
    """
    try:
        parsed = parse_address(address)
    except BadAddress as error:
        return str(error)
    if wrong := imitation(parsed.host):
        return f"{wrong} {message('Check the address.')}"
    product = product_at(address)
    if provided(product):
        return None
    if product.shop == "amazon":
        return AMAZON_REFUSED
    if (parsed.host, parsed.port) in allow:
        return None
    if parsed.port not in (80, 443):
        return message(
            "Only the usual ports of web sites are read, not port {port}. Give the address as a shop shows it to"
            " its visitors.",
            port=parsed.port,
        )
    inside = (
        not is_public(parsed.ip)
        if parsed.ip is not None
        else "." not in parsed.host or parsed.host.endswith(tuple(f".{suffix}" for suffix in _PRIVATE_SUFFIXES))
    )
    if inside:
        return message(
            "“{host}” is inside a private network or this machine, and only public shops are read. Save the page"
            " with the reviews in your browser, or export the reviews, and upload that file here.",
            host=parsed.host[:100],
        )
    return None


def parse_address(text: str, *, keep_tracking: bool = False) -> Address:
    """The only parser of addresses, so that the checked address is the fetched one. Raises `BadAddress`."""
    text = text.strip()
    if not text:
        raise BadAddress(
            message("There is no address. Give the address of a product's page, beginning with https://.")
        )
    if len(text) > _LONGEST:
        raise BadAddress(
            message(
                "The address is longer than {most:,} characters. Copy the product's page address again.",
                most=_LONGEST,
            )
        )
    if re.search(r"[\s\x00-\x1f\x7f-\x9f\\<>\"\ud800-\udfff]", text):
        raise BadAddress(
            message("The address has spaces or other characters in it that no address has. Copy it again.")
        )
    scheme, colon, rest = text.partition("://")
    if not colon or "/" in scheme or "?" in scheme:
        if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]{0,30}:(?!\d)", text):
            raise BadAddress(message("Only addresses that begin with https:// or http:// can be read."))
        scheme, rest = "https", _completed(text)
    if scheme.lower() not in ("http", "https"):
        raise BadAddress(
            message(
                "Only addresses that begin with https:// or http:// can be read, not {scheme}://.",
                scheme=scheme[:20],
            )
        )
    try:
        parts = urlsplit(f"{scheme.lower()}://{rest}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise BadAddress(
            message("The part of the address after https:// is not a proper host name. Copy it again.")
        ) from None
    if "@" in parts.netloc:
        raise BadAddress(
            message("The address has a user name or password in it. Remove everything before the @ sign.")
        )
    if not host or port == 0:
        raise BadAddress(message("The address names no shop. Copy the whole address of the product's page."))
    kind: Literal["http", "https"] = "https" if parts.scheme == "https" else "http"
    query = "&".join(part for part in parts.query.split("&") if part and (keep_tracking or not _is_tracking(part)))
    path = quote(parts.path, safe=_PATH_SAFE) or "/"
    target = f"{path}?{quote(query, safe=_PATH_SAFE + '?[]')}" if query else path
    return Address(kind, _host(host, bracketed="[" in parts.netloc), port or _default_port(kind), target)


def _host(raw: str, *, bracketed: bool) -> str:
    """Normalise a host to ASCII. Accept numeric hosts only as ordinary IP addresses."""
    try:
        if bracketed:
            address = ipaddress.IPv6Address(raw)
            if address.scope_id is not None:
                raise BadAddress(
                    message("The address is one inside a private network, and only public shops are read.")
                )
            return address.compressed
        host = raw.encode("idna").decode("ascii").lower() if not raw.isascii() else raw.lower()
    except ValueError as error:
        if isinstance(error, BadAddress):
            raise
        raise _improper_host(raw) from None
    host = host.removesuffix(".")
    last = host.rsplit(".", 1)[-1]
    if last.isdigit() or re.fullmatch(r"0x[0-9a-f]{0,20}", last):
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError:
            raise BadAddress(
                message("“{host}” is a number in an unusual spelling, not a shop.", host=host[:100])
            ) from None
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in host.split(".")):
        raise _improper_host(raw)
    return host


def _improper_host(host: str) -> BadAddress:
    return BadAddress(message("“{host}” is not a proper host name. Copy the address again.", host=host[:100]))


def _default_port(scheme: str) -> int:
    return 443 if scheme == "https" else 80


def _is_tracking(part: str) -> bool:
    return _TRACKING.fullmatch(unquote_plus(part.partition("=")[0])[:60]) is not None


def _completed(text: str) -> str:
    """An address that lacks only its beginning, after that. Raises `BadAddress` for anything else."""
    if re.fullmatch(r"B0[A-Z0-9]{8}", text):
        raise BadAddress(
            message(
                "Write the whole address of the product's page, for example https://www.amazon.com/dp/{product}.",
                product=text,
            )
        )
    rest = text.removeprefix("//")
    if "." not in re.split(r"[/?#]", rest, maxsplit=1)[0]:
        raise BadAddress(
            message(
                "This is no address. Copy that of the product's page, beginning with https://, or give a file."
            )
        )
    return rest
