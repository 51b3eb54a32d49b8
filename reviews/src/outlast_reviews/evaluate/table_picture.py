"""The accuracy table as an SVG picture: a dot for each figure on its interval, the numbers beside it (pure)."""

from collections.abc import Iterator, Sequence
from html import escape

from outlast_reviews.evaluate.accuracy_table import Line, Table, calibration_lines, format_figure, is_auc

_WIDTH, _LEFT, _RIGHT, _ROW, _TOP = 920, 470, 760, 22, 64
_LONGEST_NAME = 68


def picture(tables: Sequence[Table]) -> str:
    """Stands alone; readable in light and dark surroundings, as it brings its own background."""
    parts: list[str] = []
    y = 24
    for table in tables:
        lines = [*table.lines, *calibration_lines(table.calibration)]
        parts += _table(table, lines, y)
        y += _TOP + _ROW * len(lines) + 24
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y}" width="{_WIDTH}" height="{y}"'
        ' role="img" aria-label="Measured accuracy, with 95% intervals" font-family="sans-serif" font-size="12">'
        f'<rect width="{_WIDTH}" height="{y}" fill="#fff"/>{"".join(parts)}</svg>\n'
    )


def _table(table: Table, lines: Sequence[Line], y: int) -> Iterator[str]:
    yield f'<text x="16" y="{y}" font-size="15" font-weight="bold" fill="#222">{escape(_cut(table.source))}</text>'
    yield f'<text x="16" y="{y + 18}" fill="#555">{escape(table.about)}</text>'
    top, bottom = y + 30, y + _TOP - 24 + _ROW * len(lines)
    for tenth in range(0, 11, 2):
        x = _x(tenth / 10)
        yield f'<line x1="{x}" y1="{top + 12}" x2="{x}" y2="{bottom}" stroke="#ddd"/>'
        yield f'<text x="{x}" y="{top + 8}" text-anchor="middle" fill="#777">{10 * tenth}</text>'
    for n, line in enumerate(lines):
        yield from _line(line, y + _TOP + _ROW * n)


def _line(line: Line, y: int) -> Iterator[str]:
    value, interval = map(escape, format_figure(line.figure, percent=not is_auc(line)))
    yield f'<text x="16" y="{y}" fill="#222">{escape(_cut(f"{line.group}: {line.name}"))}</text>'
    yield f'<text x="{_RIGHT + 14}" y="{y}" fill="#222">{value} <tspan fill="#777">{interval}</tspan></text>'
    figure = line.figure
    if figure.value is not None and figure.low is not None and figure.high is not None:
        yield (
            f'<line x1="{_x(figure.low)}" y1="{y - 4}" x2="{_x(figure.high)}" y2="{y - 4}" stroke="#4a6fa5"'
            f' stroke-width="3"/><circle cx="{_x(figure.value)}" cy="{y - 4}" r="4.5" fill="#1d3f72"/>'
        )


def _x(value: float) -> float:
    return round(_LEFT + (_RIGHT - _LEFT) * value, 1)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_NAME else text[: _LONGEST_NAME - 1] + "…"
