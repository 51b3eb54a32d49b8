"""HTTP errors as RFC 9457 problem documents, and the status of each error of the domain."""

import json
import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from starlette.responses import Response

from outlast.domain.errors import (
    DiskAlmostFull,
    InvalidInput,
    OutlastError,
    QueueFull,
    QuotaExceeded,
    RefreshTooSoon,
    SchemaOutdated,
    StoreUnavailable,
    TooLarge,
    TooManyActive,
    UnknownAnalysis,
)
from outlast.domain.messages import message
from outlast.domain.questions import question_fields
from outlast.web.translated import translated_questions
from outlast.web.translations import ENGLISH, Translations

IN_ENGLISH: Final = Translations(ENGLISH)
TITLES: Final = (
    message("Bad Request"),
    message("Unauthorized"),
    message("Forbidden"),
    message("Not Found"),
    message("Method Not Allowed"),
    message("Conflict"),
    message("Gone"),
    message("Request Entity Too Large"),
    message("Content Too Large"),
    message("Unsupported Media Type"),
    message("Misdirected Request"),
    message("Unprocessable Entity"),
    message("Unprocessable Content"),
    message("Too Many Requests"),
    message("Internal Server Error"),
    message("Service Unavailable"),
    message("Insufficient Storage"),
)
"""What Python calls the statuses of problems that people see, by its versions."""


class Problem(OutlastError):  # noqa: N818 - the word of RFC 9457
    """An HTTP error. Raise it anywhere in `web`: the site turns it into the response."""

    def __init__(
        self,
        status: int,
        sentence: str,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        questions: Sequence[Mapping[str, Any]] = (),
        help_html: str = "",
        retry_after: int | None = None,
        reference: str | None = None,
        headers: Mapping[str, str] | None = None,
        link: tuple[str, str] | None = None,
        redirect: str | None = None,
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.errors = errors
        self.questions = questions
        self.help_html = help_html
        """What people can do instead, for the form."""
        self.reference = reference
        self.link = link
        """A path within the site and its label: where the error page sends a person next."""
        self.redirect = redirect
        """Where pages send the browser instead of showing the problem."""
        self.headers = dict(headers or {})
        if retry_after is not None:
            self.headers["Retry-After"] = str(retry_after)

    @property
    def title(self) -> str:
        return HTTPStatus(self.status).phrase

    def body(self, translations: Translations = IN_ENGLISH) -> dict[str, Any]:
        """The problem document."""
        said = translations.said
        sentence = said(self.sentence)
        body: dict[str, Any] = {
            "type": "about:blank",
            "title": said(self.title),
            "status": self.status,
            "detail": sentence,
            "success": False,
            "error": sentence,
        }
        if self.errors:
            body["errors"] = [{**each, "detail": said(each["detail"])} for each in self.errors]
        if self.questions:
            body["questions"] = translated_questions(self.questions, translations)
        if self.help_html:
            body["help_html"] = said(self.help_html)
        if self.reference is not None:
            body["reference"] = self.reference
        if self.link is not None:
            body["link"] = {"path": self.link[0], "title": said(self.link[1])}
        return body

    def response(
        self, translations: Translations = IN_ENGLISH, headers: Mapping[str, str] | None = None
    ) -> Response:
        """The problem document as a response, with the headers of its language."""
        sent = {"Cache-Control": "no-store", **(headers or {}), **self.headers}
        # ASCII, as a sentence may quote a lone surrogate of the request, which UTF-8 cannot encode
        body = json.dumps(self.body(translations))
        return Response(body, self.status, sent, media_type="application/problem+json")


OWN_SESSIONS = "/analyses"
"""The page with the owner's sessions."""
SEE_OWN = (OWN_SESSIONS, message("See your analyses"))
"""The way on where nothing new is accepted."""
FILES_GO_WITHIN = 3600
"""Seconds after which a visitor without space may try again: files expire at any time."""
NOT_FOUND = message("We can't find that page. It may have expired.")


def not_found() -> Problem:
    """404: the same for sessions that do not exist and for those of another owner."""
    return Problem(404, NOT_FOUND)


def problem_of(error: OutlastError) -> Problem:
    """Map an error of the domain to its HTTP problem; re-raise errors that have none."""
    match error:
        case Problem():
            return error
        case InvalidInput():
            faults = [{"pointer": p, "detail": d} for p, d in error.faults]
            questions = [question_fields(q) for q in error.questions]
            return Problem(422, str(error), errors=faults, questions=questions, help_html=error.help)
        case UnknownAnalysis():
            return Problem(404, str(error))
        case TooLarge():
            return Problem(413, str(error))
        case TooManyActive():
            return too_many_active(error, 10)
        case RefreshTooSoon():
            return Problem(429, str(error), retry_after=math.ceil(error.seconds))
        case QueueFull():
            return Problem(503, str(error), retry_after=30, link=SEE_OWN)
        case QuotaExceeded():
            link = (OWN_SESSIONS, message("See them, or delete some")) if error.of_owner else SEE_OWN
            return Problem(507, str(error), retry_after=FILES_GO_WITHIN, link=link)
        case DiskAlmostFull():
            return Problem(503, str(error), retry_after=60, link=SEE_OWN)
        case StoreUnavailable() | SchemaOutdated():
            return Problem(
                503, message("We cannot store anything just now. Please try again in a minute."), retry_after=30
            )
        case _:
            raise error


def too_many_active(error: TooManyActive, retry_after: int) -> Problem:
    """429; on a page it leads to the sessions that are in flight."""
    return Problem(
        429, str(error), retry_after=retry_after, link=(OWN_SESSIONS, message("See them, or cancel one"))
    )


def fault(sentence: str, pointer: str) -> Problem:
    """422 for one invalid value; `pointer` is a JSON pointer to it."""
    return Problem(422, sentence, errors=[{"pointer": pointer, "detail": sentence}])
