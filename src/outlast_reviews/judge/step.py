"""The step of the product analysis that asks the model, where one is configured."""

import asyncio
import dataclasses
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from html import escape
from importlib import import_module
from importlib.util import find_spec

from outlast import Outlast, SettingsError, Step, report, step
from outlast_reviews.checks.finding import Finding, Judged
from outlast_reviews.deduplicate import CleanSet
from outlast_reviews.judge import budget
from outlast_reviews.judge.answer import Judgement
from outlast_reviews.judge.budget import Budget
from outlast_reviews.judge.concurrency_limit import ConcurrencyLimit
from outlast_reviews.judge.endpoint import whereabouts
from outlast_reviews.judge.judging import Account, Inquiry
from outlast_reviews.judge.model_client import ModelClient, Server
from outlast_reviews.judge.opinion import Asking, Opinion, opinion
from outlast_reviews.judge.question import Text, text_of
from outlast_reviews.judge.remembered import AT_ONCE, SPACE, Memory, Remembered
from outlast_reviews.judge.request_format import RequestFormat
from outlast_reviews.judge.retry import Asks, RetryPolicy
from outlast_reviews.settings import ReviewSettings
from outlast_reviews.value_names import new_name

Connect = Callable[[Server], AbstractAsyncContextManager[Asks]]
AskModel = Step[[CleanSet, Judged, str], Opinion]


@dataclasses.dataclass(frozen=True, slots=True)
class JudgeLimits:
    """What one attempt may take of the model."""

    tokens: int
    seconds: float
    at_once: int


def model_step(settings: ReviewSettings, outlast: Outlast) -> AskModel:
    """Nothing is asked or opened before the step runs.

    Raises `SettingsError` when the package for it is missing.
    """
    if find_spec("openai") is None:
        raise SettingsError(
            "ANALYSIS_LLM_MODEL: a model is asked through a package that is not installed. "
            "For example: pip install 'outlast[model]'"
        )
    if settings.llm_base_url is None or settings.llm_model is None:
        raise SettingsError("ANALYSIS_LLM_MODEL: it is not set. For example: ANALYSIS_LLM_MODEL=qwen3:8b")
    key = settings.llm_api_key.get_secret_value() if settings.llm_api_key else None
    server = Server(settings.llm_base_url, settings.llm_model, key, settings.llm_request_timeout)
    gate = ConcurrencyLimit(settings.llm_concurrency)
    memory = outlast.facts(SPACE)

    @step("Asking a language model", weight=20, key=_key)
    def ask_model(reviews: CleanSet, judged: Judged, subject: str) -> Opinion:
        seconds = min(settings.llm_time_limit, outlast.settings.queue_timeout / 2)
        limits = JudgeLimits(settings.llm_token_budget, seconds, settings.llm_concurrency)
        told = ask(reviews, judged.findings, server, limits, gate, memory.blocking, about=subject)
        return dataclasses.replace(told, made=new_name())

    return ask_model


def _key(reviews: CleanSet, judged: Judged, subject: str) -> tuple[str, ...]:
    return reviews.made, judged.made, subject


def make_ready() -> None:
    """Begin to load the client, which takes seconds; there is time until the model is asked."""
    threading.Thread(target=import_module, args=("openai",), name="loading the client", daemon=True).start()


def intro_of_model(settings: ReviewSettings) -> str:
    """For the form, before anybody gives a file: safe HTML."""
    where = whereabouts(settings.llm_base_url or "")
    return (
        "<p>The stars, titles and texts of the reviews, without names and dates, are also read by a language model"
        f" ({escape(settings.llm_model or '')}, {escape(where)}). Otherwise your files stay on this site.</p>"
    )


