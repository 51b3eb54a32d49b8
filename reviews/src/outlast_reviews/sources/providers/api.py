"""What a provider does, and the HTTP client of their APIs, with a sentence for the user for every failure."""

import json
import ssl
import tempfile
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any, BinaryIO, NamedTuple, Protocol, cast
from urllib.parse import urlencode

import httpx

from outlast import message
from outlast_reviews.progress import Progress, ignore_progress
from outlast_reviews.review import ReviewSet
from outlast_reviews.sources.errors import FetchError, NotReviews
from outlast_reviews.sources.fetching.addresses import Product
from outlast_reviews.sources.fetching.response import retry_after
from outlast_reviews.sources.formats.refusals import about_page
from outlast_reviews.sources.limits import MIB, ReadLimits

_SECONDS = 30.0
_BLOCK = 64 * 1024
_IN_MEMORY = 4 * MIB
_SMALL = 8 * MIB
_LATER = message("Try again later.")
_ADVICE = message("You can also export the reviews, or save the page with them, and upload that file.")


Pause = Callable[[float], None]
"""Waits that many seconds; may raise to end the waiting."""


class Provider(Protocol):
    """A service that sells or keeps reviews. Every method blocks and raises `FetchError`."""

    name: str

    def covers(self, product: Product) -> bool:
        """Whether it is worth asking, as far as the address tells."""
        ...

    def order(self, product: Product) -> str:
        """Order the reviews, which may cost money, and return a non-empty ticket to collect them with."""
        ...

    def collect(self, ticket: str, progress: Progress, pause: Pause) -> ReviewSet:
        """Wait for the ordered reviews. Another attempt may reuse the ticket."""
        ...


class Body(NamedTuple):
    """What an API answered; the file is closed by `ProviderApi.open`."""

    status: int
    file: BinaryIO
    size: int


