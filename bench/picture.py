"""Draws the results of `engines.py` as bar charts: `python picture.py FIGURES.json PICTURE.svg`."""

import json
import statistics
import sys
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import engines

WIDTH, NAMES, VALUES, LINE, GAP = 720, 210, 80, 20, 44
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2933; }
  .title { font-weight: 600; }
  .note { font-size: 11px; fill: #5c6b7a; }
  .bar { fill: #a9b6c4; }
  .ours { fill: #2563a8; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e4e9ee; }
    .note { fill: #9aa7b4; }
    .bar { fill: #56626f; }
    .ours { fill: #6aa9ea; }
  }
"""


def drawn(result: dict[str, Any]) -> str:
    """Draw one group of bars per metric, the best at the top; a truncated bar ends in an arrow."""
    parts: list[str] = []
    y = 24
    for theme, (title, unit, better) in engines.THEMES.items():
        rows = sorted(result["engines"].items(), key=lambda e: e[1][theme], reverse=better is max)
        largest = max(engine[theme] for _, engine in rows)
        scale = min(largest, 4 * statistics.median(engine[theme] for _, engine in rows))
        hint = "more is better" if better is max else "less is better"
        parts.append(f'<text class="title" x="0" y="{y}">{escape(title)}, {escape(unit)}</text>')
        parts.append(f'<text class="note" x="{WIDTH}" y="{y}" text-anchor="end">{hint}</text>')
        for name, engine in rows:
            y += LINE
            long = max(1.0, (WIDTH - NAMES - VALUES) * min(1.0, engine[theme] / scale))
            kind = "bar ours" if name.startswith("Outlast") else "bar"
            parts += [
                f'<text x="{NAMES - 8}" y="{y + 1}" text-anchor="end">{escape(name)}</text>',
                f'<rect class="{kind}" x="{NAMES}" y="{y - 10}" width="{long:.1f}" height="13" rx="2"/>',
                f'<text x="{NAMES + long + 6:.1f}" y="{y + 1}">{shown(engine[theme], scale)}</text>',
            ]
        y += GAP
    labels = (
        f"{result['date']}, {result['cores']} cores, load {result['load']:.1f}, medians of {result['rounds']} "
        f"interleaved rounds; Python {result['python']}, {result['stores']}"
    )
    parts.append(f'<text class="note" x="0" y="{y - 16}">{escape(labels)}</text>')
    title = "Outlast beside other engines"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" role="img" aria-label="{title}">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n" + "\n".join(parts) + "\n</svg>\n"
    )


def shown(value: float, scale: float) -> str:
    return (f"{value:,.0f}" if value >= 100 else f"{value:.3g}") + (" →" if value > scale else "")


if __name__ == "__main__":
    figures_file, picture_file = map(Path, sys.argv[1:])
    picture_file.write_text(drawn(json.loads(figures_file.read_text(encoding="utf-8"))), encoding="utf-8")
