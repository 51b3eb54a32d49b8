"""Evaluates labelled products: AUC of each feature, and of a logistic regression on all (pure)."""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from outlast_reviews.evaluate.figures import Bin, Figure, auc, calibration, share
from outlast_reviews.evaluate.labelled_data import LabelledProducts

FOLDS = 5
MOST_FEATURES = 40
_RIDGE = 1.0
_ROUNDS = 8


@dataclass(frozen=True, slots=True)
class ProductFigures:
    """Cross-validated: no product is judged by a model that has seen it."""

    products: int
    labelled: int
    auc: Figure
    accuracy: Figure
    always_no: float
    calibration: tuple[Bin, ...]
    features: Mapping[str, Figure]
    """AUC of each feature alone, turned so that it is at least one half."""


def evaluate_products(products: LabelledProducts, progress: Callable[[int, int, str], None]) -> ProductFigures:
    """A ridge logistic regression on all features (the 40 most telling), in five folds drawn by a fixed seed."""
    labels = list(products.labels)
    alone: dict[str, Figure] = {}
    for n, (name, values) in enumerate(products.features.items()):
        progress(n, len(products.features) + FOLDS, "Each feature alone")
        alone[name] = _turned(_filled(values), labels)
    strongest = sorted(alone, key=lambda name: (-(alone[name].value or 0), name))[:MOST_FEATURES]
    rows = list(zip(*(_standard(_filled(products.features[name])) for name in strongest), strict=True))
    fold_of = [n % FOLDS for n in range(len(labels))]
    random.Random(0).shuffle(fold_of)  # noqa: S311 - no secret, and always the same
    predicted = [0.0] * len(labels)
    for fold in range(FOLDS):
        progress(len(products.features) + fold, len(products.features) + FOLDS, "All features together")
        train = [n for n, own in enumerate(fold_of) if own != fold]
        weights = _fit([rows[n] for n in train], [labels[n] for n in train])
        for n, own in enumerate(fold_of):
            if own == fold:
                predicted[n] = _probability(weights, rows[n])
    right = sum((p >= 0.5) is label for p, label in zip(predicted, labels, strict=True))
    return ProductFigures(
        products=len(labels),
        labelled=sum(labels),
        auc=auc(predicted, labels),
        accuracy=share(right, len(labels)),
        always_no=1 - sum(labels) / len(labels),
        calibration=calibration(predicted, labels),
        features={name: alone[name] for name in sorted(alone, key=lambda name: (-(alone[name].value or 0), name))},
    )


def _turned(values: Sequence[float], labels: Sequence[bool]) -> Figure:
    figure = auc(values, labels)
    return figure if figure.value is None or figure.value >= 0.5 else auc([-v for v in values], labels)


def _filled(values: Sequence[float | None]) -> list[float]:
    known = sorted(v for v in values if v is not None)
    return [known[len(known) // 2] if v is None else v for v in values]


def _standard(values: Sequence[float]) -> list[float]:
    """Mean 0 and deviation 1; skewed counts by their logarithm."""
    if min(values) >= 0 and max(values) > 20:
        values = [math.log1p(v) for v in values]
    middle = math.fsum(values) / len(values)
    spread = math.sqrt(math.fsum((v - middle) ** 2 for v in values) / len(values)) or 1.0
    return [max(-5.0, min(5.0, (v - middle) / spread)) for v in values]


def _fit(rows: Sequence[Sequence[float]], labels: Sequence[bool]) -> list[float]:
    """Newton's method; the first weight is the constant."""
    size = len(rows[0]) + 1
    weights = [0.0] * size
    for _ in range(_ROUNDS):
        slope = [-_RIDGE * w if n else 0.0 for n, w in enumerate(weights)]
        bend = [[_RIDGE if i == j and i else 1e-9 if i == j else 0.0 for j in range(size)] for i in range(size)]
        for row, label in zip(rows, labels, strict=True):
            p = _probability(weights, row)
            full = (1.0, *row)
            error, spread = label - p, max(1e-9, p * (1 - p))
            for i, x in enumerate(full):
                slope[i] += error * x
                scaled, line = spread * x, bend[i]
                for j in range(i + 1):
                    line[j] += scaled * full[j]
        for i in range(size):
            for j in range(i):
                bend[j][i] = bend[i][j]
        weights = [w + d for w, d in zip(weights, _solved(bend, slope), strict=True)]
    return weights


def _solved(matrix: list[list[float]], right: list[float]) -> list[float]:
    size = len(right)
    for at in range(size):
        pivot = max(range(at, size), key=lambda n: abs(matrix[n][at]))
        matrix[at], matrix[pivot] = matrix[pivot], matrix[at]
        right[at], right[pivot] = right[pivot], right[at]
        for n in range(at + 1, size):
            factor = matrix[n][at] / matrix[at][at]
            if factor:
                matrix[n] = [a - factor * b for a, b in zip(matrix[n], matrix[at], strict=True)]
                right[n] -= factor * right[at]
    found = [0.0] * size
    for at in reversed(range(size)):
        rest = math.fsum(matrix[at][n] * found[n] for n in range(at + 1, size))
        found[at] = (right[at] - rest) / matrix[at][at]
    return found


def _probability(weights: Sequence[float], row: Sequence[float]) -> float:
    total = weights[0] + sum(w * x for w, x in zip(weights[1:], row, strict=True))
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, total))))
