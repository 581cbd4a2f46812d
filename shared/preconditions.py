"""Which version of a room, a concert or a date a request is about (RFC 9110, 13.1)."""

import re
from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta

from shared.errors import BadRequest, PreconditionRequired, VersionConflict
from shared.openapi import Parameter

_EXPECTED = re.compile(r'(\*|"[0-9]+")')

IF_MATCH = Parameter(
    "header",
    "If-Match",
    Annotated[str, Meta(pattern=rf"^{_EXPECTED.pattern}\Z", examples=["*"])],
    "The ETag of the settings to change, or `*` for whatever they are.",
)
ONLY_NEW = Parameter("header", "If-None-Match", Literal["*"], "In place of If-Match: only create.")


def expected_version(request: web.Request) -> str:
    """What `configure` expects, of If-Match or else If-None-Match.

    Raises PreconditionRequired, VersionConflict for what no room of ours can match, BadRequest.
    """
    known, unknown = (_listed(request, name) for name in (IF_MATCH.name, ONLY_NEW.name))
    if unknown not in (None, "*"):
        raise BadRequest("If-None-Match takes '*' here: only create.")
    if not known and not unknown:
        raise PreconditionRequired
    if known is None:
        return "none"
    if unknown:
        raise VersionConflict("If-Match and If-None-Match never both hold.")
    return _version(known)


def required_version(request: web.Request) -> str:
    """The version that If-Match names, or '*'. Raises PreconditionRequired, VersionConflict."""
    known = _listed(request, IF_MATCH.name)
    if not known:
        raise PreconditionRequired
    return _version(known)


def version_if_sent(request: web.Request) -> str | None:
    """The version that If-Match names, '*', or None without it. Raises VersionConflict."""
    known = _listed(request, IF_MATCH.name)
    return None if known is None else _version(known)


def _version(tag: str) -> str:
    # Everything has one version, so a list of tags is never what was meant.
    if not _EXPECTED.fullmatch(tag):
        raise VersionConflict("If-Match takes one ETag as GET gave it, quotes included, or '*'.")
    return tag.strip('"')


def _listed(request: web.Request, header: str) -> str | None:
    """All values of a header that may be repeated (RFC 9110, 5.3)."""
    return ", ".join(request.headers.getall(header)) if header in request.headers else None
