"""Incremental JSON parser that holds one list item in memory at a time."""

import json
from collections.abc import Iterator
from typing import Any, NoReturn

from outlast import message
from outlast_reviews.sources.errors import NotReviews
from outlast_reviews.sources.formats.columns import LONGEST_NAME
from outlast_reviews.sources.limits import MIB, ReadLimits

_SPACE = " \t\n\r\ufeff"
_DECODER = json.JSONDecoder(strict=False)

_MOST_KEYS = 100_000
"""Outside of lists, where a document says what it is about."""
_NUMBER_MAY_GO_ON = 2
"""Characters at the end of a piece, as in "1.5e+", that the next piece may make part of a number."""

JsonPath = tuple[str, ...]
"""Keys, cut to the length of a name."""


class JsonStream:
    """Follows objects down to the lists in them; `walk` is called once."""

    def __init__(self, chunks: Iterator[str], limits: ReadLimits) -> None:
        self._chunks = chunks
        self._limits = limits
        self._text = ""
        self._at = 0
        self._consumed = 0
        self._ended = False
        self._keys = 0
        self.length = 0
        """Characters of the last value as it was written."""

    def walk(self) -> Iterator[tuple[JsonPath, Any, bool]]:
        """(path, value, whether it is an item of the list at that path); an empty list is told as its `[]`.

        Raises `NotReviews` where the text stops being JSON.
        """
        yield from self._value(())
        if self._peek():
            self._refuse()

    def _value(self, path: JsonPath) -> Iterator[tuple[JsonPath, Any, bool]]:
        if len(path) > 8:
            self._refuse_depth()
        match self._peek():
            case "{":
                yield from self._object(path)
            case "[":
                yield from self._list(path)
            case _:
                yield path, self._decode(), False

    def _object(self, path: JsonPath) -> Iterator[tuple[JsonPath, Any, bool]]:
        self._at += 1
        if self._peek() == "}":
            self._at += 1
            return
        while True:
            if self._peek() != '"':
                self._refuse()
            self._keys += 1
            if self._keys > _MOST_KEYS:
                raise NotReviews(
                    message(
                        "This is JSON, but far too much in it is not in a list of reviews. Export the reviews"
                        " alone, as a list."
                    )
                )
            key = str(self._decode())[:LONGEST_NAME]
            self._expect(":")
            yield from self._value((*path, key))
            if self._expect(",}") == "}":
                return

    def _list(self, path: JsonPath) -> Iterator[tuple[JsonPath, Any, bool]]:
        self._at += 1
        if self._peek() == "]":
            self._at += 1
            yield path, [], False
            return
        while True:
            yield path, self._decode(), True
            if self._expect(",]") == "]":
                return

    def _peek(self) -> str:
        """The next character that is not space; "" at the end."""
        while True:
            while self._at < len(self._text):
                character = self._text[self._at]
                if character not in _SPACE:
                    return character
                self._at += 1
            if not self._more():
                return ""

    def _expect(self, characters: str) -> str:
        found = self._peek()
        if not found or found not in characters:
            self._refuse()
        self._at += 1
        return found

    def _decode(self) -> Any:
        if not self._peek():
            self._refuse()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except RecursionError:
                self._refuse_depth()
            except ValueError as error:
                cut = _is_cut(error, len(self._text))
                if self._much_more():
                    continue
                self._refuse(cut=cut)
            self.length = end - self._at
            if len(self._text) - end <= _NUMBER_MAY_GO_ON and not self._ended and self._more():
                continue
            self._at += self.length
            return value

    def _much_more(self) -> bool:
        """So much that decoding a value anew, each time it was cut, takes no more than twice its length."""
        enough = min(2 * (len(self._text) - self._at), self._limits.line)
        grown = self._more()
        while grown and len(self._text) <= enough and self._more():
            pass
        return grown

    def _more(self) -> bool:
        """Takes in the next piece and lets go of what has been read; refuses a value that is too long."""
        self._consumed += self._at
        self._text, self._at = self._text[self._at :], 0
        if len(self._text) > self._limits.line:
            raise NotReviews(
                message(
                    "A single value in the JSON is longer than {most} MiB, or the JSON is broken there, so it is"
                    " not a list of reviews. Export it again.",
                    most=self._limits.line // MIB,
                )
            )
        chunk = next(self._chunks, None)
        while chunk == "":
            chunk = next(self._chunks, None)
        if chunk is None:
            self._ended = True
            return False
        self._text += chunk
        return True

    def _refuse(self, *, cut: bool = False) -> NoReturn:
        if cut or not self._peek():
            raise NotReviews(
                message("The JSON breaks off before its end: part of it is missing. Export or copy it again.")
            )
        raise NotReviews(
            message(
                "The file begins like JSON but is not valid JSON near character {at:,}. Export it again.",
                at=self._consumed + self._at + 1,
            )
        )

    def _refuse_depth(self) -> NoReturn:
        raise NotReviews(
            message("The JSON is nested far deeper than reviews are. Export the reviews as a plain list.")
        )


def _is_cut(error: ValueError, length: int) -> bool:
    """Whether the decoder ran into the end of the text, rather than into something wrong."""
    return isinstance(error, json.JSONDecodeError) and (
        error.pos >= length or error.msg.startswith("Unterminated")
    )
