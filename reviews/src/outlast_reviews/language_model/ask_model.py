"""The step of the product analysis that asks the configured language model."""

import asyncio
import dataclasses
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from html import escape

from outlast import Outlast, SettingsError, Step, message, report, step
from outlast_reviews.check_results import CheckResults
from outlast_reviews.checks.finding import Finding
from outlast_reviews.deduplicate import CleanSet
from outlast_reviews.language_model.answer import Judgement
from outlast_reviews.language_model.cache import BATCH_SIZE, SPACE, BlockingFacts, JudgementCache
from outlast_reviews.language_model.client import (
    ChatClient,
    ModelClient,
    ModelServer,
    RetryPolicy,
    describe_server,
)
from outlast_reviews.language_model.judging import Budget, ConcurrencyLimit, JudgingProgress, JudgingRun
from outlast_reviews.language_model.opinion import JudgingSummary, Opinion, opinion
from outlast_reviews.language_model.prompt import RequestFormat, ReviewText, estimate_all, text_of
from outlast_reviews.settings import ReviewSettings
from outlast_reviews.step_keys import unique_name

Connect = Callable[[ModelServer], AbstractAsyncContextManager[ChatClient]]
AskModelStep = Step[[CleanSet, CheckResults, str], Opinion]


@dataclasses.dataclass(frozen=True, slots=True)
class ModelLimits:
    """Limits of one attempt."""

    tokens: int
    seconds: float
    at_once: int


def model_step(settings: ReviewSettings, outlast: Outlast) -> AskModelStep:
    """Build the step, which connects only when it runs."""
    if settings.llm_base_url is None or settings.llm_model is None:
        raise SettingsError("ANALYSIS_LLM_MODEL: it is not set. For example: ANALYSIS_LLM_MODEL=qwen3:8b")
    key = settings.llm_api_key.get_secret_value() if settings.llm_api_key else None
    server = ModelServer(settings.llm_base_url, settings.llm_model, key, settings.llm_request_timeout)
    concurrency = ConcurrencyLimit(settings.llm_concurrency)
    memory = outlast.facts(SPACE)

    @step(message("Asking a language model"), version=2, weight=20, key=_key)
    def ask_model(reviews: CleanSet, checked: CheckResults, subject: str) -> Opinion:
        seconds = min(settings.llm_time_limit, outlast.settings.queue_timeout / 2)
        limits = ModelLimits(settings.llm_token_budget, seconds, settings.llm_concurrency)
        told = ask(reviews, checked.findings, server, limits, concurrency, memory.blocking, about=subject)
        return dataclasses.replace(told, made=unique_name())

    return ask_model


def _key(reviews: CleanSet, checked: CheckResults, subject: str) -> tuple[str, ...]:
    return reviews.made, checked.made, subject


def model_intro(settings: ReviewSettings) -> str:
    """Notice on the form that a model reads the texts, as safe HTML."""
    return message(
        "A language model also reads the stars, titles and texts of the reviews, without names and dates ({model},"
        " {where}). Nothing else leaves this server.",
        model=escape(settings.llm_model or "", quote=False),
        where=escape(describe_server(settings.llm_base_url or ""), quote=False),
    )


