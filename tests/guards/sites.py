"""Guards of other sites: passes, what proxies are told, the gate, and the recipe for nginx."""

from tests.guards import Guard
from tests.guards.rows import rows

_PASSES = "tests/unit/test_passes.py::"
_FORWARDING = "tests/integration/test_gateway_forwarding.py::"
_HTTP = "tests/integration/test_gateway_http.py::"
_ACCESS = "tests/integration/test_gateway_access.py::"
_KEYS = "tests/unit/test_gate_keys.py::"
_GATE = "tests/integration/test_gate.py::"
_PROXIES = "tests/e2e/test_proxies.py::"

PASSES = rows(
    "shared/passes.py",
    (
        "a pass ends with its place",
        "X1",
        "min(expires_at_ms // 1000, now_s + LIFE_S)",
        "now_s + LIFE_S",
        _PASSES + "test_a_pass_never_outlives_its_place",
    ),
    (
        "a pass is short",
        "X1",
        "min(expires_at_ms // 1000, now_s + LIFE_S)",
        "expires_at_ms // 1000",
        _PASSES + "test_a_pass_lives_two_minutes",
    ),
    (
        "a place without time left gets no pass",
        "X1",
        "if expires_at_s <= now_s:",
        "if False:",
        _PASSES + "test_nobody_gets_a_pass_who_is_not_inside",
    ),
    (
        "a pass that was kept ends with its place",
        "X1",
        "return known_s <= wanted_s and (",
        "return (",
        _PASSES + "test_a_pass_never_outlives_its_place",
    ),
    (
        "the passes kept are bounded",
        "S3",
        "while len(self._signed) > CACHE_SIZE:",
        "while False:",
        _PASSES + "test_each_place_has_a_pass_of_its_own",
    ),
)

AUTHORIZE = rows(
    "queue_gateway/authorize.py",
    (
        "WAIT is not ACTIVE for proxies",
        "X1",
        "if status.status == ACTIVE:",
        "if status.status in {ACTIVE, WAIT}:",
        _HTTP + "test_authorize_says_204_only_to_an_active_token",
    ),
    (
        "EXPIRED is not ACTIVE for proxies",
        "X1",
        "if status.status == ACTIVE:",
        "if status.status != WAIT:",
        (
            _HTTP + "test_authorize_says_204_only_to_an_active_token",
            _FORWARDING + "test_who_has_left_does_not_pass",
        ),
    ),
    (
        "no cache answers for a proxy's question",
        "X1",
        '        "Cache-Control": "no-store",\n',
        "",
        _ACCESS + "test_what_is_a_visitors_or_an_operators_own_is_stored_nowhere",
    ),
    (
        "a proxied change by cookie needs an Origin",
        "X1",
        "if cookie is not None and not _methods(request) <= SAFE_METHODS:",
        "if False:",
        (
            _FORWARDING + "test_a_change_with_a_cookie_comes_from_a_page_of_its_site",
            _PROXIES + "test_a_form_of_another_sites_page_does_not_pass",
        ),
    ),
    (
        "a proxied method may have another header",
        "X1",
        '("X-Forwarded-Method", "X-Original-Method")',
        '("X-Forwarded-Method",)',
        _FORWARDING + "test_a_change_with_a_cookie_comes_from_a_page_of_its_site",
    ),
    (
        "the question's own method counts",
        "X1",
        "return {request.method, *named}",
        "return {*named}",
        _FORWARDING + "test_envoy_asks_with_the_visitors_own_method_and_path",
    ),
    (
        "a site without a name is no Origin",
        "X1",
        "if not site or ",
        "if ",
        _FORWARDING + "test_a_site_without_a_name_is_no_origin",
    ),
    (
        "a visitor's name cannot end its header",
        "X1",
        'quote(place.visitor, safe="")',
        "place.visitor",
        _FORWARDING + "test_a_proxy_learns_who_was_let_in",
    ),
)

