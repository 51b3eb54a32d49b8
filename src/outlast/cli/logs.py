"""Logs of the commands: readable lines on standard error, or JSON lines where nobody looks."""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

from outlast.cli.printable import printable_lines


def set_up_logs(level: int = logging.INFO) -> None:
    """Send the library's log, and the server's, through structlog."""
    shared: list[structlog.types.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if sys.stderr.isatty() else "iso"),
    ]
    last: list[structlog.types.Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if sys.stderr.isatty():
        last += [_printable, structlog.dev.ConsoleRenderer(exception_formatter=_print_exception)]
    else:
        last += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    formatter = structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=last)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("outlast").setLevel(level)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    # it warns of every form that is none, which strangers may send at any rate
    logging.getLogger("python_multipart").setLevel(logging.ERROR)


def _printable(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Messages quote what strangers send and what analyses raise."""
    return {name: printable_lines(value) if isinstance(value, str) else value for name, value in event.items()}


def _print_exception(out: TextIO, error: structlog.types.ExcInfo) -> None:
    out.write("\n" + printable_lines("".join(traceback.format_exception(*error))))
