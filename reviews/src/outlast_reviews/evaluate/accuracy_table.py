"""The accuracy table: measured figures with intervals, beside those of published studies (pure)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from outlast_reviews import formatting
from outlast_reviews.evaluate.figures import NOTHING, Bin, Figure
from outlast_reviews.evaluate.languages import SIZE, LanguageFigures
from outlast_reviews.evaluate.planted import COPY_DAYS, SIZE_OF_ONE, PlantedFigures
from outlast_reviews.evaluate.planted_groups import PEOPLE, GroupFigures
from outlast_reviews.evaluate.products import ProductFigures
from outlast_reviews.evaluate.reviews import ReviewFigures
from outlast_reviews.method import VERSION

Figures = ReviewFigures | ProductFigures | PlantedFigures | LanguageFigures | GroupFigures
_MOST_FEATURES = 12
_COPIES_ELSEWHERE = {0.0: "100%", 0.05: "96%", 0.1: "70%", 0.2: "17%"}
_BURSTS_ELSEWHERE = {20: "18%", 40: "49%", 80: "69%"}


@dataclass(frozen=True, slots=True)
class Line:
    """One figure."""

    group: str
    name: str
    figure: Figure
    beside: str = ""
    """What a study measured for the same, where there is one."""


@dataclass(frozen=True, slots=True)
class Table:
    """All that was measured on one file or set of files."""

    source: str
    about: str
    """What was looked at, one sentence."""
    lines: tuple[Line, ...]
    calibration: tuple[Bin, ...] = ()


def accuracy_table(source: str, figures: Figures) -> Table:
    match figures:
        case ReviewFigures():
            about = (
                f"{figures.reviews:,} unique labelled reviews in {_sets(figures.sets)}, {figures.labelled:,} of"
                " them labelled fake; calling none suspicious would be right for"
                f" {formatting.percent(100 * figures.always_no)}."
            )
            return Table(source, about, tuple(_of_reviews(figures)), figures.calibration)
        case ProductFigures():
            about = (
                f"{figures.products:,} products, {figures.labelled:,} of them labelled as buyers of reviews;"
                f" always saying no would be right for {formatting.percent(100 * figures.always_no)}."
                " Five-fold cross-validation."
            )
            return Table(source, about, tuple(_of_products(figures)), figures.calibration)
        case PlantedFigures():
            files = f"{figures.files} files" if figures.files > 1 else "one file"
            about = (
                f"{figures.seeds} planted campaigns of each kind in each of {files} with {figures.reviews:,}"
                " unique reviews."
            )
            return Table(source, about, tuple(_of_planted(figures)))
        case LanguageFigures():
            about = (
                f"{figures.reviews:,} generated honest reviews in each of {len(figures.false_copies)} languages,"
                f" and {SIZE} copies of one text in every product."
            )
            return Table(source, about, tuple(_of_languages(figures)))
        case GroupFigures():
            about = (
                f"{figures.seeds:,} invented crowds of each kind, of {PEOPLE} reviewers of one product, and as"
                " many with a planted group of each kind."
            )
            return Table(source, about, tuple(_of_groups(figures)))


def as_json(table: Table) -> dict[str, Any]:
    return {
        "source": table.source,
        "about": table.about,
        "method": VERSION,
        "figures": [
            {"group": line.group, "name": line.name, **_json(line.figure), "beside": line.beside or None}
            for line in table.lines
        ],
        "calibration": [{"said": round(one.predicted, 4), **_json(one.observed)} for one in table.calibration],
    }


def from_json(facts: Mapping[str, Any]) -> Table:
    """The inverse of `as_json`."""
    lines = [Line(one["group"], one["name"], _figure(one), one["beside"] or "") for one in facts["figures"]]
    bins = [Bin(one["said"], _figure(one)) for one in facts["calibration"]]
    return Table(facts["source"], facts["about"], tuple(lines), tuple(bins))


def format_figure(figure: Figure, *, percent: bool) -> tuple[str, str]:
    """The value and its interval."""
    if figure.value is None or figure.low is None or figure.high is None:
        return "not assessed", ""
    if percent:
        return _one_decimal(figure.value), f"{100 * figure.low:.1f}–{100 * figure.high:.1f}%"
    return f"{figure.value:.2f}", f"{figure.low:.2f}–{figure.high:.2f}"


def _one_decimal(share: float) -> str:
    """One decimal, so that a column lines up; only exact 0 and 100 are shown as such."""
    said = f"{100 * share:.1f}"
    if said in {"0.0", "100.0"} and 0 < share < 1:
        said = "< 0.1" if share < 0.5 else "> 99.9"
    return f"{said}%"


def is_auc(line: Line) -> bool:
    """Areas are told as fractions, shares in percent."""
    return line.name.startswith("AUC") or line.group.startswith("AUC")


def markdown(table: Table) -> str:
    rows = ["| what | figure | 95% interval | of | elsewhere |", "|---|---|---|---|---|"]
    for line in table.lines:
        value, interval = format_figure(line.figure, percent=not is_auc(line))
        rows.append(f"| {line.group}: {line.name} | {value} | {interval} | {line.figure.of:,} | {line.beside} |")
    return "\n".join([table.about, "", *rows])


def _of_reviews(figures: ReviewFigures) -> Iterator[Line]:
    yield Line("All checks", "AUC", figures.auc, ".43–.51 for text models on texts of another origin")
    yield Line("All checks", "accuracy", figures.accuracy, "55–61% for language models, 51% for people")
    for check in figures.checks:
        if not check.assessed:
            yield Line(check.title, "precision and recall", NOTHING)
            continue
        yield Line(check.title, "precision", check.precision)
        yield Line(check.title, "recall", check.recall)


def _of_products(figures: ProductFigures) -> Iterator[Line]:
    yield Line("All features", "AUC", figures.auc, ".92 for ratings, dates and reviewer network")
    yield Line("All features", "accuracy", figures.accuracy)
    for name, figure in list(figures.features.items())[:_MOST_FEATURES]:
        yield Line("AUC of one feature alone", name, figure)


def _of_planted(figures: PlantedFigures) -> Iterator[Line]:
    for (size, edits), figure in figures.copies.items():
        name = f"{size} reviews in {COPY_DAYS} days, {100 * edits:.0f}% of words changed"
        yield Line("Copies found", name, figure, _COPIES_ELSEWHERE.get(edits, ""))
    for ((least, below), edits), figure in figures.of_one.items():
        name = f"{SIZE_OF_ONE} of a real text of {least} to {below - 1} words, {100 * edits:.0f}% changed"
        yield Line("Copies found", name, figure)
    for (size, days), figure in figures.bursts.items():
        yield Line("Bursts found", f"{size} reviews in {days} days", figure, _BURSTS_ELSEWHERE[size])
    yield Line("False alarms", "copies among the files' own reviews", figures.false_copies, "0 of 4,933")
    yield Line("False alarms", "bursts in the files as they are", figures.false_bursts, "0 of 12")
    yield Line("False alarms", "bursts after shuffling the stars", figures.shuffled_bursts)


def _of_languages(figures: LanguageFigures) -> Iterator[Line]:
    for language, false in figures.false_copies.items():
        for (name, edits), figure in figures.copies.items():
            if name == language:
                yield Line(f"Copies in {language}", f"found with {100 * edits:.0f}% changed", figure)
        yield Line(f"Copies in {language}", "honest reviews called copies", false)
        yield Line(
            f"Copies in {language}",
            "honest reviews called copies beside planted ones",
            figures.beside_copies[language],
        )


def _of_groups(figures: GroupFigures) -> Iterator[Line]:
    for (people, products, part), figure in figures.groups.items():
        name = f"{people} reviewers, {products} other products, each reviewed by {100 * part:.0f}% of them"
        yield Line("Groups found", name, figure)
    yield Line("False alarms", "bystanders among the group members found", figures.bystanders)
    for kind, figure in figures.false_groups.items():
        yield Line("False alarms", f"crowds of {kind} with a group", figure)


def _figure(facts: Mapping[str, Any]) -> Figure:
    return Figure(facts["value"], facts["low"], facts["high"], facts["of"])


def _sets(count: int) -> str:
    return f"{count:,} products" if count > 1 else "one set"


def _json(figure: Figure) -> dict[str, float | int | None]:
    def rounded(value: float | None) -> float | None:
        return None if value is None else round(value, 4)

    return {
        "value": rounded(figure.value),
        "low": rounded(figure.low),
        "high": rounded(figure.high),
        "of": figure.of,
    }


def calibration_lines(bins: Sequence[Bin]) -> Iterator[Line]:
    """What was said against what was so, for a table."""
    for one in bins:
        yield Line("Calibration", f"said {100 * one.predicted:.0f}%", one.observed)
