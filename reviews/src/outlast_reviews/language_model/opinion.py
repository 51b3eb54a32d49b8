"""Turns judgements into the report's weak signs and model section (pure)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from outlast_reviews.checks.finding import Finding, Sign
from outlast_reviews.language_model.answer import SUSPICIOUS, Judgement
from outlast_reviews.language_model.prompt import PROMPT_VERSION, REASONS
from outlast_reviews.review import Review
from outlast_reviews.verdict import MODEL

NAME, TITLE = MODEL, "Texts a language model has doubts about"


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
        return Finding(NAME, TITLE, "not_assessed", rest or "There are no texts to ask a model about.")
    model, of = report.model, f"{report.judged:,} texts"
    if signs:
        sentence = f"{model} has doubts about {len(signs):,} of {of}. {_WEAK}"
        return Finding(NAME, TITLE, "found", f"{sentence}{rest and f' {rest}'}", signs)
    if report.not_judged:
        return Finding(NAME, TITLE, "not_assessed", f"{model} has no doubts about the {of} it judged. {rest}")
    return Finding(NAME, TITLE, "clear", f"{model} has no doubts about the {of} it judged. {_WEAK}")


_WEAK = "Models get this right little more often than a coin toss, so it doesn't count on its own."


def _rest(report: ModelReport) -> str:
    if not report.not_judged:
        return ""
    count = "One text was" if report.not_judged == 1 else f"{report.not_judged:,} texts were"
    why = report.stopped or "The model gave no valid answer about them."
    return f"{count} not judged: {why}"


def _sign(review: Review, judgement: Judgement) -> Sign:
    why = "; ".join(REASONS[reason] for reason in judgement.reasons) or "it gives no reason"
    sentence = f"A language model has doubts ({judgement.suspicion} of 100): {why}. This doesn't count on its own."
    return Sign(review.row, "weak", sentence, (review.text[judgement.start : judgement.end],))


def sentences(report: ModelReport) -> tuple[str, str, str]:
    """Sentences of the method: that a model took part, what it may do, and how far to trust it."""
    spent = f"{report.requests:,} requests, {report.tokens:,} tokens of {report.token_budget:,} allowed"
    estimate = f"{report.estimated_tokens:,} expected"
    earlier = f", {report.remembered:,} of them in an earlier analysis" if report.remembered else ""
    took_part = (
        f"A language model also read the texts ({report.model}, {report.where}, question version"
        f" {report.prompt_version}): {report.judged:,} of {report.texts:,} judged{earlier};"
        f" {spent}, {estimate}.{' ' if report.not_judged else ''}{_rest(report)}"
        f"{'' if report.repeatable else ' This model may answer differently when asked again.'}"
    )
    may = (
        f"Weak sign: a language model's suspicion of {SUSPICIOUS} or more, with words of the review that show it."
        " It never makes a review count. A medium sign that it confirms counts 0.6 instead of 0.5 in the middle"
        " of the share; both ends, the ratings and whether there is a grade stay as they are without a model,"
        " so that it moves the grade by one at most. What it finds unsuspicious counts for nothing."
    )
    accuracy = (
        "The model: not measured on your reviews. In a published test (arXiv 2506.13313), language models that"
        " were asked like this told invented reviews from real ones in 55 to 61% of cases, people in 51%; a"
        " coin toss does in 50%. It adds reasons to read, not truth."
    )
    return took_part, may, accuracy
