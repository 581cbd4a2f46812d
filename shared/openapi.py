"""OpenAPI 3.1 of a service, from its routes and from what stands next to each handler.

`described` is that: the struct that validates the body, the structs of the answers, the errors that
the handler raises. What every route of a kind has in common (credentials, problems of bodies and
stores) is added here. A route without a description has no document: `document` raises.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from inspect import cleandoc
from typing import Any, Literal, TypeVar

import msgspec
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from shared import errors
from shared.credentials import QUEUE_TOKEN_HEADER, SAFE_METHODS
from shared.shapes import PATH_SHAPES, example

JSON, PROBLEM = "application/json", "application/problem+json"
IDENTITY, QUEUE_TOKEN, OPERATOR_KEY = "identity", "queueToken", "operatorKey"

SCHEMES: dict[str, dict[str, str]] = {
    IDENTITY: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "Who asks. Browsers may send the cookie `onsale_identity` instead.",
    },
    QUEUE_TOKEN: {
        "type": "apiKey",
        "in": "header",
        "name": QUEUE_TOKEN_HEADER,
        "description": "That the room let them in. Browsers may send the cookie"
        " `onsale_<room_id>` instead.",
    },
    OPERATOR_KEY: {
        "type": "http",
        "scheme": "bearer",
        "description": "One of the keys of `ONSALE_ADMIN_KEY`. Some only read.",
    },
}

Refusals = tuple[type[errors.OnsaleError], ...]
Described = TypeVar("Described", bound=Handler)


@dataclass(frozen=True, slots=True)
class Access:
    """What a route asks of its caller: credentials (of SCHEMES), and its refusals without them.

    `optional`: there are cases in which it goes without.
    """

    text: str
    schemes: tuple[str, ...] = ()
    refusals: Refusals = ()
    optional: bool = False

    @property
    def security(self) -> list[dict[str, list[str]]]:
        """The security requirement of OpenAPI: one of these will do, and `{}` is none at all."""
        asked: list[dict[str, list[str]]] = [{name: [] for name in self.schemes}]
        return asked + [{}] * self.optional if self.schemes else []


OPEN = Access("nothing")
VISITOR = Access("identity", (IDENTITY,), (errors.IdentityRequired, errors.IdentityInvalid))
OPERATOR = Access(
    "the operator's key", (OPERATOR_KEY,), (errors.OperatorRequired, errors.OperatorInvalid)
)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the query, or a header of the request."""

    where: Literal["query", "header"]
    name: str
    shape: Any
    text: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Header:
    """A header of an answer; `always` if no answer of that status comes without it."""

    name: str
    text: str
    always: bool = True


