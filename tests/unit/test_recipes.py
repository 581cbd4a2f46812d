"""The recipes for proxies that do not run here: what each must hold, by its structure.

tests/e2e/test_proxies.py runs the one for nginx.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.guards import ROOT

DEPLOY = ROOT / "deploy"
SAID = {"x-onsale-visitor", "x-onsale-room", "x-onsale-pass"}
#: By these some sites take an address or a method for another one.
OVERRIDES = {"x-original-url", "x-rewrite-url", "x-http-method-override", "x-original-method"}
AUTHORIZE = "/v1/rooms/spring-tour/authorize"

OPEN = ["/static/app.css", "/static/js/app-1.min.js", "/static/a_b/C"]
CLOSED = [
    "/",
    "/static",
    "/static/",
    "/static//app.css",
    "/static/../protected",
    "/static/..",
    "/static/.env",
    "/static/x/..;/protected",
    "/static/%2e%2e/protected",
    "/static/a\\b",
    "/static/app.css\n",
    "/static/app.css ",
    "/static/app.css;x",
    "/static/app.css/",
    "/STATIC/app.css",
    "/x/static/app.css",
    "/protected",
]


def loaded(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))


def lines(name: str) -> list[str]:
    """What a file says, without comments and indentation."""
    found = (line.strip() for line in (DEPLOY / name).read_text(encoding="utf-8").splitlines())
    return [line for line in found if line and not line.startswith("#")]


def patterns(name: str) -> list[str]:
    """The patterns of what a recipe leaves open below /static."""
    text = "\n".join(lines(name))
    found = re.findall(r"[\^(/|]*static\(/\S+?\*(?=[$\\`\s\")]|$)", text, re.MULTILINE)
    return ["/" + one[one.index("static") :] for one in found]


@pytest.mark.parametrize(
    "name", ["nginx/onsale.conf", "traefik/onsale.yml", "caddy/Caddyfile", "envoy/envoy.yaml"]
)
def test_what_is_open_is_spelled_in_plain_characters(name: str) -> None:
    (pattern,) = patterns(name)
    for path in OPEN:
        assert re.fullmatch(pattern, path)
    for path in CLOSED:
        assert not re.fullmatch(pattern, path), path


@pytest.mark.parametrize("proxy", ["nginx", "traefik", "caddy", "envoy"])
def test_a_recipe_comes_with_its_instructions(proxy: str) -> None:
    text = (DEPLOY / proxy / "README.md").read_text(encoding="utf-8")
    assert "must not be reachable but through" in text
    assert f"({proxy}/" in (DEPLOY / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def traefik() -> Any:
    return loaded("traefik/onsale.yml")["http"]


def test_traefik_guards_whatever_no_other_router_takes(traefik: Any) -> None:
    site = traefik["routers"]["site"]

    assert site["rule"] == "PathPrefix(`/`)"
    assert site["priority"] == min(r["priority"] for r in traefik["routers"].values())
    assert site["middlewares"] == ["drop-forged", "waiting-room", "authorize"]
    for name, router in traefik["routers"].items():
        if name != "site":
            rules = re.split(r"\s*\|\|\s*", router["rule"])
            assert all(re.fullmatch(r"Path\(`\S+`\)|PathRegexp\(`\^\S+\$`\)", r) for r in rules)
        assert router["service"] == "gateway" or router["middlewares"][0] == "drop-forged"


def test_traefik_asks_the_gateway_and_believes_it_alone(traefik: Any) -> None:
    asked = traefik["middlewares"]["authorize"]["forwardAuth"]

    assert asked["address"].endswith(AUTHORIZE)
    assert asked["trustForwardHeader"] is False
    assert set(asked["authRequestHeaders"]) == {"Cookie", "Queue-Token", "Origin"}
    assert {name.lower() for name in asked["authResponseHeaders"]} == SAID
    dropped = traefik["middlewares"]["drop-forged"]["headers"]["customRequestHeaders"]
    assert {name.lower() for name in dropped} >= SAID | OVERRIDES | {"forwarded"}
    assert set(dropped.values()) == {""}


def test_traefik_tidies_addresses_up_and_refuses_ambiguous_ones() -> None:
    (point,) = loaded("traefik/traefik.yml")["entryPoints"].values()

    assert point["http"]["sanitizePath"] is True
    refused = point["http"]["encodedCharacters"]
    assert len(refused) == 7
    assert set(refused.values()) == {False}
    assert point["http"]["underscoreHeadersStrategy"] == "delete"
    assert point["forwardedHeaders"] == {"insecure": False}


def test_caddy_drops_what_is_forged_before_it_asks() -> None:
    found = lines("caddy/Caddyfile")
    asked = found.index("forward_auth 127.0.0.1:8080 {")

    assert found.index("route {") < found.index("request_header -X-Onsale-*") < asked
    assert found.index("request_header -*_*") < asked
    dropped = {line.split("-", 1)[1].lower() for line in found if line.startswith("request_header")}
    assert dropped >= OVERRIDES | {"forwarded", "x-forwarded-method", "x-forwarded-uri"}
    assert found[asked + 1] == f"uri {AUTHORIZE}"
    assert set(found[asked + 2].lower().split()) == {"copy_headers", *SAID}
    assert "handle_response @refused {" in found
    assert "@refused status 401 403" in found


def test_caddy_guards_whatever_nothing_else_takes() -> None:
    found = lines("caddy/Caddyfile")
    handles = [line for line in found if line.startswith("handle ")]
    assert handles == ["handle @open {", "handle @gateway {", "handle {"]
    assert found.index("handle {") + 1 == found.index("forward_auth 127.0.0.1:8080 {")
    for name in ("open", "gateway"):
        (line,) = (line for line in found if line.startswith(f"@{name} "))
        assert re.fullmatch(rf"@{name} path_regexp {name} \^\S+\$", line)
        # What was judged is what is passed on.
        after = found[found.index(f"handle @{name} {{") + 1]
        assert after.startswith(f"rewrite * {{http.regexp.{name}.0}}")
    assert sum(line.count("{") - line.count("}") for line in found) == 0


@pytest.fixture
def envoy() -> Any:
    (listener,) = loaded("envoy/envoy.yaml")["static_resources"]["listeners"]
    (filters,) = listener["filter_chains"]
    (manager,) = filters["filters"]
    return manager["typed_config"]


def filters(envoy: Any) -> Iterator[tuple[str, Any]]:
    for found in envoy["http_filters"]:
        yield found["name"].rpartition(".")[2], found["typed_config"]


def test_envoy_drops_what_is_forged_before_it_asks(envoy: Any) -> None:
    assert [name for name, _ in filters(envoy)] == ["header_mutation", "ext_authz", "router"]
    mutations = dict(filters(envoy))["header_mutation"]["mutations"]["request_mutations"]
    removed = {found["remove"] for found in mutations if "remove" in found}
    assert removed >= SAID | OVERRIDES | {"forwarded", "x-forwarded-host", "x-forwarded-method"}


def test_envoy_asks_the_gateway_and_lets_nobody_in_without_it(envoy: Any) -> None:
    asked = dict(filters(envoy))["ext_authz"]
    service = asked["http_service"]

    assert asked["failure_mode_allow"] is False
    assert service["path_prefix"] == AUTHORIZE
    needed = {found["exact"] for found in asked["allowed_headers"]["patterns"]}
    assert needed == {"cookie", "queue-token", "origin"}
    upstream = service["authorization_response"]["allowed_upstream_headers"]["patterns"]
    assert {found["exact"] for found in upstream} == SAID


def test_envoy_guards_whatever_no_other_route_takes(envoy: Any) -> None:
    (host,) = envoy["route_config"]["virtual_hosts"]
    *others, last = host["routes"]

    assert last["match"] == {"prefix": "/"}
    assert "typed_per_filter_config" not in last
    assert all(set(route["match"]) <= {"path", "safe_regex"} for route in others)
    assert "typed_per_filter_config" not in host


def test_envoy_tidies_addresses_up_and_refuses_ambiguous_ones(envoy: Any) -> None:
    assert envoy["normalize_path"] is True
    assert envoy["merge_slashes"] is True
    assert envoy["path_with_escaped_slashes_action"] == "REJECT_REQUEST"
    underscores = envoy["common_http_protocol_options"]["headers_with_underscores_action"]
    assert underscores == "REJECT_REQUEST"
