"""Logs of the commands: readable lines on standard error, or JSON lines where nobody looks."""

import logging
import sys

import structlog


def set_up_logs(level: int = logging.INFO) -> None:
    """Send the library's log, and the server's, through structlog."""
    shared: list[structlog.types.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if sys.stderr.isatty() else "iso"),
    ]
    shown = structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    last: list[structlog.types.Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if not sys.stderr.isatty():
        last.append(structlog.processors.format_exc_info)
    formatter = structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[*last, shown])
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("outlast").setLevel(level)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    # it warns of every form that is none, which strangers may send at any rate
    logging.getLogger("python_multipart").setLevel(logging.ERROR)
