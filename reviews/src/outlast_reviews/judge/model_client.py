"""Client of an OpenAI-compatible server: one chat completion per call, every failure a `ModelError`."""

import asyncio
import datetime as dt
import math
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self, cast

import httpx
from pydantic import BaseModel, ValidationError

from outlast_reviews.judge.errors import (
    InvalidAnswerError,
    RequestRefusedError,
    ServerBusyError,
    ServerTimeoutError,
    ServerUnusableError,
)

LONGEST_ANSWER = 1 << 20
"""Bytes; twenty judgements take about a hundredth of it."""
_IN_VAIN = {
    401: "refuses the key (ANALYSIS_LLM_API_KEY)",
    402: "says that the account is used up",
    403: "refuses the key (ANALYSIS_LLM_API_KEY)",
    404: "does not know this model or address (ANALYSIS_LLM_MODEL, ANALYSIS_LLM_BASE_URL)",
    405: "does not take questions at this address (ANALYSIS_LLM_BASE_URL)",
    410: "does not know this model any more (ANALYSIS_LLM_MODEL)",
}
_LATER = frozenset({408, 409, 425, 429})


@dataclass(frozen=True, slots=True)
class ModelServer:
    """Address, model and key of the server."""

    base_url: str
    model: str
    key: str | None = field(default=None, repr=False)
    timeout: float = 60.0
    """Total seconds for one answer."""


@dataclass(frozen=True, slots=True)
class Reply:
    content: str
    cut: bool
    """Whether it was truncated at its length limit."""
    tokens: int | None
    """Tokens of question and answer, if the server reports them."""


class _Message(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Usage(BaseModel):
    total_tokens: int | None = None


class _Completion(BaseModel):
    choices: list[_Choice]
    usage: Any = None


class ModelClient:
    """Sends requests without retries or redirects; close it with `async with`."""

    def __init__(self, server: ModelServer) -> None:
        import openai  # noqa: PLC0415 - an extra that is needed only where a model is configured

        self._openai = openai
        self._server = server
        http = httpx.AsyncClient(
            follow_redirects=False,  # send reviews only where the settings say
            timeout=server.timeout,
            headers={"Accept-Encoding": "identity"},
            event_hooks={"response": [_bounded]},
        )
        self._client = openai.AsyncOpenAI(
            base_url=server.base_url,
            api_key=server.key or "none",
            max_retries=0,
            timeout=server.timeout,
            http_client=cast("Any", http),
        )
        # the SDK would send the organisation and project of the environment to any server
        self._client.organization = self._client.project = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.close()

    async def ask(self, body: Mapping[str, Any]) -> Reply:
        """Send one request. Raises `ModelError`."""
        create = cast("Any", self._client.chat.completions.with_raw_response.create)
        try:
            async with asyncio.timeout(self._server.timeout):
                raw = await create(**body)
        except (self._openai.APITimeoutError, TimeoutError):
            raise ServerTimeoutError("does not answer in time") from None
        except self._openai.APIStatusError as error:
            raise _by_status(error) from None
        except self._openai.APIConnectionError:
            raise ServerBusyError("cannot be reached") from None
        except self._openai.OpenAIError:
            raise InvalidAnswerError("gave an answer that cannot be read") from None
        return _reply(raw.content)


def _reply(content: bytes) -> Reply:
    try:
        completion = _Completion.model_validate_json(content)
    except ValidationError:
        raise InvalidAnswerError("gave an answer that is no chat completion") from None
    if not completion.choices:
        raise InvalidAnswerError("gave an empty answer")
    choice = completion.choices[0]
    return Reply(choice.message.content or "", choice.finish_reason == "length", _tokens(completion.usage))


def _tokens(usage: Any) -> int | None:
    try:
        tokens = _Usage.model_validate(usage).total_tokens
    except ValidationError:
        return None
    return tokens if tokens and tokens > 0 else None


def _by_status(error: Any) -> ServerUnusableError | ServerBusyError | RequestRefusedError:
    status: int = error.status_code
    if status in _IN_VAIN:
        return ServerUnusableError(_IN_VAIN[status])
    if status < 400:
        return ServerUnusableError("sends us to another address (ANALYSIS_LLM_BASE_URL)")
    if status == 429 and "insufficient_quota" in {error.code, error.type}:
        return ServerUnusableError("says that the quota is used up")
    if status in _LATER or (status >= 500 and status != 501):
        reason = "asks for fewer questions" if status == 429 else f"has a fault of its own ({status})"
        return ServerBusyError(reason, _after(error.response.headers.get("retry-after")))
    return RequestRefusedError(f"does not take the question ({status})", error.response.text[:10_000])


def _after(header: str | None) -> float | None:
    """Parse Retry-After, in seconds or as a date, to seconds."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            then = parsedate_to_datetime(header)
        except ValueError:
            return None
        aware = then if then.tzinfo else then.replace(tzinfo=dt.UTC)
        seconds = (aware - dt.datetime.now(dt.UTC)).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None


class _Bounded(httpx.AsyncByteStream):
    """A response body that raises once it exceeds `LONGEST_ANSWER`."""

    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._stream:
            size += len(chunk)
            if size > LONGEST_ANSWER:
                raise httpx.ReadError("The answer is too long.")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


async def _bounded(response: httpx.Response) -> None:
    if response.headers.get("content-encoding", "identity") != "identity":
        raise httpx.DecodingError("The answer is compressed, which was not asked for.")
    response.stream = _Bounded(cast("httpx.AsyncByteStream", response.stream))
