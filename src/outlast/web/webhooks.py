"""Webhooks (Standard Webhooks): a signed message about the end of a session, delivered by a session of its own."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol, TypeVar

from outlast.core.analyses import context
from outlast.core.analyses.analysis import Analysis, AnalysisOptions
from outlast.core.sessions import Sessions
from outlast.core.watch import SessionView
from outlast.core.webhook_deliveries import WEBHOOK
from outlast.domain.errors import Permanent, RetryAfter
from outlast.domain.status import Status
from outlast.settings import Settings
from outlast.web.keys import KeyRing
from outlast.web.public_addresses import NotPublicError
from outlast.web.snapshot import INLINE_RESULT, snapshot

T = TypeVar("T")
FIRST_WAIT: Final = 5.0
"""Seconds before the second attempt; each further wait is three times the one before."""
LONGEST_WAIT: Final = 6 * 3600.0
ATTEMPTS: Final = 12
"""Over about a day."""
PREFIX: Final = "whsec_"
GONE: Final = 410


class Application(Protocol):
    """What a delivery uses of the application."""

    @property
    def settings(self) -> Settings: ...

    async def use(self, work: Callable[[Sessions], Coroutine[Any, Any, T]]) -> T: ...


def webhook_secret(keys: KeyRing, key_id: str) -> str:
    """The secret by which the webhooks of an API key are signed, for its holder."""
    return PREFIX + base64.b64encode(base64.urlsafe_b64decode(keys.sign("webhook", key_id))).decode()


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    digest = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}"


def webhook_analysis(application: Application) -> Analysis:
    """The analysis that delivers one webhook."""

    async def deliver(session_id: str, version: int, url: str, key_id: str) -> int:
        view = await application.use(lambda sessions: sessions.get(session_id, owner=None))
        if view is None:
            raise Permanent("The session was deleted before its end could be told.")
        if not view.session.status.final:
            raise Permanent("The session was retried, and a message of its own will tell the new end.")
        message = await _message(application, view)
        now = int(time.time())
        secret = webhook_secret(KeyRing.of(application.settings), key_id)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Outlast",
            "webhook-id": f"msg_{session_id}_{version}",
            "webhook-timestamp": str(now),
        }
        headers["webhook-signature"] = signature(secret, headers["webhook-id"], now, message)
        from outlast.web.public_http import post  # noqa: PLC0415 - TLS costs start-up time, and few deliver

        try:
            status = await post(url, message, headers)
        except NotPublicError as error:
            raise Permanent(f"The webhook was not sent: {error}") from error
        except OSError as error:
            told = str(error) or type(error).__name__
            raise RetryAfter(await _wait(application), f"The receiver could not be reached: {told}") from error
        if 200 <= status < 300:
            return status
        if status == GONE:
            raise Permanent("The receiver answered 410: it wants no more webhooks.")
        raise RetryAfter(await _wait(application), f"The receiver answered {status}.")

    options = AnalysisOptions(
        title="Webhook",
        subject=_subject,
        max_attempts=ATTEMPTS,
        timeout=120,
        longest_wait=LONGEST_WAIT,
    )
    return Analysis.of(WEBHOOK, deliver, options)


def _subject(session_id: str, version: int, url: str, key_id: str) -> str:  # noqa: ARG001 - the input by name
    return f"{url} ({session_id})"


async def _message(application: Application, view: SessionView) -> bytes:
    session, settings, result = view.session, application.settings, None
    if session.status is Status.COMPLETED and (session.result_bytes or 0) <= INLINE_RESULT:
        stored = await application.use(lambda sessions: sessions.result(session.id, owner=None))
        result = stored.result if stored else None
    shown = snapshot(
        view,
        root=(settings.public_url or "").rstrip("/"),
        interval_ms=settings.polling_interval,
        keep_hours=settings.retention_hours(session.status),
        result=result,
        offered=True,
    )
    message = {
        "type": f"analysis.{session.status.value}",
        "timestamp": shown["completed_at"],
        "data": shown | {"elapsed_ms": session.elapsed_ms},
    }
    return json.dumps(message, ensure_ascii=False, allow_nan=False).encode()


async def _wait(application: Application) -> float:
    """Seconds before the next attempt, by those since the delivery was started or retried."""
    attempt = context.current()
    assert attempt is not None  # noqa: S101 - a delivery runs in one
    own = await application.use(lambda sessions: sessions.get(attempt.session_id, owner=None))
    tries = 1 if own is None else own.session.attempt - (own.session.max_attempts - ATTEMPTS)
    return min(LONGEST_WAIT, FIRST_WAIT * 3 ** (max(1, tries) - 1))
