"""Guards of the gates: who may ask what, and what a request must carry."""

from tests.guards import Guard, plumbing, tokens
from tests.guards.rows import rows

_TABLE = "tests/unit/test_booking_gate.py::"
_GATES = "tests/integration/test_booking_gates.py::"
_IDENTITIES = "tests/integration/test_gateway_identities.py::"
_FORWARDING = "tests/integration/test_gateway_forwarding.py::"
_HTTP = "tests/integration/test_gateway_http.py::"
_ACCESS = "tests/integration/test_gateway_access.py::"

_DEFAULT = 'default = Gate.OPERATOR if route.startswith("/v1/admin") else Gate.ACTIVE'

BOOKING = rows(
    "booking_api/gate.py",
    (
        "a route nobody thought of is for ACTIVE tokens",
        "X1",
        _DEFAULT,
        'default = Gate.OPERATOR if route.startswith("/v1/admin") else Gate.OPEN',
        _TABLE + "test_a_route_nobody_thought_of_is_refused_by_default",
    ),
    (
        "an admin route nobody thought of is the operator's",
        "X2",
        _DEFAULT,
        "default = Gate.ACTIVE",
        _TABLE + "test_a_route_nobody_thought_of_is_refused_by_default",
    ),
    (
        "HEAD has the gate of its GET",
        "X1",
        "asked = hdrs.METH_GET if method == hdrs.METH_HEAD else method",
        "asked = method",
        _TABLE + "test_a_head_request_is_guarded_like_its_get",
    ),
    (
        "the operator's gate of the booking API",
        "X2",
        "request[OPERATOR] = require_operator(request)",
        'request[OPERATOR] = Operator("nobody", may_write=True)',
        _GATES + "test_operators_routes_take_the_operators_key_and_nobody_elses",
    ),
    (
        "every gate but the open one asks who",
        "X1",
        "    elif gate is not Gate.OPEN:\n        request[VISITOR] = visitor = identity(request)",
        (
            "    elif gate is not Gate.OPEN:\n"
            "        request[VISITOR] = visitor = "
            'identity(request) if gate is Gate.ACTIVE else "nobody"'
        ),
        _GATES + "test_without_an_identity_everything_is_refused",
    ),
    (
        "only the owner's gate asks for no queue token",
        "X1",
        "if gate is not Gate.OWNER:",
        "if gate is Gate.ACTIVE:",
        _GATES + "test_without_a_queue_token_what_needs_one_is_refused",
    ),
    (
        "the ACTIVE gate asks Redis",
        "X1",
        "await _refusal(request, place) if gate is Gate.ACTIVE else None",
        "await _refusal(request, place) if gate is None else None",
        (
            _GATES + "test_a_waiting_token_opens_only_what_admitted_ones_may",
            _GATES + "test_an_expired_token_still_finishes_what_it_began",
        ),
    ),
    (
        "identity and queue token name one visitor",
        "X1",
        "place.visitor != visitor or await",
        "await",
        _GATES + "test_a_token_of_another_visitor_or_room_is_foreign",
    ),
    (
        "the token is of the room that guards the path",
        "X1",
        " or await _room(request) not in {None, place.room_id}:",
        ":",
        _GATES + "test_a_token_of_another_visitor_or_room_is_foreign",
    ),
    (
        "WAIT is not ACTIVE for the booking API",
        "X1",
        "if found.status == LET_IN:",
        "if found.status in {LET_IN, WAIT}:",
        _GATES + "test_a_waiting_token_opens_only_what_admitted_ones_may",
    ),
    (
        "EXPIRED is not ACTIVE for the booking API",
        "X1",
        "if found.status == LET_IN:",
        "if found.status != WAIT:",
        (
            _GATES + "test_an_expired_token_still_finishes_what_it_began",
            _GATES + "test_an_old_token_is_not_the_place_its_visitor_holds_now",
        ),
    ),
    (
        "a store that is away opens no gate",
        "X1",
        "        return lost\n",
        "        return None\n",
        _GATES + "test_without_redis_only_the_active_gate_is_shut",
    ),
    (
        "an error nobody thought of opens no gate",
        "X1",
        "        if lost is None:\n            raise\n",
        "",
        _GATES + "test_an_error_nobody_thought_of_opens_no_gate",
    ),
    (
        "a refusal gives way to a stored answer alone",
        "X1 O5",
        "    if stored is None:\n        raise refused\n    return stored",
        "    if stored is None:\n        return web.Response()\n    return stored",
        _GATES + "test_the_status_is_looked_at_before_the_body",
    ),
    (
        "which room guards a date is asked again after a while",
        "X1",
        "if known is not None and known[1] > monotonic():",
        "if known is not None:",
        _TABLE + "test_which_room_guards_a_date_is_remembered_for_a_while",
    ),
    (
        "a date's room is not a concert's",
        "X1",
        "known = self._known.get((name, of))",
        "known = next((k for (_, o), k in self._known.items() if o == of), None)",
        _TABLE + "test_which_room_guards_a_date_is_remembered_for_a_while",
    ),
    (
        "rooms of dates are remembered in a bounded number",
        "S3",
        "while len(self._known) > self.SIZE:",
        "while False:",
        _TABLE + "test_what_is_not_there_is_not_remembered_and_what_is_in_a_bounded_number",
    ),
)

GATEWAY = rows(
    "queue_gateway/handlers.py",
    (
        "joining asks who",
        "X1",
        "_nameless(request, room_id, tokens) if anonymous else identified(request, identities)",
        "_nameless(request, room_id, tokens)",
        (
            _HTTP + "test_joining_needs_an_identity",
            _HTTP + "test_a_bad_authorization_is_401",
        ),
    ),
    (
        "another room's token names nobody in an anonymous one",
        "X1",
        "        if place.room_id == room_id:\n",
        "        if place:\n",
        _IDENTITIES + "test_no_other_rooms_token_names_anybody_in_an_anonymous_room",
    ),
    (
        "the token is of the room in the path",
        "X1",
        "if place.room_id != room_id:",
        "if False:",
        (
            _HTTP + "test_a_forged_token_is_401",
            _FORWARDING + "test_a_token_of_another_room_lets_nobody_in",
        ),
    ),
    (
        "scripts of a page cannot read the cookie",
        "X3",
        "        httponly=True,\n",
        "",
        _HTTP + "test_a_browser_keeps_its_place_in_a_cookie",
    ),
    (
        "the cookie stays with its site",
        "X3",
        '        samesite="Lax",\n',
        "",
        _HTTP + "test_a_browser_keeps_its_place_in_a_cookie",
    ),
    (
        "behind TLS the cookie travels by TLS alone",
        "X3",
        "        secure=secure,\n",
        "",
        _ACCESS + "test_behind_tls_the_cookie_is_for_tls_alone",
    ),
    (
        "no cache keeps a token",
        "X3",
        'OWN = {"Cache-Control": "no-store"}',
        "OWN: dict[str, str] = {}",
        _ACCESS + "test_what_is_a_visitors_or_an_operators_own_is_stored_nowhere",
    ),
)

GUARDS: tuple[Guard, ...] = (
    *BOOKING,
    *GATEWAY,
    *tokens.GUARDS,
    *plumbing.GUARDS,
)
