"""The columns of an attempt's end, for every database."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import assert_never

from outlast.domain.outcome import Cancelled, Completed, End, Failed, Postponed, Released
from outlast.domain.progress import dump_steps
from outlast.domain.session import AttemptEnd, Claim


@dataclass(frozen=True, slots=True)
class EndRecord:
    """The columns of one end of one claim; `None` where they do not apply."""

    ended: AttemptEnd
    digest: bytes
    """Identifies this end of this claim, to recognize its repetition."""
    steps: str | None = None
    error: str | None = None
    error_code: str | None = None
    reference: str | None = None
    delay: float | None = None
    """Seconds."""
    result: str | None = None
    result_bytes: int | None = None
    redirect_url: str | None = None
    worked_ms: int | None = None
    """Measured by the worker, if at all; not part of the digest."""
    last_step: str | None = None
    exception: str | None = None
    exception_message: str | None = None
    traceback: str | None = None
    asked: str | None = None


def end_record(claim: Claim, end: End) -> EndRecord:
    """Return the columns of an end. Raises `UnicodeEncodeError` for a result that is not valid text."""
    match end:
        case Released():
            digest = _digest(claim, ["release", end.why or ""])
            return EndRecord("released", digest, error=end.why, last_step=end.last_step)
        case Cancelled():
            steps = dump_steps(end.steps)
            digest = _digest(claim, ["end_cancelled", steps])
            return EndRecord("cancelled", digest, steps, last_step=end.last_step)
        case Completed():
            steps = dump_steps(end.steps)
            return EndRecord(
                "completed",
                _digest(claim, ["complete", steps, end.result, repr(end.redirect_url)]),
                steps,
                result=end.result,
                result_bytes=len(end.result.encode()),
                redirect_url=end.redirect_url,
            )
        case Failed() | Postponed():
            ended: AttemptEnd = "failed" if isinstance(end, Failed) else "postponed"
            delay = end.delay if isinstance(end, Postponed) else None
            steps = dump_steps(end.steps)
            parts = [ended, steps, end.error, end.code, repr(end.reference), repr(delay)]
            report = end.report
            return EndRecord(
                ended,
                _digest(claim, parts),
                steps,
                end.error,
                end.code,
                end.reference,
                delay,
                last_step=end.last_step,
                exception=report and report.exception,
                exception_message=report and report.message,
                traceback=report and report.traceback,
                asked=end.asked if isinstance(end, Failed) else None,
            )
        case _:
            assert_never(end)


def _digest(claim: Claim, parts: Iterable[str]) -> bytes:
    hashed = hashlib.blake2b(str(claim.number).encode(), digest_size=16)
    for part in parts:
        data = part.encode(errors="surrogatepass")
        hashed.update(len(data).to_bytes(8, "big"))
        hashed.update(data)
    return hashed.digest()
