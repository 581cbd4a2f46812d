"""The documents of both services, and their pages."""

import base64
import hashlib
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest
import schemathesis
from aiohttp import web

from booking_api.access import access_of
from shared.credentials import SAFE_METHODS
from shared.docs import DOCS
from shared.openapi import Undescribed, document, routes_of
from tests.documents import booking_app, gateway_app

BOTH = pytest.mark.parametrize("app", [gateway_app(), booking_app()], ids=["gateway", "booking"])


@BOTH
def test_every_route_is_described(app: web.Application) -> None:
    described = app[DOCS].document["paths"]

    for route in app.router.routes():
        assert route.resource is not None
        if route.method != "HEAD":
            assert route.method.lower() in described[route.resource.canonical]


def test_a_route_without_description_has_no_document() -> None:
    async def forgotten(request: web.Request) -> web.Response:
        return web.Response()

    app = gateway_app()
    app.router.add_get("/v1/forgotten", forgotten)

    with pytest.raises(Undescribed, match="GET /v1/forgotten"):
        document("", "", routes_of(app))


@BOTH
def test_the_document_is_openapi(app: web.Application) -> None:
    found = json.loads(msgspec.json.encode(app[DOCS].document))

    assert found["openapi"] == "3.1.0"
    schemathesis.openapi.from_dict(found).validate()
    names = [o["operationId"] for methods in found["paths"].values() for o in methods.values()]
    assert len(names) == len(set(names))


@BOTH
def test_every_reference_leads_somewhere(app: web.Application) -> None:
    found = app[DOCS].document

    for kind, name in re.findall(r'"#/components/(\w+)/([^"]+)"', json.dumps(found)):
        assert name in found["components"][kind]


@BOTH
def test_patterns_are_those_of_json_schema(app: web.Application) -> None:
    assert r"\\Z" not in json.dumps(app[DOCS].document)


@BOTH
def test_examples_of_bodies_fit_their_schema(app: web.Application) -> None:
    for route in routes_of(app):
        body = route.description.body
        if body is not None:
            operation = app[DOCS].document["paths"][route.path][route.method.lower()]
            example = operation["requestBody"]["content"]["application/json"]["example"]
            msgspec.convert(example, body)


def test_gates_are_told_as_they_are() -> None:
    found = booking_app()[DOCS].document["paths"]

    assert found["/v1/payments"]["post"]["security"] == [{"identity": [], "queueToken": []}]
    assert found["/v1/users/me"]["get"]["security"] == [{"identity": []}]
    assert found["/v1/admin/concerts"]["post"]["security"] == [{"operatorKey": []}]
    assert found["/docs"]["get"]["security"] == []
    joining = gateway_app()[DOCS].document["paths"]["/v1/rooms/{room_id}/token"]["post"]
    assert joining["security"] == [{"identity": []}, {}]  # not in an anonymous room


def test_unsafe_methods_tell_of_the_origin_that_cookies_need() -> None:
    for app, access in ((gateway_app(), None), (booking_app(), access_of)):
        for route in routes_of(app, access):
            cookies = {"identity", "queueToken"} & set(route.access.schemes)
            codes = {error.code for error in route.refusals()}
            if cookies and route.method not in SAFE_METHODS:
                assert "forbidden" in codes, route.path


def test_what_the_demo_opens_is_told_only_where_it_is_open() -> None:
    assert "/v1/users" in booking_app()[DOCS].document["paths"]
    assert "/v1/users" not in booking_app(demo=False)[DOCS].document["paths"]


class _Reader(HTMLParser):
    """What a page holds, and what is open at its end."""

    VOID = frozenset({"meta", "wbr"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, Any]]] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@BOTH
def test_the_page_shows_every_route_and_loads_nothing(app: web.Application) -> None:
    docs = app[DOCS]
    reader = _Reader()
    reader.feed(docs.page)

    assert reader.open == []
    ids = [attrs["id"] for _, attrs in reader.seen if "id" in attrs]
    assert len(ids) == len(set(ids))
    for methods in docs.document["paths"].values():
        assert {operation["operationId"] for operation in methods.values()} <= set(ids)
    links = {attrs["href"] for tag, attrs in reader.seen if "href" in attrs}
    assert {link for link in links if not link.startswith("#")} == {"/openapi.json"}
    assert {link[1:] for link in links if link.startswith("#")} <= set(ids)
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in reader.seen}
    assert not any("style" in attrs or "src" in attrs for _, attrs in reader.seen)
    assert "url(" not in docs.page
    assert "@import" not in docs.page


@BOTH
def test_the_policy_allows_the_page_its_own_style_alone(app: web.Application) -> None:
    style = app[DOCS].page.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

    assert f"style-src 'sha256-{digest}'" in app[DOCS].policy
    assert app[DOCS].policy.startswith("default-src 'none'")


def test_describing_a_handler_leaves_it_as_it_is() -> None:
    from shared.openapi import Answer, described

    async def handler(request: web.Request) -> web.Response:
        return web.Response()

    mark: Callable[..., Any] = described({200: Answer()})

    assert mark(handler) is handler
