"""Asks a model as the step does, without a session: a memory of its own, waits that take no time."""

import json
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from email.message import Message
from typing import Any

from model_server import DOUBTFUL, Asked, Model, reviews_in
from outlast import Fact
from outlast_reviews.checks.finding import Finding
from outlast_reviews.deduplicate import clean
from outlast_reviews.language_model.ask_model import ModelLimits, ask
from outlast_reviews.language_model.client import ModelClient, ModelServer, Reply, RetryPolicy
from outlast_reviews.language_model.judging import ConcurrencyLimit
from outlast_reviews.language_model.opinion import Opinion
from outlast_reviews.review import Review, ReviewSet


def reviews(count: int, doubtful: Iterable[int] = ()) -> list[Review]:
    """Rows from 1, all different; those named `doubtful` are what the honest model doubts."""
    doubted = set(doubtful)
    return [
        Review(
            row=n,
            rating=5.0,
            text=f"Number {n}: a {DOUBTFUL} of a lamp" if n in doubted else f"Number {n}: the lamp is on my desk",
            reviewer=f"Person {n}",
        )
        for n in range(1, count + 1)
    ]


class DictMemory:
    """Facts without a store."""

    def __init__(self) -> None:
        self.facts: dict[str, Fact] = {}
        self.puts = 0

    def put(self, facts: Iterable[Fact], *, keep: Any) -> None:
        self.puts += 1
        self.facts |= {fact.key: fact for fact in facts}

    def get(self, keys: Iterable[str]) -> dict[str, list[Fact]]:
        return {key: [self.facts[key]] for key in keys if key in self.facts}


class Direct:
    """An exchange with a model in this process."""

    def __init__(self, model: Model) -> None:
        self._model = model

    async def ask(self, body: Any) -> Reply:
        answer = self._model.answer(Asked(body, Message(), reviews_in(body)))
        completion = json.loads(answer.body)
        choice = completion["choices"][0]
        return Reply(choice["message"]["content"], choice["finish_reason"] == "length", None)


@dataclass
class JudgeRunner:
    """What one installation would keep from one analysis to the next."""

    model: Model
    memory: DictMemory = field(default_factory=DictMemory)
    waits: list[float] = field(default_factory=list)
    timeout: float = 20.0
    chance: float = 1.0
    direct: bool = False
    """The model answers in this process, without HTTP."""

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    def judge(
        self,
        these: Sequence[Review],
        *,
        findings: Sequence[Finding] = (),
        tokens: int = 1_000_000,
        seconds: float = 60.0,
        at_once: int = 1,
        key: str | None = None,
        name: str = "tiny",
        url: str | None = None,
        gate: ConcurrencyLimit | None = None,
    ) -> Opinion:
        server = ModelServer(url or self.model.url, name, key, self.timeout)
        return ask(
            clean(ReviewSet(tuple(these), "invented")),
            findings,
            server,
            ModelLimits(tokens, seconds, at_once),
            gate or ConcurrencyLimit(at_once),
            self.memory,
            RetryPolicy(self._sleep, lambda: self.chance),
            (lambda _: nullcontext(Direct(self.model))) if self.direct else ModelClient,
        )


def doubted(opinion: Opinion) -> list[int]:
    return [sign.row for sign in opinion.finding.signs]
