"""What the model's judgements mean for a report: weak signs, and an account of how they came about (pure)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from outlast_reviews.checks.finding import Finding, Sign
from outlast_reviews.judge.answer import SUSPICIOUS, Judgement
from outlast_reviews.judge.question import PROMPT_VERSION, REASONS
from outlast_reviews.review import Review
from outlast_reviews.verdict import MODEL

NAME, TITLE = MODEL, "Texts that a language model doubts"


@dataclass(frozen=True, slots=True)
class ModelReport:
    """The model's part of a report's method."""

    model: str
    where: str
    """Where it is asked, in words that give away no internal address."""
    prompt_version: str
    texts: int
    """Reviews with a text."""
    judged: int
    not_judged: int
    suspicious: int
    remembered: int
    """Of those judged, how many an earlier analysis had asked about."""
    requests: int
    estimated_tokens: int
    tokens: int
    token_budget: int
    stopped: str | None
    """Why it was not asked about all, one sentence."""
    repeatable: bool
    """Asked at temperature 0; false for models that take none."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """All that becomes of the model's answers."""

    finding: Finding
    told: ModelReport
    made: str = ""
    """Its name among all opinions, from the step that made it."""


@dataclass(frozen=True, slots=True)
class Asking:
    """How the answers came about."""

    model: str
    where: str
    token_budget: int
    estimated_tokens: int = 0
    tokens: int = 0
    requests: int = 0
    remembered: int = 0
    stopped: str | None = None
    repeatable: bool = True


def opinion(reviews: Sequence[Review], judged: Mapping[int, Judgement], asking: Asking) -> Opinion:
    """`judged` by row. A review without a judgement is not judged, never unsuspicious."""
    texts = sum(bool(review.text.strip()) for review in reviews)
    doubted = [review for review in reviews if review.row in judged and doubts(judged[review.row])]
    told = ModelReport(
        model=asking.model,
        where=asking.where,
        prompt_version=PROMPT_VERSION,
        texts=texts,
        judged=len(judged),
        not_judged=texts - len(judged),
        suspicious=len(doubted),
        remembered=asking.remembered,
        requests=asking.requests,
        estimated_tokens=asking.estimated_tokens,
        tokens=asking.tokens,
        token_budget=asking.token_budget,
        stopped=asking.stopped,
        repeatable=asking.repeatable,
    )
    signs = tuple(_sign(review, judged[review.row]) for review in doubted)
    return Opinion(_finding(told, signs), told)


def doubts(judgement: Judgement) -> bool:
    return judgement.suspicion >= SUSPICIOUS and judgement.end > judgement.start


def _finding(told: ModelReport, signs: tuple[Sign, ...]) -> Finding:
    rest = _rest(told)
    if not told.judged:
        return Finding(NAME, TITLE, "not_assessed", rest or "There is no text to ask a model about.")
    of = f"{told.judged:,} texts that the model {told.model} judged"
    if signs:
        sentence = f"It doubts {len(signs):,} of the {of}. {_WEAK}"
        return Finding(NAME, TITLE, "found", f"{sentence}{rest and f' {rest}'}", signs)
    if told.not_judged:
        return Finding(NAME, TITLE, "not_assessed", f"It doubts none of the {of}, but that is not all. {rest}")
    return Finding(NAME, TITLE, "clear", f"It doubts none of the {of}. {_WEAK}")


_WEAK = "Models are right about this little more often than a coin, so it does not count alone."


def _rest(told: ModelReport) -> str:
    if not told.not_judged:
        return ""
    count = "One text was" if told.not_judged == 1 else f"{told.not_judged:,} texts were"
    why = told.stopped or "The model gave no answer about them that holds."
    return f"{count} not judged: {why}"


def _sign(review: Review, judgement: Judgement) -> Sign:
    why = "; ".join(REASONS[reason] for reason in judgement.reasons) or "it names no reason"
    sentence = f"A language model doubts it ({judgement.suspicion} of 100): {why}. Alone it does not count."
    return Sign(review.row, "weak", sentence, (review.text[judgement.start : judgement.end],))


def sentences(told: ModelReport) -> tuple[str, str, str]:
    """For the report's method: that a model took part, what it may do, and how far to trust it."""
    spent = f"{told.requests:,} requests, {told.tokens:,} tokens of {told.token_budget:,} allowed"
    estimate = f"{told.estimated_tokens:,} expected"
    earlier = f", {told.remembered:,} of them in an earlier analysis" if told.remembered else ""
    took_part = (
        f"A language model also read the texts ({told.model}, {told.where}, question version"
        f" {told.prompt_version}): {told.judged:,} of {told.texts:,} judged{earlier};"
        f" {spent}, {estimate}.{' ' if told.not_judged else ''}{_rest(told)}"
        f"{'' if told.repeatable else ' This model may answer differently when asked again.'}"
    )
    may = (
        f"Weak sign: a language model's suspicion of {SUSPICIOUS} or more, with words of the review that show it."
        " It never makes a review count. A medium sign that it confirms counts 0.6 instead of 0.5 in the middle"
        " of the share; both ends, the ratings and whether there is a grade stay as they are without a model,"
        " so that it moves the grade by one at most. What it finds unsuspicious counts for nothing."
    )
    accuracy = (
        "The model: not measured on your reviews. In a published test (arXiv 2506.13313), language models that"
        " were asked like this told invented reviews from real ones in 55 to 61 % of cases, people in 51 %; a"
        " coin does in 50 %. It adds reasons to read, not truth."
    )
    return took_part, may, accuracy