def ask(
    reviews: CleanSet,
    findings: Sequence[Finding],
    server: Server,
    limits: JudgeLimits,
    gate: ConcurrencyLimit,
    memory: Memory,
    patience: RetryPolicy | None = None,
    connect: Connect = ModelClient,
    *,
    about: str = "",
) -> Opinion:
    """Of each review with a text what the model says, from memory where it was asked before."""
    rows: dict[str, list[int]] = {}
    texts: dict[str, Text] = {}
    first = _may_matter(findings)
    for review in sorted(reviews.reviews, key=lambda r: r.row not in first):
        text = text_of(review)
        if text is not None:
            key = text.key(server.model, server.base_url)
            texts[key] = text
            rows.setdefault(key, []).append(review.row)
    remembered = Remembered(memory, server.base_url, server.model, about)
    known = _known(remembered, texts)
    unknown = {key: text for key, text in texts.items() if key not in known}
    estimate = budget.expected(list(unknown.values()))
    asking = Asking(server.model, whereabouts(server.base_url), limits.tokens, estimate)
    earlier = sum(len(rows[key]) for key in known)
    judged = dict(known)
    if unknown:
        account, spent, dialect = asyncio.run(
            _inquire(unknown, remembered, server, limits, gate, patience, connect, estimate)
        )
        judged |= account.judged
        asking = dataclasses.replace(
            asking,
            tokens=spent,
            requests=account.requests,
            stopped=account.stopped,
            repeatable=dialect.temperature,
        )
    asking = dataclasses.replace(asking, remembered=earlier)
    by_row = {row: judgement for key, judgement in judged.items() for row in rows[key]}
    return opinion(reviews.reviews, by_row, asking)


def _may_matter(findings: Sequence[Finding]) -> frozenset[int]:
    """Rows whose judgement can move the verdict, to be asked about before the budget is spent."""
    return frozenset(sign.row for finding in findings for sign in finding.signs if sign.strength == "medium")


def _known(remembered: Remembered, texts: Mapping[str, Text]) -> dict[str, Judgement]:
    known: dict[str, Judgement] = {}
    keys = list(texts)
    for start in range(0, len(keys), AT_ONCE):
        report(message="Looking for what the model said earlier")
        known |= remembered.judgements({key: texts[key] for key in keys[start : start + AT_ONCE]})
    return known


class _Keeps:
    """The memory, from an event loop: it blocks, so it works in threads."""

    def __init__(self, remembered: Remembered) -> None:
        self._remembered = remembered

    async def judgements(self, judged: Mapping[str, Judgement]) -> None:
        await asyncio.to_thread(self._remembered.keep, judged)

    async def dialect(self, dialect: RequestFormat) -> None:
        await asyncio.to_thread(self._remembered.keep_dialect, dialect)


async def _inquire(
    texts: Mapping[str, Text],
    remembered: Remembered,
    server: Server,
    limits: JudgeLimits,
    gate: ConcurrencyLimit,
    patience: RetryPolicy | None,
    connect: Connect,
    estimate: int,
) -> tuple[Account, int, RequestFormat]:
    spending, total = Budget(limits.tokens), len(texts)
    about = f"{total:,} texts, some {estimate:,} of at most {limits.tokens:,} tokens"
    report(0, total, f"Asking {server.model} about {about}")

    def tell(account: Account) -> None:
        told = f"{account.settled:,} of {total:,} texts asked about"
        report(account.settled, total, f"{told}; {account.message}" if account.message else told)

    account = Account()

    def waiting(reason: str, seconds: float) -> None:
        account.message = f"the model's server {reason}, waiting {seconds:.0f} s"

    async with connect(server) as exchange:
        inquiry = Inquiry(
            exchange=exchange,
            patience=patience or RetryPolicy(asyncio.sleep, waiting=waiting),
            keeps=_Keeps(remembered),
            gate=gate,
            budget=spending,
            model=server.model,
            dialect=await asyncio.to_thread(remembered.dialect),
            names=_names,
            account=account,
        )
        await inquiry.about(texts, at_once=limits.at_once, seconds=limits.seconds, tell=tell)
    return account, spending.spent, inquiry.dialect


def _names(count: int) -> list[str]:
    """Short, different, and not to be guessed by who writes reviews."""
    names: set[str] = set()
    while len(names) < count:
        names.add(secrets.token_hex(3))
    return list(names)
