"""An OpenAPI document as one page of HTML that loads nothing and runs nothing."""

import json
import re
from collections.abc import Iterator
from functools import cache
from html import escape
from http import HTTPStatus
from pathlib import Path
from string import Template
from typing import Any

from shared.shapes import example

JSON, PROBLEM = "application/json", "application/problem+json"

#: What stands for a credential in an example.
_CREDENTIALS = {
    "identity": "Authorization: Bearer $IDENTITY",
    "queueToken": "Queue-Token: $QUEUE_TOKEN",
    "operatorKey": "Authorization: Bearer $ONSALE_ADMIN_KEY",
}

Json = dict[str, Any]


@cache
def _template() -> str:
    return Path(__file__).with_name("docs.html").read_text(encoding="utf-8")


def style() -> str:
    """The text of the page's only style element."""
    return _template().partition("<style>")[2].partition("</style>")[0]


def page(document: Json) -> str:
    """The page of a document made by `shared.openapi`."""
    return Template(_template()).substitute(
        title=escape(document["info"]["title"]),
        text=_text(document["info"]["description"]),
        contents="".join(_contents(document)),
        groups="".join(_group(document, tag["name"]) for tag in document["tags"]),
    )


def _operations(document: Json, group: str) -> Iterator[tuple[str, str, Json]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if group in operation["tags"]:
                yield method.upper(), path, operation


def _contents(document: Json) -> Iterator[str]:
    for tag in document["tags"]:
        name = tag["name"]
        links = "".join(
            f'<li><a href="#{operation["operationId"]}">{_badge(method)}'
            f"<span>{_path(path)}</span></a></li>"
            for method, path, operation in _operations(document, name)
        )
        yield f'<li><a class="group" href="#group-{name}">{escape(name)}</a><ul>{links}</ul></li>'


def _group(document: Json, name: str) -> str:
    shown = "".join(_operation(document, *found) for found in _operations(document, name))
    return f'<section id="group-{name}"><h2>{escape(name)}</h2>{shown}</section>'


def _operation(document: Json, method: str, path: str, operation: Json) -> str:
    return (
        f'<article id="{operation["operationId"]}">'
        f'<h3><a href="#{operation["operationId"]}">{_badge(method)}<code>{_path(path)}</code></a>'
        f"</h3><p>{_text(operation['summary'])}</p>"
        f'<p class="needs">{_text(operation["description"])}</p>'
        f"{_parameters(operation)}{_body(document, operation)}{_example(method, path, operation)}"
        f"{_answers(document, operation)}{_refusals(document, operation)}</article>"
    )


def _parameters(operation: Json) -> str:
    rows = [
        _row(found["name"], found["in"], found["required"], found["schema"], found)
        for found in operation["parameters"]
    ]
    return _table("Parameters", rows)


def _body(document: Json, operation: Json) -> str:
    if "requestBody" not in operation:
        return ""
    schema = operation["requestBody"]["content"][JSON]["schema"]
    return _table("Body", _fields(document, schema))


def _example(method: str, path: str, operation: Json) -> str:
    headers = [_CREDENTIALS[name] for needed in operation["security"] for name in needed]
    headers += [
        f"{found['name']}: {'$(uuidgen)' if found['name'] == 'Idempotency-Key' else '...'}"
        for found in operation["parameters"]
        if found["in"] == "header" and found["required"]
    ]
    for found in operation["parameters"]:
        path = path.replace(f"{{{found['name']}}}", str(example(found["schema"], {})))
    lines = [f'curl -X {method} "$URL{path}"' if method != "GET" else f'curl "$URL{path}"']
    if "requestBody" in operation:
        headers.append(f"Content-Type: {JSON}")
        body = json.dumps(operation["requestBody"]["content"][JSON]["example"])
        lines.append(f"-d '{body}'")
    lines[1:1] = [f'-H "{header}"' for header in headers]
    text = escape(" \\\n    ".join(lines), quote=False)
    return f"<details><summary>Example</summary><pre>{text}</pre></details>"


def _answers(document: Json, operation: Json) -> str:
    shown = []
    for status, answer in operation["responses"].items():
        if int(status) >= HTTPStatus.BAD_REQUEST:
            continue
        contents: Json = answer.get("content", {"": {}})
        ((media_type, content),) = contents.items()
        headers = [name for name in answer["headers"] if name != "X-Request-Id"]
        notes = [media_type, *(f"header {name}" for name in headers)]
        rows = _fields(document, content.get("schema", {})) if media_type == JSON else []
        shown.append(
            f'<h4><b class="status s{status[0]}">{status}</b> {_text(answer["description"])} '
            f"<small>{escape(', '.join(filter(None, notes)))}</small></h4>"
            f"{_table('', rows)}"
        )
    return "".join(shown)


def _refusals(document: Json, operation: Json) -> str:
    rows = []
    for status, answer in operation["responses"].items():
        if int(status) < HTTPStatus.BAD_REQUEST:
            continue
        schema = answer["content"][PROBLEM]["schema"]
        for ref in schema.get("anyOf", [schema]):
            found = _resolved(document, ref)
            properties = found["properties"]
            extras = [name for name in properties if name not in found["required"]]
            notes = _text(found["description"])
            if properties["retryable"]["const"]:
                notes += " <em>May be tried again.</em>"
            if extras:
                notes += " Adds " + ", ".join(f"<code>{escape(name)}</code>" for name in extras)
            rows.append(
                f'<tr><th scope="row"><b class="status s{status[0]}">{status}</b> '
                f"<code>{properties['code']['const']}</code></th><td>{notes}</td></tr>"
            )
    return (
        f"<details><summary>Errors <small>{PROBLEM}</small></summary>{_table('', rows)}</details>"
    )


def _fields(document: Json, schema: Json, prefix: str = "") -> list[str]:
    """Rows of everything in an object, with dotted names."""
    found = _resolved(document, schema)
    if found.get("type") == "array":
        return _fields(document, found["items"], f"{prefix}[]")
    required = found.get("required", [])
    rows = []
    for name, field in found.get("properties", {}).items():
        full = f"{prefix}.{name}" if prefix else name
        rows.append(_row(full, "", name in required, field, _resolved(document, field)))
        for inner in _inner(field):
            rows += _fields(document, inner, full)
    return rows


def _inner(schema: Json) -> list[Json]:
    return [part for part in schema.get("anyOf", [schema]) if "$ref" in part or "items" in part]


def _row(name: str, where: str, required: bool, schema: Json, described: Json) -> str:
    notes = [_type(schema)]
    if where:
        notes.append(where)
    if not required:
        notes.append("optional")
    if "default" in schema:
        notes.append(f"default {json.dumps(schema['default'])}")
    text = described.get("description", "")
    return (
        f'<tr><th scope="row"><code>{escape(name)}</code></th>'
        f"<td><span>{escape(', '.join(notes))}</span> {_text(text)}</td></tr>"
    )


def _type(schema: Json) -> str:
    if "anyOf" in schema:
        return " or ".join(_type(part) for part in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    if "const" in schema:
        return json.dumps(schema["const"])
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}s"
    found = str(schema.get("format") or schema.get("type", "object"))
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None:
        return f"{found} ≥ {low}" if high is None or high > 1e12 else f"{found} {low} to {high:,}"
    if "maxLength" in schema:
        return f"{found} of at most {schema['maxLength']}"
    return found


def _resolved(document: Json, schema: Json) -> Json:
    if "$ref" not in schema:
        return schema
    found: Json = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


def _table(title: str, rows: list[str]) -> str:
    heading = f"<h4>{title}</h4>" if title else ""
    return f"{heading}<table>{''.join(rows)}</table>" if rows else ""


def _badge(method: str) -> str:
    return f'<b class="method {method.lower()}">{method}</b>'


def _path(path: str) -> str:
    return re.sub(r"(\{\w+\})", r"<var>\1</var>", escape(path).replace("/", "/<wbr>"))


def _text(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
