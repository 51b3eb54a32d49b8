"""Client of an OpenAI-compatible server: one POST per chat completion, with retries; fails with `ModelError`."""

import asyncio
import ipaddress
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol, Self
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, ValidationError

from outlast import message
from outlast_reviews.language_model.errors import (
    InvalidAnswerError,
    ModelError,
    RequestRefusedError,
    ServerBusyError,
    ServerTimeoutError,
    ServerUnusableError,
)
from outlast_reviews.sources.fetching.response import retry_after

LONGEST_RESPONSE = 1 << 20
"""Bytes; twenty judgements take about a hundredth of it."""
TRIES = 4
"""Attempts for one request."""
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
"""Seconds; a longer Retry-After gives up at once."""

_LONGEST_ERROR = 10_000
"""Bytes of the body of an error that are looked at."""
_IN_VAIN = {
    401: message("refuses the key (ANALYSIS_LLM_API_KEY)"),
    402: message("says that the account is used up"),
    403: message("refuses the key (ANALYSIS_LLM_API_KEY)"),
    404: message("does not know this model or address (ANALYSIS_LLM_MODEL, ANALYSIS_LLM_BASE_URL)"),
    405: message("does not take questions at this address (ANALYSIS_LLM_BASE_URL)"),
    410: message("does not know this model any more (ANALYSIS_LLM_MODEL)"),
}
_LATER = frozenset({408, 409, 425, 429})
_OWN_MACHINE = message("on this site's own machine")
_PRIVATE_NAMES = (".local", ".internal", ".lan", ".home.arpa", ".localhost")


@dataclass(frozen=True, slots=True)
class ModelServer:
    """Address, model and key of the server."""

    base_url: str
    model: str
    key: str | None = field(default=None, repr=False)
    timeout: float = 60.0
    """Total seconds for one answer."""


def describe_server(base_url: str) -> str:
    """Name a public host; of a private one say only that the texts stay with the site."""
    host = urlsplit(base_url).hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if host == "localhost" or host.endswith(".localhost"):
            return _OWN_MACHINE
        private = "." not in host or host.endswith(_PRIVATE_NAMES)
    else:
        if address.is_loopback:
            return _OWN_MACHINE
        private = address.is_private
    return message("in this site's own network") if private else message("at {host}", host=host)


@dataclass(frozen=True, slots=True)
class Reply:
    content: str
    cut: bool
    """Whether it was truncated at its length limit."""
    tokens: int | None
    """Tokens of question and answer, if the server reports them."""


class ModelClient:
    """Sends requests without retries or redirects; close it with `async with`."""

    def __init__(self, server: ModelServer) -> None:
        self._server = server
        self._url = f"{server.base_url.rstrip('/')}/chat/completions"
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if server.key:
            headers["Authorization"] = f"Bearer {server.key}"
        self._http = httpx.AsyncClient(
            headers=httpx.Headers(headers, encoding="utf-8"),
            timeout=server.timeout,
            follow_redirects=False,  # send reviews only where the settings say
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def ask(self, body: Mapping[str, Any]) -> Reply:
        """Send one request. Raises `ModelError`."""
        try:
            async with (
                asyncio.timeout(self._server.timeout),
                self._http.stream("POST", self._url, json=body) as response,
            ):
                if not response.is_success:
                    raise _error_of(response, await _body(response, _LONGEST_ERROR))
                if response.headers.get("content-encoding", "identity") != "identity":
                    raise InvalidAnswerError(message("gave a compressed answer, which was not asked for"))
                content = await _body(response, LONGEST_RESPONSE)
        except (httpx.TimeoutException, TimeoutError):
            raise ServerTimeoutError(message("does not answer in time")) from None
        except (httpx.HTTPError, httpx.InvalidURL):
            raise ServerBusyError(message("cannot be reached")) from None
        if len(content) > LONGEST_RESPONSE:
            raise InvalidAnswerError(message("gave an answer that is too long"))
        return _reply(content)


async def _body(response: httpx.Response, most: int) -> bytes:
    """Read the response as it came, and stop soon after `most` bytes."""
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > most:
            break
    return bytes(body)


class _Message(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Completion(BaseModel):
    choices: list[_Choice]
    usage: Any = None


class _TokenUsage(BaseModel):
    total_tokens: int | None = None


def _reply(content: bytes) -> Reply:
    try:
        completion = _Completion.model_validate_json(content)
    except ValidationError:
        raise InvalidAnswerError(message("gave an answer that is no chat completion")) from None
    if not completion.choices:
        raise InvalidAnswerError(message("gave an empty answer"))
    choice = completion.choices[0]
    return Reply(choice.message.content or "", choice.finish_reason == "length", _tokens(completion.usage))


def _tokens(usage: Any) -> int | None:
    try:
        tokens = _TokenUsage.model_validate(usage).total_tokens
    except ValidationError:
        return None
    return tokens if tokens and tokens > 0 else None


class _ErrorDetails(BaseModel):
    code: Any = None
    type: Any = None


class _ErrorBody(BaseModel):
    error: _ErrorDetails


def _error_of(response: httpx.Response, body: bytes) -> ModelError:
    status = response.status_code
    if status in _IN_VAIN:
        return ServerUnusableError(_IN_VAIN[status])
    if status < 400:
        return ServerUnusableError(message("sends us to another address (ANALYSIS_LLM_BASE_URL)"))
    if status == 429 and _is_quota_used_up(body):
        return ServerUnusableError(message("says that the quota is used up"))
    if status in _LATER or (status >= 500 and status != 501):
        reason = (
            message("asks for fewer questions")
            if status == 429
            else message("has a fault of its own ({status})", status=status)
        )
        return ServerBusyError(reason, retry_after(response.headers))
    reason = message("does not take the question ({status})", status=status)
    return RequestRefusedError(reason, body.decode("utf-8", "replace"))


def _is_quota_used_up(body: bytes) -> bool:
    with suppress(ValidationError):
        error = _ErrorBody.model_validate_json(body).error
        return "insufficient_quota" in (error.code, error.type)
    return False


class ChatClient(Protocol):
    """A `ModelClient` or a test double."""

    async def ask(self, body: Mapping[str, Any]) -> Reply: ...


def _ignore_wait(_reason: str, _seconds: float) -> None:
    pass


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Retries busy servers. `sleep` waits for seconds; `jitter` returns a random number from 0 to 1."""

    sleep: Callable[[float], Awaitable[None]]
    jitter: Callable[[], float] = random.random
    waiting: Callable[[str, float], None] = _ignore_wait
    """Called with the reason and the seconds before each wait."""

    async def ask(self, client: ChatClient, body: Mapping[str, Any]) -> Reply:
        """Send with retries. Raises `ModelError`; `ServerBusyError` only after all attempts."""
        for tried in range(1, TRIES + 1):
            try:
                return await client.ask(body)
            except ServerBusyError as busy:
                if tried == TRIES:
                    raise
                seconds = self._wait(tried, busy)
                self.waiting(busy.reason, seconds)
            await self.sleep(seconds)
        raise AssertionError  # pragma: no cover

    def _wait(self, tried: int, busy: ServerBusyError) -> float:
        """Full jitter, so that clients do not retry together; never earlier than Retry-After."""
        if busy.after is None:
            return self.jitter() * min(LONGEST_WAIT, FIRST_WAIT * 2 ** (tried - 1))
        if busy.after > LONGEST_WAIT:
            raise ServerUnusableError(
                message(
                    "{reason} and wants to be asked again in {seconds:,.0f} seconds",
                    reason=busy.reason,
                    seconds=busy.after,
                )
            )
        return busy.after + self.jitter() * FIRST_WAIT
