"""Judges all texts in concurrent batches, until done, out of time, out of budget or failing."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol

from outlast import message
from outlast_reviews.language_model import prompt
from outlast_reviews.language_model.answer import Judgement, judgements
from outlast_reviews.language_model.client import ChatClient, Reply, RetryPolicy
from outlast_reviews.language_model.errors import (
    InvalidAnswerError,
    ModelError,
    RequestRefusedError,
    ServerBusyError,
    ServerTimeoutError,
    ServerUnusableError,
)
from outlast_reviews.language_model.prompt import BATCH, RequestFormat, ReviewText, messages

MOST_EMPTY = 8
"""Consecutive answers without a valid judgement after which the run stops."""
MOST_BUSY = 2
"""Consecutive requests that exhausted their retries, after which the run stops."""
TICK = 0.25
"""Seconds between progress reports and checks of the deadline."""
_POLL = 0.02
"""Polling interval in seconds; a request takes about a hundred times as long."""

Batch = Mapping[str, ReviewText]
"""Texts by their keys."""


class JudgementStore(Protocol):
    """Stores judgements before the next request is sent."""

    async def save_judgements(self, judged: Mapping[str, Judgement]) -> None: ...

    async def save_request_format(self, request_format: RequestFormat) -> None: ...


class StopJudging(Exception):  # noqa: N818 - a control-flow exception
    """Stops the run; its message is a sentence for the report."""


class ConcurrencyLimit:
    """Semaphore of a process, whose analyses run in threads with an event loop each."""

    def __init__(self, width: int) -> None:
        self._slots = threading.Semaphore(width)

    async def __aenter__(self) -> None:
        while not self._slots.acquire(blocking=False):  # noqa: ASYNC110 - the waiters run in several loops
            await asyncio.sleep(_POLL)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._slots.release()


@dataclass(slots=True)
class Budget:
    """Keeps spent and reserved tokens within the limit, if the server respects the limit on its answers."""

    limit: int
    spent: int = 0
    reserved: int = 0

    def reserve(self, tokens: int) -> bool:
        """Return False when the remaining budget does not suffice now."""
        if self.spent + self.reserved + tokens > self.limit:
            return False
        self.reserved += tokens
        return True

    def charge(self, reserved: int, spent: int) -> None:
        self.reserved -= reserved
        self.spent += spent


@dataclass(slots=True)
class JudgingProgress:
    """Progress and results of a run."""

    judged: dict[str, Judgement] = field(default_factory=dict[str, Judgement])
    done: int = 0
    """Texts that are judged or given up."""
    requests: int = 0
    stopped: str | None = None
    """Why the run stopped early, one sentence."""
    message: str = ""
    """Status message for people."""


@dataclass(slots=True)
class JudgingRun:
    """One run over the texts of an attempt; `names` makes unique, unpredictable ids."""

    client: ChatClient
    retry_policy: RetryPolicy
    store: JudgementStore
    concurrency: ConcurrencyLimit
    budget: Budget
    model: str
    request_format: RequestFormat
    names: Callable[[int], list[str]]
    progress: JudgingProgress = field(default_factory=JudgingProgress)
    _empty: int = 0
    _busy: int = 0
    _released: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(
        self,
        texts: Batch,
        *,
        at_once: int,
        seconds: float,
        on_progress: Callable[[JudgingProgress], None],
        now: Callable[[], float] = time.monotonic,
    ) -> JudgingProgress:
        """Judge the texts. `on_progress` may raise to cancel the run. Never raises `ModelError`."""
        keys, until = list(texts), now() + seconds
        batches: deque[Batch] = deque(
            {k: texts[k] for k in keys[n : n + BATCH]} for n in range(0, len(keys), BATCH)
        )
        tasks = {asyncio.create_task(self._run_worker(batches)) for _ in range(min(at_once, len(batches)))}
        try:
            while tasks:
                done, tasks = await asyncio.wait(tasks, timeout=TICK, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
                on_progress(self.progress)
                if tasks and now() >= until:
                    self._stop(
                        message("The {seconds:,.0f} seconds that the model may take were over.", seconds=seconds)
                    )
                    break
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return self.progress

    async def _run_worker(self, batches: deque[Batch]) -> None:
        while batches and not self.progress.stopped:
            await self._judge(batches.popleft(), retry=True)

    async def _judge(self, batch: Batch, *, retry: bool) -> None:
        """Retry the texts missing from an answer, then split them in halves, then give up."""
        if self.progress.stopped:
            return
        try:
            valid, give_up = await self._answer(batch)
        except StopJudging as stop:
            self._stop(str(stop))
            return
        if valid:
            await self.store.save_judgements(valid)
            self.progress.judged |= valid
            self.progress.done += len(valid)
        missing = {key: text for key, text in batch.items() if key not in valid}
        if retry and missing and not give_up:
            await self._judge(missing, retry=False)
        elif len(missing) > 1:
            keys = list(missing)
            for half in (keys[: len(keys) // 2], keys[len(keys) // 2 :]):
                await self._judge({key: missing[key] for key in half}, retry=False)
        else:
            self.progress.done += len(missing)

    async def _answer(self, batch: Batch) -> tuple[Mapping[str, Judgement], bool]:
        """Return the valid judgements of one answer by key, and whether a retry is useless."""
        named = dict(zip(self.names(len(batch)), batch, strict=True))
        mark = self.names(1)[0]
        by_name = {name: batch[key] for name, key in named.items()}
        asked = messages(by_name, mark)
        try:
            reply = await self._reply(asked, len(batch))
            valid = judgements(reply.content, by_name, cut=reply.cut)
        except (RequestRefusedError, ServerTimeoutError) as error:
            return self._no_judgements(error.reason), True
        except InvalidAnswerError as error:
            return self._no_judgements(error.reason), False
        except ServerBusyError as error:
            self._busy += 1
            if self._busy >= MOST_BUSY:
                raise StopJudging(_fault(error)) from None
            return {}, True
        except ServerUnusableError as error:
            raise StopJudging(_fault(error)) from None
        if not valid:
            return self._no_judgements(message("gave answers of which nothing held")), reply.cut
        self._empty = 0
        return {named[name]: judgement for name, judgement in valid.items()}, reply.cut

    def _no_judgements(self, reason: str) -> Mapping[str, Judgement]:
        self._empty += 1
        if self._empty >= MOST_EMPTY:
            raise StopJudging(
                message("The model's server {reason}, {times} times in a row.", reason=reason, times=MOST_EMPTY)
            )
        return {}

    async def _reply(self, asked: list[dict[str, str]], reviews: int) -> Reply:
        """Send the request in the best format that the server accepts, and store that format."""
        request_format = self.request_format
        while True:
            body = request_format.request(self.model, asked, prompt.longest_answer(reviews))
            try:
                reply = await self.retry_policy.ask(_BudgetedClient(self, asked, reviews), body)
            except RequestRefusedError as error:
                simpler = request_format.simpler(error.explanation)
                if simpler is None:
                    raise
                request_format = simpler
                continue
            self._busy = 0
            if request_format != self.request_format:
                self.request_format = request_format
                await self.store.save_request_format(request_format)
            return reply

    def _stop(self, sentence: str) -> None:
        self.progress.stopped = self.progress.stopped or sentence

    async def reserve(self, most: int) -> None:
        """Wait while other requests hold reservations; raise `StopJudging` when the budget is used up."""
        while not self.budget.reserve(most):
            if not self.budget.reserved:
                raise StopJudging(
                    message("The budget of {tokens:,} tokens was used up.", tokens=self.budget.limit)
                )
            self._released.clear()
            await self._released.wait()

    def charge(self, reserved: int, spent: int) -> None:
        self.budget.charge(reserved, spent)
        self._released.set()


def _fault(error: ModelError) -> str:
    return message("The model's server {reason}.", reason=error.reason)


@dataclass(frozen=True, slots=True)
class _BudgetedClient:
    """Sends one request within the concurrency limit and the budget."""

    run: JudgingRun
    asked: list[dict[str, str]]
    reviews: int

    async def ask(self, body: Mapping[str, Any]) -> Reply:
        run = self.run
        most = prompt.most_tokens(self.asked, self.reviews)
        await run.reserve(most)
        spent = 0
        try:
            async with run.concurrency:
                if run.progress.stopped:
                    raise StopJudging(run.progress.stopped)
                spent = prompt.estimate(self.asked, "")  # the question may be billed even without an answer
                run.progress.requests += 1
                reply = await run.client.ask(body)
                spent = reply.tokens or prompt.estimate(self.asked, reply.content)
                return reply
        except (ServerBusyError, RequestRefusedError, ServerUnusableError):
            spent = 0
            raise
        finally:
            run.charge(most, spent)
