"""The checks of `outlast doctor --url`: what a proxy in front of the site does to requests and to events."""

import http.client
import json
import ssl
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import SplitResult, urlsplit

from outlast.cli.findings import Finding, ok, problem, unknown, warning
from outlast.web.diagnostics import EVERY

CONNECT_TIMEOUT = 10.0
"""Seconds that the site may take to answer a simple request."""
AT_ONCE = 0.5
"""Events that were sent a second apart and arrive within this time were held back."""
READ = 65_536
MEND_BUFFERING = (
    "nginx: proxy_buffering off; Apache: flushpackets=on; Cloudflare and other CDNs: no caching of /api."
)
MEND_FORWARDING = (
    "nginx: proxy_set_header Host $host; proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header "
    "X-Forwarded-For $remote_addr; and name the proxy in ANALYSIS_TRUSTED_PROXIES."
)


@dataclass(frozen=True, slots=True)
class Site:
    """The site as people reach it."""

    url: SplitResult
    key: str | None
    """The key of the dashboard."""

    def connect(self, timeout: float) -> http.client.HTTPConnection:
        host, port = self.url.hostname or "", self.url.port
        if self.url.scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=timeout, context=ssl.create_default_context())
        return http.client.HTTPConnection(host, port, timeout=timeout)

    def headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.key}", "Accept-Encoding": "gzip"}

    def path(self, path: str) -> str:
        return self.url.path.rstrip("/") + path

    @property
    def is_local(self) -> bool:
        return _is_loopback(self.url.hostname or "")


def check_proxy(url: str, key: str | None, seconds: int) -> Iterator[Finding]:
    """Yield what is found at this address; `seconds` is how long events are followed."""
    site = Site(urlsplit(url), key)
    reached = _reach(site)
    yield reached
    if reached.level != "ok":
        return
    yield from _http_version(site)
    if key is None:
        yield unknown(
            "proxy",
            "Without ANALYSIS_DASHBOARD_KEY the site answers no question about its proxy.",
            "Set the key of the dashboard for this command too, as the server has it.",
        )
    elif site.url.scheme == "http" and not site.is_local:
        yield unknown(
            "proxy",
            "The key of the dashboard is not sent over http to another machine, where others could read it.",
            "Check the https address of the site.",
        )
    else:
        yield from _arrival(site)
        yield from _events(site, seconds)


def _reach(site: Site) -> Finding:
    address = site.url.geturl()
    try:
        status, headers, _ = _get(site, "/livez", {})
    except ssl.SSLCertVerificationError as error:
        return problem(
            "url", f"The certificate of {address} is not valid: {error.verify_message}.", "Renew or replace it."
        )
    except (OSError, http.client.HTTPException) as error:
        return problem(
            "url",
            f"{address} does not answer: {_reason(error)}.",
            "Check the name, the port, the firewall, and that the proxy runs.",
        )
    location = headers.get("Location", "").removesuffix("/livez")
    if 300 <= status < 400:
        return problem("url", f"{address} redirects to {location}.", "Check that address: --url " + location)
    if status in {502, 503, 504}:
        return problem(
            "url",
            f"{address}/livez answers {status}: the proxy does not reach Outlast, or Outlast has no room.",
            "Start `outlast serve`, and check the address and port that the proxy passes requests to.",
        )
    if status != 200:
        return problem(
            "url",
            f"{address}/livez answers {status}, not 200: this is not Outlast, or not its whole path.",
            "Name the address of the site, with the prefix at which it is mounted.",
        )
    return ok("url", f"{address} answers.")


def _http_version(site: Site) -> Iterator[Finding]:
    if site.url.scheme == "http":
        if not site.is_local:
            yield warning(
                "https",
                f"{site.url.geturl()} is not encrypted.",
                "Serve it over https: see docs/run/put-it-on-a-server.md",
            )
        return
    context = ssl.create_default_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    connection = http.client.HTTPSConnection(
        site.url.hostname or "", site.url.port, timeout=CONNECT_TIMEOUT, context=context
    )
    with closing(connection):
        try:
            connection.connect()
        except OSError as error:
            yield unknown("http", f"The version of HTTP is not known: {_reason(error)}.", "Try again.")
            return
        wire: Any = connection.sock
        if wire.selected_alpn_protocol() == "h2":
            yield ok("http", "Browsers use HTTP/2.")
        else:
            yield warning(
                "http",
                "Browsers use HTTP/1.1, with which all tabs of a browser share six connections. Streams of "
                "progress take up to four of them.",
                "nginx: http2 on; Caddy and CDNs use HTTP/2 by themselves.",
            )


def _arrival(site: Site) -> Iterator[Finding]:
    """Compare how the request was sent with how it arrived."""
    status, _, body = _get(site, "/diagnostics", site.headers())
    if status != 200:
        yield _refused(status, body)
        return
    arrived: dict[str, Any] = json.loads(body)
    if arrived["scheme"] != site.url.scheme and arrived["secure"] and site.url.scheme == "https":
        yield ok("scheme", "Requests arrive as http, and ANALYSIS_PUBLIC_URL says that people use https.")
    elif arrived["scheme"] != site.url.scheme:
        yield problem(
            "scheme",
            f"The request was sent by {site.url.scheme} and arrived as {arrived['scheme']}: "
            + (
                "the proxy does not pass X-Forwarded-Proto."
                if arrived["forwarded_proto"] is None
                else "Outlast does not trust the proxy, which passes X-Forwarded-Proto."
            )
            + " Cookies are not Secure then, and forms may be refused.",
            MEND_FORWARDING,
        )
    else:
        yield ok("scheme", f"Requests arrive as {arrived['scheme']}.")
    if _host_name(arrived["host"]) != site.url.hostname:
        yield problem(
            "host",
            f"The request was sent to {site.url.hostname} and arrived for {arrived['host']}: the proxy "
            "replaces the Host header, so that requests of the site's own pages are refused.",
            MEND_FORWARDING,
        )
    else:
        yield ok("host", "The proxy passes the name of the site.")
        yield from _allowed(site)
    yield _client(arrived, site)


