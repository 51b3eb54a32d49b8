"""Turns judgements into the report's weak signs and model section (pure)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from outlast import message, plural
from outlast_reviews.checks.finding import Finding, Sign
from outlast_reviews.language_model.answer import SUSPICIOUS, Judgement
from outlast_reviews.language_model.prompt import PROMPT_VERSION, REASONS
from outlast_reviews.review import Review
from outlast_reviews.verdict import MODEL

NAME, TITLE = MODEL, message("Texts a language model has doubts about")


@dataclass(frozen=True, slots=True)
class ModelReport:
    """The model's part of a report's method."""

    model: str
    where: str
    """Description of the endpoint that reveals no internal address."""
    prompt_version: str
    texts: int
    """Reviews with a text."""
    judged: int
    not_judged: int
    suspicious: int
    remembered: int
    """Judged texts whose judgement came from an earlier analysis."""
    requests: int
    estimated_tokens: int
    tokens: int
    token_budget: int
    stopped: str | None
    """Why some texts were not asked about, one sentence."""
    repeatable: bool
    """Whether the temperature was 0; false for models that do not accept it."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """Finding and model section of the report."""

    finding: Finding
    report: ModelReport
    made: str = ""
    """Unique name of this value, assigned by the step that made it."""


@dataclass(frozen=True, slots=True)
class JudgingSummary:
    """Figures of the run that made the judgements."""

    model: str
    where: str
    token_budget: int
    estimated_tokens: int = 0
    tokens: int = 0
    requests: int = 0
    remembered: int = 0
    stopped: str | None = None
    repeatable: bool = True


def opinion(reviews: Sequence[Review], judged: Mapping[int, Judgement], summary: JudgingSummary) -> Opinion:
    """Build the opinion; `judged` is by row. A review without a judgement never counts as unsuspicious."""
    texts = sum(bool(review.text.strip()) for review in reviews)
    doubted = [review for review in reviews if review.row in judged and doubts(judged[review.row])]
    report = ModelReport(
        model=summary.model,
        where=summary.where,
        prompt_version=PROMPT_VERSION,
        texts=texts,
        judged=len(judged),
        not_judged=texts - len(judged),
        suspicious=len(doubted),
        remembered=summary.remembered,
        requests=summary.requests,
        estimated_tokens=summary.estimated_tokens,
        tokens=summary.tokens,
        token_budget=summary.token_budget,
        stopped=summary.stopped,
        repeatable=summary.repeatable,
    )
    signs = tuple(_sign(review, judged[review.row]) for review in doubted)
    return Opinion(_finding(report, signs), report)


def doubts(judgement: Judgement) -> bool:
    return judgement.suspicion >= SUSPICIOUS and judgement.end > judgement.start


def _finding(report: ModelReport, signs: tuple[Sign, ...]) -> Finding:
    rest = _rest(report)
    if not report.judged:
        why = rest or message("There are no texts to ask a model about.")
        return Finding(NAME, TITLE, "not_assessed", why)
    if signs:
        sentence = plural(
            "{model} has doubts about the one text it judged.",
            "{model} has doubts about {doubted:,} of {n:,} texts.",
            report.judged,
            model=report.model,
            doubted=len(signs),
        )
        return Finding(NAME, TITLE, "found", f"{sentence} {_WEAK}{rest and f' {rest}'}", signs)
    sentence = plural(
        "{model} has no doubts about the one text it judged.",
        "{model} has no doubts about the {n:,} texts it judged.",
        report.judged,
        model=report.model,
    )
    if report.not_judged:
        return Finding(NAME, TITLE, "not_assessed", f"{sentence} {rest}")
    return Finding(NAME, TITLE, "clear", f"{sentence} {_WEAK}")


_WEAK = message("Models get this right little more often than a coin toss, so it doesn't count on its own.")


def _rest(report: ModelReport) -> str:
    if not report.not_judged:
        return ""
    return plural(
        "One text was not judged: {why}",
        "{n:,} texts were not judged: {why}",
        report.not_judged,
        why=report.stopped or message("The model gave no valid answer about them."),
    )


def _sign(review: Review, judgement: Judgement) -> Sign:
    sentence = message(
        "A language model has doubts ({suspicion} of 100): {why}. This doesn't count on its own.",
        suspicion=judgement.suspicion,
        why=_reasons([REASONS[reason] for reason in judgement.reasons]),
    )
    return Sign(review.row, "weak", sentence, (review.text[judgement.start : judgement.end],))


def _reasons(reasons: Sequence[str]) -> str:
    if not reasons:
        return message("it gives no reason")
    first, *others = reasons
    return message("{reason}; also {others}", reason=first, others=_reasons(others)) if others else first


def sentences(report: ModelReport) -> tuple[str, str, str]:
    """Sentences of the method: that a model took part, what it may do, and how far to trust it."""
    took_part = [_took_part(report)]
    if rest := _rest(report):
        took_part.append(rest)
    if not report.repeatable:
        took_part.append(message("This model may answer differently when asked again."))
    may = message(
        "Weak sign: a language model's suspicion of {suspicion} or more, with words of the review that show it. It"
        " never makes a review count. A medium sign that it confirms counts 0.6 instead of 0.5 in the middle of"
        " the share; both ends, the ratings and whether there is a grade stay as they are without a model, so that"
        " it moves the grade by one at most. What it finds unsuspicious counts for nothing.",
        suspicion=SUSPICIOUS,
    )
    accuracy = message(
        "The model: not measured on your reviews. In a published test (arXiv 2506.13313), language models that"
        " were asked like this told invented reviews from real ones in 55 to 61% of cases, people in 51%; a"
        " coin toss does in 50%. It adds reasons to read, not truth."
    )
    return " ".join(took_part), may, accuracy


def _took_part(report: ModelReport) -> str:
    figures = {
        "model": report.model,
        "where": report.where,
        "version": report.prompt_version,
        "judged": report.judged,
        "texts": report.texts,
        "tokens": report.tokens,
        "budget": report.token_budget,
        "estimate": report.estimated_tokens,
    }
    if report.remembered:
        return plural(
            "A language model also read the texts ({model}, {where}, question version {version}): {judged:,} of"
            " {texts:,} judged, {remembered:,} of them in an earlier analysis; {n:,} request, {tokens:,} tokens of"
            " {budget:,} allowed, {estimate:,} expected.",
            "A language model also read the texts ({model}, {where}, question version {version}): {judged:,} of"
            " {texts:,} judged, {remembered:,} of them in an earlier analysis; {n:,} requests, {tokens:,} tokens"
            " of {budget:,} allowed, {estimate:,} expected.",
            report.requests,
            remembered=report.remembered,
            **figures,
        )
    return plural(
        "A language model also read the texts ({model}, {where}, question version {version}): {judged:,} of"
        " {texts:,} judged; {n:,} request, {tokens:,} tokens of {budget:,} allowed, {estimate:,} expected.",
        "A language model also read the texts ({model}, {where}, question version {version}): {judged:,} of"
        " {texts:,} judged; {n:,} requests, {tokens:,} tokens of {budget:,} allowed, {estimate:,} expected.",
        report.requests,
        **figures,
    )