ETAG = Header("ETag", "The version of what was read.")
REQUEST_ID = Header("X-Request-Id", "This request's id in the logs.")
RETRY_AFTER = Header("Retry-After", "Ask again after so many seconds.")
IF_NONE_MATCH = Parameter(
    "header", "If-None-Match", str, "The ETag of what the client has already."
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A success: its body's struct (None: no body; several: any of them), or plain text of a
    media type."""

    shape: Any = None
    headers: tuple[Header, ...] = ()
    media_type: str = JSON
    text: str = ""


@dataclass(frozen=True, slots=True)
class Description:
    """What `described` keeps."""

    answers: Mapping[int, Answer]
    body: type[msgspec.Struct] | None
    parameters: tuple[Parameter, ...]
    refusals: Refusals
    needs: Access
    stores: bool
    table: str


class Undescribed(Exception):
    """A route has no description."""


def described(
    answers: Mapping[int, Answer],
    *,
    body: type[msgspec.Struct] | None = None,
    parameters: tuple[Parameter, ...] = (),
    refusals: Refusals = (),
    needs: Access = OPEN,
    stores: bool = True,
    table: str = "",
) -> Callable[[Described], Described]:
    """Say what a handler takes and gives. Costs nothing when it runs.

    `refusals`: its own ones; those of credentials, bodies, parsing and stores are known.
    `stores`: whether it asks one. `table`: the columns of a CSV table that it takes for a body.
    """
    found = Description(answers, body, parameters, refusals, needs, stores, table)

    def keep(handler: Described) -> Described:
        handler.description = found  # type: ignore[attr-defined]
        return handler

    return keep


@dataclass(frozen=True, slots=True)
class Route:
    """A route with its description."""

    method: str
    path: str
    handler: Handler
    description: Description
    access: Access

    def refusals(self) -> list[type[errors.OnsaleError]]:
        """Every error it answers with, by status and code; each code of a status once."""
        found: list[type[errors.OnsaleError]] = [errors.BadRequest, errors.HeadersTooLarge]
        found += self.access.refusals
        found += self.description.refusals
        if self.access.schemes and self.method not in SAFE_METHODS:
            found.append(errors.Forbidden)
        if "{" in self.path:
            found.append(errors.NotFound)
        if self.description.body is not None:
            found += [errors.TooLarge, errors.UnsupportedMediaType, errors.ValidationFailed]
        if self.description.stores:
            found.append(errors.Unavailable)
        by_code = {(error.status, error.code): error for error in reversed(found)}
        return [by_code[key] for key in sorted(by_code)]


def routes_of(
    app: web.Application, access: Callable[[str, str], Access] | None = None
) -> Iterator[Route]:
    """All routes of an app. `access`: what a method and path need, unless handlers say it.

    Raises Undescribed. HEAD is left out: it is GET without the body.
    """
    for route in app.router.routes():
        if route.method == hdrs.METH_HEAD or route.resource is None:
            continue
        path = route.resource.canonical
        description = getattr(route.handler, "description", None)
        if description is None:
            raise Undescribed(f"{route.method} {path} has no description")
        needs = description.needs if access is None else access(route.method, path)
        yield Route(route.method, path, route.handler, description, needs)


def document(title: str, text: str, routes: Iterable[Route]) -> dict[str, Any]:
    """The OpenAPI document of these routes."""
    building = _Document()
    paths: dict[str, dict[str, Any]] = {}
    for route in sorted(routes, key=lambda route: _order(route.path)):
        paths.setdefault(route.path, {})[route.method.lower()] = building.operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": "1", "description": text},
        "tags": [{"name": name} for name in dict.fromkeys(map(_group, paths))],
        "paths": paths,
        "components": {
            "headers": {header.name: _header(header) for header in (REQUEST_ID, RETRY_AFTER)},
            "schemas": dict(sorted(building.schemas.items())),
            "securitySchemes": {name: SCHEMES[name] for name in sorted(building.schemes)},
        },
    }


def problem_schema(error: type[errors.OnsaleError]) -> dict[str, Any]:
    """The problem document of an error, as a schema (RFC 9457)."""
    (extras, _) = msgspec.json.schema_components(list(error.extras.values()))
    properties = {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"const": error.status},
        "detail": {"type": "string"},
        "code": {"const": error.code},
        "retryable": {"const": error.retryable},
        "request_id": {"type": "string"},
    }
    return {
        "title": error.__name__,
        "description": cleandoc(error.__doc__ or error.title),
        "type": "object",
        "properties": {**properties, **dict(zip(error.extras, extras, strict=True))},
        "required": list(properties),
    }


@dataclass(slots=True)
class _Document:
    """Operations, and the components they refer to."""

    schemas: dict[str, Any] = field(default_factory=dict)
    schemes: set[str] = field(default_factory=set)

    def operation(self, route: Route) -> dict[str, Any]:
        summary, _, text = cleandoc(route.handler.__doc__ or "").partition("\n")
        schemes = route.access.schemes
        found: dict[str, Any] = {
            "operationId": route.handler.__name__,
            "tags": [_group(route.path)],
            "summary": summary,
            "description": "\n\n".join(filter(None, [text.strip(), f"Needs {route.access.text}."])),
            "security": route.access.security,
            "parameters": [*self._path(route.path), *self._parameters(route)],
            "responses": {**self._answers(route), **self._refusals(route)},
        }
        self.schemes.update(schemes)
        if route.description.body is not None:
            schema = self._schema(route.description.body)
            shown = {"schema": schema, "example": example(schema, self.schemas)}
            found["requestBody"] = {"required": True, "content": {JSON: shown}}
            if route.description.table:
                text = f"Or a CSV table of these columns: {route.description.table}."
                found["requestBody"]["description"] = text
        return found

    def _path(self, path: str) -> list[dict[str, Any]]:
        names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
        return [
            {
                "in": "path",
                "name": name,
                "required": True,
                "schema": self._schema(PATH_SHAPES[name]),
            }
            for name in names
        ]

    def _parameters(self, route: Route) -> list[dict[str, Any]]:
        return [
            {
                "in": asked.where,
                "name": asked.name,
                "description": asked.text,
                "required": asked.required,
                "schema": self._schema(asked.shape),
            }
            for asked in route.description.parameters
        ]

    def _answers(self, route: Route) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for status, answer in sorted(route.description.answers.items()):
            shown: dict[str, Any] = {
                "description": answer.text or HTTPStatus(status).phrase,
                "headers": _headers(*answer.headers, REQUEST_ID),
            }
            if answer.shape is not None:
                shown["content"] = {answer.media_type: {"schema": self._any_of(answer.shape)}}
            found[str(status)] = shown
        return found

    def _refusals(self, route: Route) -> dict[str, Any]:
        by_status: dict[int, list[type[errors.OnsaleError]]] = {}
        for error in route.refusals():
            by_status.setdefault(error.status, []).append(error)
            self._keep(error.__name__, problem_schema(error))
        found: dict[str, Any] = {}
        for status, refusals in by_status.items():
            refs = [{"$ref": f"#/components/schemas/{error.__name__}"} for error in refusals]
            waits = [RETRY_AFTER] if status in {429, 503} else []
            found[str(status)] = {
                "description": "\n".join(
                    f"`{error.code}`: {cleandoc(error.__doc__ or error.title)}"
                    for error in refusals
                ),
                "headers": _headers(*waits, REQUEST_ID),
                "content": {
                    PROBLEM: {"schema": refs[0] if len(refs) == 1 else {"anyOf": refs}},
                },
            }
        return found

    def _any_of(self, shape: Any) -> dict[str, Any]:
        if isinstance(shape, tuple):
            return {"anyOf": [self._schema(each) for each in shape]}
        return self._schema(shape)

    def _schema(self, shape: Any) -> dict[str, Any]:
        (schema,), components = msgspec.json.schema_components(
            [shape], ref_template="#/components/schemas/{name}"
        )
        for name, found in components.items():
            self._keep(name, _published(found))
        published: dict[str, Any] = _published(schema)
        return published

    def _keep(self, name: str, schema: dict[str, Any]) -> None:
        if self.schemas.setdefault(name, schema) != schema:
            raise Undescribed(f"two different shapes are called {name}")


def _headers(*headers: Header) -> dict[str, Any]:
    common = {
        header.name: {"$ref": f"#/components/headers/{header.name}"}
        for header in headers
        if header in (REQUEST_ID, RETRY_AFTER)
    }
    return {header.name: _header(header) for header in headers} | common


def _header(header: Header) -> dict[str, Any]:
    return {
        "description": header.text,
        "required": header.always,
        "schema": {"type": "string"},
    }


def _group(path: str) -> str:
    if path.startswith("/v1/admin/"):
        return "Operators"
    return path.split("/")[2].capitalize() if path.startswith("/v1/") else "Service"


def _order(path: str) -> int:
    """Visitors' routes first, then the operators', then the service's own."""
    return {"Operators": 1, "Service": 2}.get(_group(path), 0)


def _published(schema: Any) -> Any:
    """A schema whose patterns are ECMA-262, as JSON Schema wants them: `$` is the very end there,
    as `\\Z` is in Python."""
    if isinstance(schema, dict):
        return {
            key: value.replace(r"\Z", "$")
            if key == "pattern" and isinstance(value, str)
            else _published(value)
            for key, value in schema.items()
        }
    return [_published(item) for item in schema] if isinstance(schema, list) else schema