def _allowed(site: Site) -> Iterator[Finding]:
    status, _, _ = _get(site, "/", {})
    if status == 421:
        yield problem(
            "host",
            f"The site does not answer to the name {site.url.hostname}.",
            f"Set ANALYSIS_PUBLIC_URL={site.url.scheme}://{site.url.netloc}, or add the name to "
            "ANALYSIS_ALLOWED_HOSTS.",
        )


def _client(arrived: Mapping[str, Any], site: Site) -> Finding:
    passed, client = arrived["forwarded_for"], arrived["client"] or ""
    if passed is not None and client not in passed:
        return warning(
            "client",
            f"The proxy passes the address of the client ({passed}), but Outlast does not trust it and sees "
            f"{client}.",
            f"Set ANALYSIS_TRUSTED_PROXIES={client}",
        )
    if passed is None and _is_loopback(client) and not site.is_local:
        return warning(
            "client",
            "The proxy does not pass the address of the client, so that all visitors share the limit per address.",
            MEND_FORWARDING,
        )
    return ok("client", f"The site sees the address of the client ({client}).")


def _events(site: Site, seconds: int) -> Iterator[Finding]:
    """Follow events that are sent a second apart at first, and then with silences as long as in a real stream."""
    began = time.monotonic()
    arrivals: list[tuple[int, float]] = []
    encoding = ""
    with closing(site.connect(EVERY + CONNECT_TIMEOUT)) as connection:
        try:
            connection.request("GET", site.path(f"/diagnostics/events?seconds={seconds}"), headers=site.headers())
            answer = connection.getresponse()
            encoding = answer.headers.get("Content-Encoding", "")
            if answer.status != 200:
                failed = answer.status, answer.read(READ), time.monotonic() - began
                yield _cut(failed[2]) if failed[0] == 504 else _refused(*failed[:2])
                return
            arrivals.extend((second, time.monotonic() - began) for second in _seconds(answer, encoding))
        except (OSError, http.client.HTTPException):
            pass  # what has arrived until then says what happened
    took = time.monotonic() - began
    if encoding not in {"", "identity"}:
        yield warning(
            "compression",
            f"The proxy compresses events ({encoding}), which may hold them back and costs memory for each "
            "open page.",
            "nginx: take text/event-stream out of gzip_types. Apache and CDNs: exclude this type.",
        )
    else:
        yield ok("compression", "Events are not compressed.")
    if len(arrivals) >= 2 and arrivals[1][1] - arrivals[0][1] < AT_ONCE:
        yield problem(
            "buffering",
            f"The proxy buffers events: those of the first second arrived together, after {arrivals[0][1]:.1f} s. "
            "Progress stands still in browsers, which then poll.",
            MEND_BUFFERING,
        )
    elif len(arrivals) >= 2:
        yield ok("buffering", "Events arrive as they are sent.")
    if not arrivals or arrivals[-1][0] != seconds:
        yield _cut(took)
    else:
        yield ok(
            "cutting", f"A stream stays open for {seconds} s, with silences of up to {min(EVERY, seconds - 1)} s."
        )


def _cut(seconds: float) -> Finding:
    return problem(
        "cutting",
        f"The proxy ends streams after {seconds:.0f} s; there may be silences of {EVERY - 1} s in them.",
        "nginx: proxy_read_timeout 75s; Apache: ProxyTimeout 75; a load balancer: raise its idle timeout.",
    )


def _refused(status: int, body: bytes) -> Finding:
    if status in {401, 403}:
        return unknown(
            "proxy",
            f"The site does not accept the key of the dashboard ({status}).",
            "Set ANALYSIS_DASHBOARD_KEY for this command as the server has it; the proxy must pass the "
            "Authorization header.",
        )
    shown = body[:100].decode(errors="replace").strip()
    return unknown(
        "proxy", f"The site answered {status}: {shown}", "Look at the logs of the proxy and of Outlast."
    )


def _seconds(answer: http.client.HTTPResponse, encoding: str) -> Iterator[int]:
    """Yield the number of each event as it arrives."""
    unpack = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32) if encoding in {"gzip", "deflate"} else None
    rest = b""
    while chunk := answer.read1(READ):
        rest += unpack.decompress(chunk) if unpack else chunk
        *whole, rest = rest.split(b"\n\n")
        for event in whole:
            number = event.rpartition(b"data: ")[2]
            if number.isdigit():
                yield int(number)


def _get(site: Site, path: str, headers: Mapping[str, str]) -> tuple[int, Mapping[str, str], bytes]:
    with closing(site.connect(CONNECT_TIMEOUT)) as connection:
        connection.request("GET", site.path(path), headers=dict(headers) | {"Accept-Encoding": "identity"})
        answer = connection.getresponse()
        return answer.status, dict(answer.headers), answer.read(READ)


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"nothing within {CONNECT_TIMEOUT:g} s"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _host_name(host: str) -> str:
    return urlsplit(f"//{host}").hostname or ""


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
