"""Asks about all texts, batch by batch, several at once, until all is judged or something says stop."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from outlast_reviews.judge import budget as tokens
from outlast_reviews.judge.answer import Judgement, judgements
from outlast_reviews.judge.budget import Budget
from outlast_reviews.judge.concurrency_limit import ConcurrencyLimit
from outlast_reviews.judge.errors import (
    InvalidAnswerError,
    RequestRefusedError,
    ServerBusyError,
    ServerTimeoutError,
    ServerUnusableError,
)
from outlast_reviews.judge.model_client import Reply
from outlast_reviews.judge.question import BATCH, Text, messages
from outlast_reviews.judge.request_format import RequestFormat
from outlast_reviews.judge.retry import Asks, RetryPolicy

MOST_EMPTY = 8
"""Answers in a row with nothing to use in them: more of them would cost and bring nothing."""
MOST_BUSY = 2
"""Questions in a row that no try got through."""
TICK = 0.25
"""Seconds between looks at whether to stop, and between reports of progress."""

Batch = Mapping[str, Text]
"""Texts by their keys."""


class Keeps(Protocol):
    """Where judgements go before anything more is asked."""

    async def judgements(self, judged: Mapping[str, Judgement]) -> None: ...

    async def dialect(self, dialect: RequestFormat) -> None: ...


class Stop(Exception):  # noqa: N818 - not an error: it ends the asking
    """Ends the asking; its text is a sentence for the report."""


@dataclass(slots=True)
class Account:
    """What the asking came to."""

    judged: dict[str, Judgement] = field(default_factory=dict[str, Judgement])
    settled: int = 0
    """Texts that are judged, or that one cannot get a judgement of."""
    requests: int = 0
    stopped: str | None = None
    """Why it ended early, one sentence."""
    message: str = ""
    """What people read meanwhile."""


@dataclass(slots=True)
class Inquiry:
    """One inquiry; `names` makes ids that nobody can foresee, different from each other."""

    exchange: Asks
    patience: RetryPolicy
    keeps: Keeps
    gate: ConcurrencyLimit
    budget: Budget
    model: str
    dialect: RequestFormat
    names: Callable[[int], list[str]]
    account: Account = field(default_factory=Account)
    _empty: int = 0
    _busy: int = 0
    _room: asyncio.Event = field(default_factory=asyncio.Event)

    async def about(
        self,
        texts: Batch,
        *,
        at_once: int,
        seconds: float,
        tell: Callable[[Account], None],
        now: Callable[[], float] = time.monotonic,
    ) -> Account:
        """`tell` hears of the progress and may raise to end it all. Never raises `ModelError`."""
        keys, until = list(texts), now() + seconds
        batches: deque[Batch] = deque(
            {k: texts[k] for k in keys[n : n + BATCH]} for n in range(0, len(keys), BATCH)
        )
        tasks = {asyncio.create_task(self._work(batches)) for _ in range(min(at_once, len(batches)))}
        try:
            while tasks:
                done, tasks = await asyncio.wait(tasks, timeout=TICK, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
                tell(self.account)
                if tasks and now() >= until:
                    self._stop(f"The {seconds:,.0f} seconds that the model may take were over.")
                    break
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return self.account

    async def _work(self, batches: deque[Batch]) -> None:
        while batches and not self.account.stopped:
            await self._judge(batches.popleft(), again=True)

    async def _judge(self, batch: Batch, *, again: bool) -> None:
        """Those that are missing in the answer are asked for again, then by halves, then not judged."""
        if self.account.stopped:
            return
        try:
            held, in_vain = await self._answer(batch)
        except Stop as stop:
            self._stop(str(stop))
            return
        if held:
            await self.keeps.judgements(held)
            self.account.judged |= held
            self.account.settled += len(held)
        missing = {key: text for key, text in batch.items() if key not in held}
        if again and missing and not in_vain:
            await self._judge(missing, again=False)
        elif len(missing) > 1:
            keys = list(missing)
            for half in (keys[: len(keys) // 2], keys[len(keys) // 2 :]):
                await self._judge({key: missing[key] for key in half}, again=False)
        else:
            self.account.settled += len(missing)

    async def _answer(self, batch: Batch) -> tuple[Mapping[str, Judgement], bool]:
        """What holds of one answer, by key; and whether asking the same again would be in vain."""
        named = dict(zip(self.names(len(batch)), batch, strict=True))
        mark = self.names(1)[0]
        by_name = {name: batch[key] for name, key in named.items()}
        asked = messages(by_name, mark)
        try:
            reply = await self._reply(asked, len(batch))
            held = judgements(reply.content, by_name, cut=reply.cut)
        except (RequestRefusedError, ServerTimeoutError) as trouble:
            return self._nothing(trouble.reason), True
        except InvalidAnswerError as garbled:
            return self._nothing(garbled.reason), False
        except ServerBusyError as busy:
            self._busy += 1
            if self._busy >= MOST_BUSY:
                raise Stop(f"The model's server {busy.reason}.") from None
            return {}, True
        except ServerUnusableError as unusable:
            raise Stop(f"The model's server {unusable.reason}.") from None
        if not held:
            return self._nothing("gave answers of which nothing held"), reply.cut
        self._empty = 0
        return {named[name]: judgement for name, judgement in held.items()}, reply.cut

    def _nothing(self, reason: str) -> Mapping[str, Judgement]:
        self._empty += 1
        if self._empty >= MOST_EMPTY:
            raise Stop(f"The model's server {reason}, {MOST_EMPTY} times in a row.")
        return {}

    async def _reply(self, asked: list[dict[str, str]], reviews: int) -> Reply:
        """In the best way of asking that the server takes, which is remembered."""
        dialect = self.dialect
        while True:
            body = dialect.request(self.model, asked, tokens.most_of_answer(reviews))
            try:
                reply = await self.patience.ask(_Paid(self, asked, reviews), body)
            except RequestRefusedError as refused:
                simpler = dialect.simpler(refused.said)
                if simpler is None:
                    raise
                dialect = simpler
                continue
            self._busy = 0
            if dialect != self.dialect:
                self.dialect = dialect
                await self.keeps.dialect(dialect)
            return reply

    def _stop(self, sentence: str) -> None:
        self.account.stopped = self.account.stopped or sentence

    async def set_aside(self, most: int) -> None:
        """Waits while others hold what may come back; raises `Stop` when it cannot suffice any more."""
        while not self.budget.set_aside(most):
            if not self.budget.aside:
                raise Stop(f"The budget of {self.budget.limit:,} tokens was used up.")
            self._room.clear()
            await self._room.wait()

    def settle(self, aside: int, spent: int) -> None:
        self.budget.settle(aside, spent)
        self._room.set()


@dataclass(frozen=True, slots=True)
class _Paid:
    """One request: through the gate, and within the budget."""

    inquiry: Inquiry
    asked: list[dict[str, str]]
    reviews: int

    async def ask(self, body: Mapping[str, Any]) -> Reply:
        inquiry = self.inquiry
        most = tokens.at_most(self.asked, self.reviews)
        await inquiry.set_aside(most)
        spent = 0
        try:
            async with inquiry.gate:
                if inquiry.account.stopped:
                    raise Stop(inquiry.account.stopped)
                spent = tokens.usual(self.asked, "")  # without an answer the question may be paid all the same
                inquiry.account.requests += 1
                reply = await inquiry.exchange.ask(body)
                spent = reply.tokens or tokens.usual(self.asked, reply.content)
                return reply
        except (ServerBusyError, RequestRefusedError, ServerUnusableError):
            spent = 0
            raise
        finally:
            inquiry.settle(most, spent)
