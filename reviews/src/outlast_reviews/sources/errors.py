"""The exceptions that refuse a source, each with a sentence for a person, and what such sentences quote."""

import re

from outlast import message

SAVE_IT = message("Open the page in your browser, save it when you see the reviews, and upload that file.")
_SURROGATE = re.compile("[\ud800-\udfff]")


class NotReviews(ValueError):  # noqa: N818 - what is said about the content, not about the program
    """The content cannot be read as reviews; the message is a sentence for the person who gave it."""


class UnknownFormat(NotReviews):
    """It is of a kind that cannot be read; `read_reviews` adds to the message which kinds can."""


class TooMuch(NotReviews):
    """It goes beyond a limit of all the reading together, so there is no use in reading on."""


class TooManyReviews(TooMuch):
    """Of rows, or of words in them: more than the files before have left."""


class FetchError(Exception):
    """The message is a sentence for a person."""

    def __init__(self, sentence: str, *, transient: bool = False, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.transient = transient
        """True when the same request may well succeed later."""
        self.retry_after = retry_after
        """Seconds that the shop asks to wait, where it says so; at most a day."""


def of_file(name: str, sentence: str) -> str:
    """The sentence, after the file that it is about; without a name, just the sentence."""
    return message("“{file}”: {sentence}", file=name, sentence=sentence) if name else sentence


def quoted(raw: object, most: int = 40) -> str:
    """Its beginning, at most so many characters of it."""
    return encodable(" ".join(str(raw)[: 4 * most].split())[:most])


def encodable(text: str) -> str:
    """Without halves of surrogate pairs, as JSON can escape them: no report that holds one could be stored."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)
