"""Fetches a public web page for a visitor, protected against server-side request forgery."""

import asyncio
import ssl
from collections.abc import Awaitable, Collection
from functools import cached_property
from typing import TypeVar

import httpx

from outlast import message
from outlast_reviews.progress import Progress, ignore_progress
from outlast_reviews.sources.errors import SAVE_IT, FetchError
from outlast_reviews.sources.fetching.addresses import Address, BadAddress, Endpoint, parse_address, product_at
from outlast_reviews.sources.fetching.ip_addresses import IpAddress, Resolver, is_public, resolve, system_resolver
from outlast_reviews.sources.fetching.response import FetchedPage, read_page
from outlast_reviews.sources.fetching.shops import imitation
from outlast_reviews.sources.limits import MIB

__all__ = ["FetchError", "FetchedPage", "Fetcher"]

USER_AGENT = "Outlast/0.1 (reads the schema.org reviews of one page that a person asked for)"

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
_MOST_ADDRESSES = 3

T = TypeVar("T")


class Fetcher:
    """Resolves a name once per hop, checks every address it has, connects to a checked one and to nothing else."""

    def __init__(
        self,
        *,
        allow: Collection[Endpoint] = (),
        ports: Collection[int] = (80, 443),
        resolver: Resolver = system_resolver,
        seconds: float = 20.0,
        most_bytes: int = 10 * MIB,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`allow` names IP addresses and ports to be reached though they are not public: a test's own server.

        `seconds` is for everything together, redirects included; `most_bytes` before and after unpacking.
        """
        self._allow = frozenset(allow)
        self._ports = frozenset(ports)
        self._resolver = resolver
        self._seconds = seconds
        self._most_bytes = most_bytes
        self._transport = transport

    def fetch(self, address: str, progress: Progress = ignore_progress) -> FetchedPage:
        """Blocks for at most `seconds`, so it belongs in a thread without an event loop. Raises `FetchError`."""
        return asyncio.run(self._in_time(self._follow(address, progress)))

    def follow_short_link(self, address: str) -> str:
        """Where a short link leads: the first address on another host than shops' short links have, not fetched.

        As safe and as bounded as `fetch`. Raises `FetchError`.
        """
        return asyncio.run(self._in_time(self._follow_short_link(address)))

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Made once, because loading the CA certificates is slow."""
        return httpx.create_ssl_context(trust_env=False)

    async def _in_time(self, work: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self._seconds):
                return await work
        except (TimeoutError, httpx.TimeoutException):
            raise FetchError(
                message(
                    "The page did not arrive within {seconds:g} seconds. Try again later, or: {instead}",
                    seconds=self._seconds,
                    instead=SAVE_IT,
                ),
                transient=True,
            ) from None

    async def _follow(self, start: str, progress: Progress) -> FetchedPage:
        address = _parsed(start)
        transport = self._transport or httpx.AsyncHTTPTransport(verify=self._tls, trust_env=False)
        async with transport:
            for _ in range(_MOST_REDIRECTS + 1):
                response = await self._request(transport, address)
                try:
                    if response.status_code not in _REDIRECTS:
                        return await read_page(address, response, self._most_bytes, progress)
                    address = _next(address, response.headers.get("location", ""))
                finally:
                    await response.aclose()
        raise FetchError(f"{message('The address leads from page to page without an end.')} {SAVE_IT}")

    async def _follow_short_link(self, start: str) -> str:
        address = _named(start, keep_tracking=True)
        transport = self._transport or httpx.AsyncHTTPTransport(verify=self._tls, trust_env=False)
        async with transport:
            for _ in range(_MOST_REDIRECTS):
                response = await self._request(transport, address)
                await response.aclose()
                if response.status_code not in _REDIRECTS:
                    raise FetchError(
                        message("The short link does not lead to a product. Check it, or give its full address.")
                    )
                address = _named(_joined(address, response.headers.get("location", "")), keep_tracking=True)
                if not product_at(str(address)).is_short:
                    return str(address)
        raise FetchError(
            message("The short link leads from link to link without an end. Give the product's full address.")
        )

    async def _request(self, transport: httpx.AsyncBaseTransport, address: Address) -> httpx.Response:
        """The response to a request sent to one of the host's checked addresses, its body still unread.

        Through the bare transport: a client follows redirects, cookies and environment variables on its own.
        """
        failure: httpx.TransportError | None = None
        for ip in (await self._checked(address))[:_MOST_ADDRESSES]:
            try:
                request = self._build_request(address, ip)
                response = await transport.handle_async_request(request)
                response.request = request
                return response
            except httpx.TimeoutException:
                raise
            except httpx.ConnectError as error:
                failure = error
            except httpx.TransportError as error:
                raise _broken(address, error) from error
        raise _broken(address, failure) from failure

    async def _checked(self, address: Address) -> list[IpAddress]:
        """Resolve the host; raise `FetchError` if any of its addresses is not public."""
        found = [address.ip] if address.ip else await resolve(self._resolver, address.host, address.port)
        for ip in found:
            if (str(ip), address.port) in self._allow:
                continue
            if not is_public(ip):
                raise FetchError(
                    message(
                        "“{host}” is inside a private network or this machine, and only public shops are read.",
                        host=address.host[:100],
                    )
                )
            if address.port not in self._ports:
                raise FetchError(
                    message("Only the usual ports of web sites are read, not port {port}.", port=address.port)
                )
        return found

    def _build_request(self, address: Address, ip: IpAddress) -> httpx.Request:
        """Build a request to the IP address, with the name in the Host header, SNI and certificate check."""
        literal = f"[{ip}]" if ip.version == 6 else str(ip)
        return httpx.Request(
            "GET",
            f"{address.scheme}://{literal}:{address.port}{address.target}",
            headers={
                "Host": address.authority,
                "User-Agent": USER_AGENT,
                "Accept": "text/html,application/xhtml+xml,application/ld+json,application/json",
                "Accept-Encoding": "gzip",
                "Accept-Language": "en",
            },
            extensions={"sni_hostname": address.host, "timeout": httpx.Timeout(self._seconds).as_dict()},
        )


def _parsed(text: str, *, keep_tracking: bool = False) -> Address:
    """Amazon's addresses are refused here too, since any link may lead there."""
    address = _named(text, keep_tracking=keep_tracking)
    if product_at(text).shop == "amazon":
        refused = message("The address leads to Amazon, which does not let its review pages be read.")
        raise FetchError(f"{refused} {SAVE_IT}")
    return address


def _named(text: str, *, keep_tracking: bool) -> Address:
    try:
        address = parse_address(text, keep_tracking=keep_tracking)
    except BadAddress as error:
        raise FetchError(str(error)) from None
    if wrong := imitation(address.host):
        leads = message("The address leads to “{host}”.", host=address.host[:100])
        raise FetchError(f"{leads} {wrong}")
    return address


def _next(address: Address, location: str) -> Address:
    return _parsed(_joined(address, location), keep_tracking=True)


def _joined(address: Address, location: str) -> str:
    no_target = FetchError(f"{message('The shop sends visitors on to an address that is none.')} {SAVE_IT}")
    if not location:
        raise no_target
    try:
        return str(httpx.URL(str(address)).join(location))
    except (httpx.InvalidURL, ValueError):
        raise no_target from None


def _broken(address: Address, error: httpx.TransportError | None) -> FetchError:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    if cause is not None:
        return FetchError(
            message(
                "“{host}” cannot prove that it is that shop: its certificate is not valid.",
                host=address.host[:100],
            )
        )
    return FetchError(message("“{host}” could not be reached.", host=address.host[:100]), transient=True)
