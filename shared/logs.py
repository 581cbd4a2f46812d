"""Structured logs: one JSON object a line on stderr, never a credential or a header's value."""

import logging
import sys
from typing import Any

import orjson
import structlog

#: Never with local variables: they hold tokens.
_TRACEBACK = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
#: Nor with messages, which may quote what a client sent (invariant X3).
_TRACEBACK_SAYS = ("exc_type", "is_cause", "frames")


def configure(service: str, level: str) -> None:
    """Send structlog, and whatever libraries log, to stderr as JSON lines."""
    number = getattr(logging, level.upper())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(_traceback),
            structlog.processors.JSONRenderer(serializer=_dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    # Libraries log through the standard library: their messages may quote what a client sent,
    # so only the place and the exception's type go through (invariant X3).
    logging.basicConfig(handlers=[_Forward()], level=logging.WARNING, force=True)
    logging.captureWarnings(True)


def logger(name: str) -> Any:
    """A logger bound to the module it speaks for."""
    return structlog.get_logger(module=name)


def _traceback(exc_info: Any) -> list[dict[str, Any]]:
    """Where an exception and its causes came from, and their types."""
    return [{name: stack[name] for name in _TRACEBACK_SAYS} for stack in _TRACEBACK(exc_info)]


def _dumps(event: dict[str, Any], **_: Any) -> str:
    return orjson.dumps(event, default=str).decode()


class _Forward(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None
        structlog.get_logger(module=record.name).log(
            record.levelno, "library_message", at=f"{record.module}:{record.lineno}", error=error
        )