GATE = (
    *rows(
        "onsale/gate/passes.py",
        (
            "the gate takes passes of its room alone",
            "X1",
            '"strict_aud": True',
            '"verify_aud": False',
            (
                _GATE + "test_a_pass_of_another_room_is_none",
                _GATE + "test_a_pass_says_what_it_must_say",
            ),
        ),
        (
            "the gate takes passes of one room alone",
            "X1",
            ', "strict_aud": True',
            "",
            _GATE + "test_a_pass_says_what_it_must_say",
        ),
        (
            "the gate takes passes of our issuer alone",
            "X1",
            "issuer=ISSUER,",
            "",
            _GATE + "test_a_pass_says_what_it_must_say",
        ),
        (
            "the gate takes passes that say everything",
            "X1",
            '"require": _CLAIMS',
            '"require": []',
            _GATE + "test_a_pass_says_what_it_must_say",
        ),
        (
            "the gate believes no pass long after its end",
            "X1",
            "leeway=LEEWAY_S",
            "leeway=600",
            _GATE + "test_a_pass_that_has_run_out_is_none",
        ),
        (
            "the gate reads nothing endless",
            "S3",
            "if len(found) > MAX_LENGTH:",
            "if False:",
            _KEYS + "test_what_cannot_be_a_pass_asks_nobody",
        ),
        (
            "a forger does not make the gate ask all the time",
            "S3",
            "elif self._age() >= (UNKNOWN_S if self._keys else KEYLESS_S) or self._asking:",
            "else:",
            _KEYS + "test_an_unknown_key_makes_us_ask_but_not_all_the_time",
        ),
        (
            "a crowd makes the gate ask once",
            "S3",
            "if self._asking is None:",
            "if True:",
            _KEYS + "test_a_crowd_at_the_start_reads_the_keys_once",
        ),
    ),
    *rows(
        "onsale/gate/keys.py",
        (
            "the gate keeps keys for EdDSA alone",
            "X1",
            ', algorithm="EdDSA"',
            "",
            _KEYS + "test_only_named_keys_for_eddsa_are_kept",
        ),
    ),
    *rows(
        "onsale/gate/carrying.py",
        (
            "a change with a pass in a cookie needs an Origin",
            "X1",
            "if found is not None and method not in SAFE_METHODS:",
            "if False:",
            _GATE + "test_a_pass_in_a_cookie_is_good_for_reading",
        ),
        (
            "no Origin and no Host are not the same site, for the gate",
            "X1",
            "if not site or ",
            "if ",
            _KEYS + "test_no_origin_and_no_host_are_not_the_same_site",
        ),
    ),
    *rows(
        "onsale/gate/aiohttp.py",
        (
            "the aiohttp gate opens paths as they were sent",
            "X1",
            'request.raw_path.partition("?")[0]',
            "request.path",
            _GATE + "test_what_is_open_needs_no_pass_and_nothing_else_is",
        ),
    ),
    *rows(
        "onsale/gate/asgi.py",
        (
            "the ASGI gate opens paths as they were sent",
            "X1",
            'raw.decode("latin-1") if raw else str(scope["path"])',
            'str(scope["path"])',
            _GATE + "test_what_is_open_needs_no_pass_and_nothing_else_is",
        ),
        (
            "a WebSocket with a pass in a cookie needs an Origin",
            "X1",
            'scope.get("method", "WEBSOCKET")',
            'scope.get("method", "GET")',
            _GATE + "test_websockets_are_judged_like_changes",
        ),
    ),
)

_STATIC = r'location ~ "^/static(/[A-Za-z0-9_-]+)*/[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\z" {'

NGINX = rows(
    "deploy/nginx/onsale.conf",
    (
        "nginx asks before every request",
        "X1",
        "    auth_request /_onsale/authorize;",
        "    auth_request off;",
        (
            _PROXIES + "test_who_waits_or_is_nobody_sees_the_waiting_room",
            _PROXIES + "test_no_spelling_of_an_address_gets_past_without_an_active_token",
        ),
    ),
    (
        "nginx drops forged names",
        "X1",
        "    proxy_set_header X-Onsale-Visitor $onsale_visitor;\n",
        "",
        (
            _PROXIES + "test_what_the_gateway_says_of_a_visitor_cannot_be_forged",
            _PROXIES + "test_nobody_is_named_where_nobody_was_asked",
        ),
    ),
    (
        "nginx drops headers with underscores",
        "X1",
        "underscores_in_headers off;",
        "underscores_in_headers on;",
        _PROXIES + "test_names_with_underscores_are_dropped",
    ),
    (
        "nginx opens plain addresses alone",
        "X1",
        _STATIC,
        "location /static/ {",
        _PROXIES + "test_no_spelling_of_an_address_gets_past_without_an_active_token",
    ),
    (
        "nginx passes on what it judged",
        "X1",
        "proxy_pass http://onsale_site$uri$is_args$args;",
        "proxy_pass http://onsale_site;",
        _PROXIES + "test_what_is_open_reaches_the_site_as_it_was_judged",
    ),
    (
        "nginx tells the gateway of the visitor's method",
        "X1",
        "        proxy_set_header X-Forwarded-Method $request_method;\n",
        "",
        _PROXIES + "test_a_form_of_another_sites_page_does_not_pass",
    ),
)

GUARDS: tuple[Guard, ...] = (*PASSES, *AUTHORIZE, *GATE, *NGINX)