class ProviderApi:
    """One provider's API. `key_settings` names what an operator must look at when it refuses the key."""

    def __init__(self, name: str, base: str, key_settings: str, headers: Mapping[str, str] | None = None) -> None:
        self._name = name
        self._base = base
        self._key_settings = key_settings
        self._headers = dict(headers or {})

    @cached_property
    def _tls(self) -> ssl.SSLContext | bool:
        """Made once, because loading the CA certificates is slow."""
        return httpx.create_ssl_context(trust_env=False) if self._base.startswith("https:") else False

    @contextmanager
    def open(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int],
        body: object = None,
        progress: Progress = ignore_progress,
    ) -> Generator[Body]:
        """The answer, whole and not a web page. Raises `FetchError`.

        Through the bare transport: a client follows redirects, and writes the address with its token into the log.
        """
        request = httpx.Request(
            method,
            f"{self._base}{path}?{urlencode(query)}",
            headers={"Accept": "application/json", "Accept-Encoding": "identity", **self._headers},
            json=body,
            extensions={"timeout": httpx.Timeout(_SECONDS).as_dict()},
        )
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as spooled:
            file = cast("BinaryIO", spooled)
            try:
                with httpx.HTTPTransport(verify=self._tls, trust_env=False) as transport:
                    response = transport.handle_request(request)
                    response.request = request
                    try:
                        self._refuse_status(response)
                        self._save(response, file, progress)
                    finally:
                        response.close()
            except httpx.TransportError:
                broken = message(
                    "{provider} could not be reached, or the connection broke.",
                    provider=self._name,
                )
                raise FetchError(f"{broken} {_LATER} {_ADVICE}", transient=True) from None
            size = file.tell()
            file.seek(0)
            self._refuse_page(file)
            yield Body(response.status_code, file, size)

    def request_json(
        self, method: str, path: str, query: Mapping[str, str | int], body: object = None
    ) -> tuple[int, dict[str, Any]]:
        """Status and JSON object of a small answer."""
        with self.open(method, path, query, body) as answer:
            if answer.size > _SMALL:
                raise self.invalid_answer()
            try:
                value = json.loads(answer.file.read())
            except (ValueError, RecursionError):
                raise self.invalid_answer() from None
        if not isinstance(value, dict):
            raise self.invalid_answer()
        return answer.status, cast("dict[str, Any]", value)

    def invalid_answer(self, why: str = "") -> FetchError:
        """For an answer that is not what the provider's documentation says; it may be whole the next time."""
        sentence = (
            message("{provider} sent something that cannot be read: {why}", provider=self._name, why=why)
            if why
            else message("{provider} sent something that cannot be read.", provider=self._name)
        )
        return FetchError(f"{sentence} {_ADVICE}", transient=True)

    def _save(self, response: httpx.Response, file: BinaryIO, progress: Progress) -> None:
        limit = ReadLimits().file
        stated = response.headers.get("content-length", "")
        total = int(stated) if stated.isdecimal() and len(stated) < 15 else 0
        done = 0
        for block in response.iter_raw(_BLOCK):
            done += len(block)
            if done > limit:
                raise FetchError(
                    message(
                        "{provider} sent more than {most} MiB, more than one analysis can take.",
                        provider=self._name,
                        most=limit // MIB,
                    )
                )
            file.write(block)
            progress(done, max(total, done))

    def _refuse_page(self, file: BinaryIO) -> None:
        head = file.read(_BLOCK).decode("utf-8", "replace")
        file.seek(0)
        if head.lstrip("\ufeff \t\r\n").startswith("<"):
            raise FetchError(f"{_about_page(self._name, head)} {self._operator} {_ADVICE}")

    @property
    def _operator(self) -> str:
        return message("The operator of this site should look at {settings}.", settings=self._key_settings)

    def _refuse_status(self, response: httpx.Response) -> None:
        status, name = response.status_code, self._name
        if 200 <= status < 300:
            return
        wait = retry_after(response.headers)
        if status == 429:
            quota = message(
                "{provider} asks to be left alone for a while: its quota is used up.",
                provider=name,
            )
            raise FetchError(
                f"{quota} {_LATER} {_ADVICE}", transient=True, retry_after=60.0 if wait is None else wait
            )
        if status >= 500 or status == 408:
            trouble = message(
                "{provider} has trouble answering (status {status}).",
                provider=name,
                status=status,
            )
            raise FetchError(f"{trouble} {_LATER} {_ADVICE}", transient=True, retry_after=wait)
        raise FetchError(f"{self._refusal(status)} {_ADVICE}")

    def _refusal(self, status: int) -> str:
        name, operator = self._name, self._operator
        match status:
            case 401:
                key = message("{provider} does not accept the key of this site.", provider=name)
                return f"{key} {operator}"
            case 402:
                used_up = message("What this site has paid {provider} for is used up.", provider=name)
                return f"{used_up} {operator}"
            case 403:
                suspended = message(
                    "{provider} does not let this site ask: perhaps its account is suspended.", provider=name
                )
                return f"{suspended} {operator}"
            case 404:
                unknown = message("{provider} does not know what it was asked for.", provider=name)
                return f"{unknown} {message('Check the address.')}"
            case _:
                return message("{provider} refused the request (status {status}).", provider=name, status=status)


def _about_page(provider: str, page: str) -> str:
    kind = str(about_page(page))
    if "robot check" in kind:
        return message("{provider} answered with a robot check instead of reviews.", provider=provider)
    if "login" in kind:
        return message("{provider} answered with a login page instead of reviews.", provider=provider)
    return message("{provider} answered with a web page instead of reviews.", provider=provider)


@contextmanager
def delivered(api: ProviderApi) -> Generator[None]:
    """What was delivered is read within it: if that cannot be, the provider failed, and no verdict follows."""
    try:
        yield
    except NotReviews as refused:
        raise api.invalid_answer(f"{refused}") from None
