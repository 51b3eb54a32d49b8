"""Draws the picture that chats and other sites show of a shared report: title, grade, headline and ratings."""

import io
import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from outlast import plural
from outlast_reviews.pages.languages import ENGLISH, translations

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

WIDTH, HEIGHT = 1200, 630
_PAPER, _INK, _MUTED, _BRAND = "#f6f7f6", "#17211f", "#56635f", "#0b6b5d"
_COLOURS = {"good": "#1a7341", "warn": "#8a5200", "bad": "#b3261e", "unsure": "#56635f"}
_LEFT, _TILE, _RIGHT = 80, 240, 1120
_LETTERS = re.compile("[ -~\\xa0-\u017fΆ-Ώά-ώЀ-џҐґẞ‐-―‘-„†-…€™−]*")
"""What the font has: Latin, Greek and Cyrillic."""


def share_card(report: Mapping[str, Any], language: str = ENGLISH) -> bytes:
    """The report as a PNG. A title in letters that the font does not have is left out."""
    from PIL import Image, ImageDraw  # noqa: PLC0415 - Pillow takes memory, which only this needs

    image = Image.new("RGB", (WIDTH, HEIGHT), _PAPER)
    draw = ImageDraw.Draw(image)
    colour = _COLOURS[report["tone"]]
    said = translations(language).said
    draw.rectangle((0, 0, WIDTH, 16), fill=colour)
    corners = Image.new("L", (4 * _TILE, 4 * _TILE))  # four times as large, so that they become smooth
    ImageDraw.Draw(corners).rounded_rectangle((0, 0, 4 * _TILE, 4 * _TILE), 4 * 28, fill=255)
    smooth = corners.resize((_TILE, _TILE))  # pyright: ignore[reportUnknownMemberType] - of a stub
    image.paste(colour, (_LEFT, 120), smooth)
    grade = report["grade"]
    note = said(report["badge"]).removeprefix(grade).strip()
    middle = _LEFT + _TILE / 2
    draw.text((middle, 225 if note else 240), grade, _PAPER, _font(150), anchor="mm")
    draw.text((middle, 325), note, _PAPER, _font(30), anchor="mm")
    left = _LEFT + _TILE + 56
    title = report["product_title"]
    top = 112
    if title and _LETTERS.fullmatch(title):
        for line in _lines(title, _font(34), _RIGHT - left, most=2):
            draw.text((left, top), line, _MUTED, _font(34))
            top += 46
        top += 12
    for line in _lines(said(report["headline"]), _font(56), _RIGHT - left, most=3):
        draw.text((left, top), line, _INK, _font(56))
        top += 70
    _ratings(draw, report, colour, said)
    draw.line((_LEFT, 540, _RIGHT, 540), "#dbe1de", 2)
    draw.text((_LEFT, 585), "Outlast Reviews", _BRAND, _font(30), anchor="lm")
    checked = plural("{n:,} review checked", "{n:,} reviews checked", report["unique_reviews"])
    draw.text((_RIGHT, 585), said(checked), _MUTED, _font(30), anchor="rm")
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


def _ratings(draw: "ImageDraw", report: Mapping[str, Any], colour: str, said: Callable[[str], str]) -> None:
    if report["original_rating"] is None:
        return
    given = said(f"{report['original_rating']:.2f}")
    if report["adjusted_rating"] is None or not report["rating_changed"]:
        draw.text((_LEFT, 460), f"{given} ★", _INK, _font(64), anchor="lm")
        return
    adjusted = said(f"{report['adjusted_rating']:.2f}")
    draw.text((_LEFT, 460), f"{given} ★  →", _MUTED, _font(64), anchor="lm")
    after = _LEFT + _font(64).getlength(f"{given} ★  →  ")
    draw.text((after, 460), f"{adjusted} ★", colour, _font(64), anchor="lm")


def _lines(text: str, font: "FreeTypeFont", width: float, most: int) -> list[str]:
    """Break at spaces; what does not fit ends with an ellipsis."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if not lines[-1] or font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    shown = [_shortened(line, font, width) for line in lines[:most]]
    if len(lines) > most:
        shown[-1] = _shortened(shown[-1] + "…", font, width)
    return shown


def _shortened(line: str, font: "FreeTypeFont", width: float) -> str:
    while font.getlength(line) > width:
        line = line.rstrip("…")[:-1].rstrip() + "…"
    return line


@cache
def _font(size: int) -> "FreeTypeFont":
    from PIL import ImageFont  # noqa: PLC0415 - see above

    content = (files("outlast_reviews.pages") / "fonts" / "DejaVuSans-Bold-subset.ttf").read_bytes()
    return ImageFont.truetype(io.BytesIO(content), size)