def ask(
    reviews: CleanSet,
    findings: Sequence[Finding],
    server: ModelServer,
    limits: ModelLimits,
    concurrency: ConcurrencyLimit,
    memory: BlockingFacts,
    retry_policy: RetryPolicy | None = None,
    connect: Connect = ModelClient,
    *,
    about: str = "",
) -> Opinion:
    """Judge each review with a text, reusing stored judgements."""
    rows: dict[str, list[int]] = {}
    texts: dict[str, ReviewText] = {}
    first = _may_matter(findings)
    for review in sorted(reviews.reviews, key=lambda r: r.row not in first):
        text = text_of(review)
        if text is not None:
            key = text.key(server.model, server.base_url)
            texts[key] = text
            rows.setdefault(key, []).append(review.row)
    cache = JudgementCache(memory, server.base_url, server.model, about)
    known = _known(cache, texts)
    unknown = {key: text for key, text in texts.items() if key not in known}
    estimate = estimate_all(list(unknown.values()))
    summary = JudgingSummary(server.model, describe_server(server.base_url), limits.tokens, estimate)
    earlier = sum(len(rows[key]) for key in known)
    judged = dict(known)
    if unknown:
        progress, spent, request_format = asyncio.run(
            _run_judging(unknown, cache, server, limits, concurrency, retry_policy, connect, estimate)
        )
        judged |= progress.judged
        summary = dataclasses.replace(
            summary,
            tokens=spent,
            requests=progress.requests,
            stopped=progress.stopped,
            repeatable=request_format.temperature,
        )
    summary = dataclasses.replace(summary, remembered=earlier)
    by_row = {row: judgement for key, judgement in judged.items() for row in rows[key]}
    return opinion(reviews.reviews, by_row, summary)


def _may_matter(findings: Sequence[Finding]) -> frozenset[int]:
    """Rows whose judgement can change the verdict; they are judged first."""
    return frozenset(sign.row for finding in findings for sign in finding.signs if sign.strength == "medium")


def _known(cache: JudgementCache, texts: Mapping[str, ReviewText]) -> dict[str, Judgement]:
    known: dict[str, Judgement] = {}
    keys = list(texts)
    for start in range(0, len(keys), BATCH_SIZE):
        report(message=message("Looking for what the model said earlier"))
        known |= cache.find({key: texts[key] for key in keys[start : start + BATCH_SIZE]})
    return known


class _AsyncStore:
    """Adapts the blocking store to the event loop by running it in threads."""

    def __init__(self, cache: JudgementCache) -> None:
        self._cache = cache

    async def save_judgements(self, judged: Mapping[str, Judgement]) -> None:
        await asyncio.to_thread(self._cache.save, judged)

    async def save_request_format(self, request_format: RequestFormat) -> None:
        await asyncio.to_thread(self._cache.save_request_format, request_format)


async def _run_judging(
    texts: Mapping[str, ReviewText],
    cache: JudgementCache,
    server: ModelServer,
    limits: ModelLimits,
    concurrency: ConcurrencyLimit,
    retry_policy: RetryPolicy | None,
    connect: Connect,
    estimate: int,
) -> tuple[JudgingProgress, int, RequestFormat]:
    spending, total = Budget(limits.tokens), len(texts)
    asking = message(
        "Asking {model} about {texts:,} texts, some {estimate:,} of at most {most:,} tokens",
        model=server.model,
        texts=total,
        estimate=estimate,
        most=limits.tokens,
    )
    report(0, total, asking)

    def on_progress(progress: JudgingProgress) -> None:
        told = (
            message(
                "{done:,} of {texts:,} texts asked about; {state}",
                done=progress.done,
                texts=total,
                state=progress.message,
            )
            if progress.message
            else message("{done:,} of {texts:,} texts asked about", done=progress.done, texts=total)
        )
        report(progress.done, total, told)

    progress = JudgingProgress()

    def waiting(reason: str, seconds: float) -> None:
        progress.message = message(
            "the model's server {reason}, waiting {seconds:.0f} s", reason=reason, seconds=seconds
        )

    async with connect(server) as client:
        run = JudgingRun(
            client=client,
            retry_policy=retry_policy or RetryPolicy(asyncio.sleep, waiting=waiting),
            store=_AsyncStore(cache),
            concurrency=concurrency,
            budget=spending,
            model=server.model,
            request_format=await asyncio.to_thread(cache.request_format),
            names=_names,
            progress=progress,
        )
        await run.run(texts, at_once=limits.at_once, seconds=limits.seconds, on_progress=on_progress)
    return progress, spending.spent, run.request_format


def _names(count: int) -> list[str]:
    """Make short, unique ids that writers of reviews cannot guess."""
    names: set[str] = set()
    while len(names) < count:
        names.add(secrets.token_hex(3))
    return list(names)
