"""Guards of the plumbing: sizes, forms, what comes back, what is logged, which stores will do."""

from tests.guards.rows import rows

_WEB = "tests/unit/test_web.py::"
_LOGS = "tests/unit/test_logs.py::"
_STORES = "tests/unit/test_stores.py::"
_STORE_FAULTS = "tests/integration/test_gateway_store_faults.py::"
_FAULTS = "tests/integration/test_gateway_faults.py::"
_NO_CREDENTIALS = (
    "tests/integration/test_no_credentials.py::test_no_credential_comes_back_is_logged_or_stored"
)

BODIES = (
    *rows(
        "shared/plumbing.py",
        (
            "a body is of bounded size",
            "O5 S3",
            "client_max_size=max_body_bytes",
            "client_max_size=0",
            (
                _WEB + "test_a_body_is_json_of_bounded_size",
                _WEB + "test_a_body_of_unknown_length_is_bounded_too",
            ),
        ),
    ),
    *rows(
        "shared/web.py",
        (
            "a body says that it is JSON",
            "O5",
            "if not plain and request.content_type != JSON_TYPE:",
            "if False:",
            _WEB + "test_a_body_is_json_of_bounded_size",
        ),
        (
            "a body is JSON and nothing more",
            "O5",
            "msgspec.json.decode(raw, strict=True)",
            '__import__("json").loads(raw)',
            _WEB + "test_a_body_is_json_of_bounded_size",
        ),
        (
            "a body ends in time",
            "S3",
            "async with asyncio.timeout(deadline_s or BODY_DEADLINE_S):",
            "async with asyncio.timeout(None):",
            _WEB + "test_a_body_that_never_ends_is_given_up",
        ),
        (
            "a request line is of bounded length",
            "S3",
            "max_line_size=MAX_LINE_BYTES",
            "max_line_size=1_000_000",
            _WEB + "test_what_the_parser_refuses_is_a_problem_without_an_echo",
        ),
        (
            "a header is of bounded length",
            "S3",
            "max_field_size=MAX_LINE_BYTES",
            "max_field_size=1_000_000",
            _WEB + "test_what_the_parser_refuses_is_a_problem_without_an_echo",
        ),
    ),
)

ANSWERS = rows(
    "shared/web.py",
    (
        "an unknown error is masked",
        "X3",
        'refusal = errors.OnsaleError("Something went wrong on our side; it has been logged.")',
        "refusal = errors.OnsaleError(str(error))",
        _WEB + "test_an_unknown_error_is_masked_and_logged_with_its_request",
    ),
    (
        "a mistake of ours is not said to be a store's",
        "B8",
        "refusal: errors.OnsaleError | None = unavailable(error)",
        "refusal: errors.OnsaleError | None = errors.Unavailable()",
        _WEB + "test_an_unknown_error_is_masked_and_logged_with_its_request",
    ),
    (
        "a request id is ours",
        "X3",
        "    request_id = new_request_id()\n    structlog",
        '    request_id = request.headers.get("X-Request-Id") or new_request_id()\n    structlog',
        _WEB + "test_a_request_id_is_ours_and_never_the_clients",
    ),
    (
        "a log names the route, not the address",
        "X3",
        "{resource.canonical}",
        "{request.path_qs}",
        (
            _WEB + "test_an_unknown_error_is_masked_and_logged_with_its_request",
            _NO_CREDENTIALS,
        ),
    ),
    (
        "only pages of known origins read answers",
        "X1",
        "if origin is None or origin not in known:",
        "if origin is None:",
        _WEB + "test_only_our_origins_are_let_read_answers",
    ),
    (
        "the parser's refusals are problems",
        "X3",
        "server.__class__ = _Server",
        "pass",
        _WEB + "test_what_the_parser_refuses_is_a_problem_without_an_echo",
    ),
    (
        "the parser's refusals do not echo",
        "X3",
        'errors.BadRequest("This is not a valid HTTP request.")',
        "errors.BadRequest(str(exc) + str(message))",
        _WEB + "test_what_the_parser_refuses_is_a_problem_without_an_echo",
    ),
    (
        "what aiohttp refuses by itself is a problem without an echo",
        "X3",
        "if isinstance(resp, web.HTTPException):",
        "if False:",
        "tests/integration/test_odd_requests.py::test_the_gateway_answers_odd_requests",
    ),
    (
        "headers that are too long say so",
        "S3",
        "if isinstance(exc, LineTooLong):",
        "if False:",
        _WEB + "test_what_the_parser_refuses_is_a_problem_without_an_echo",
    ),
    (
        "what the parser refuses is the client's mistake",
        "X3",
        "elif status < HTTPStatus.INTERNAL_SERVER_ERROR:",
        "elif False:",
        _WEB + "test_what_the_parser_refuses_is_a_problem_without_an_echo",
    ),
)

LOGS = rows(
    "shared/logs.py",
    (
        "tracebacks are without local variables",
        "X3",
        "show_locals=False",
        "show_locals=True",
        _LOGS + "test_what_was_sent_is_not_in_messages_local_variables_or_tracebacks",
    ),
    (
        "tracebacks are without messages",
        "X3",
        '_TRACEBACK_SAYS = ("exc_type", "is_cause", "frames")',
        '_TRACEBACK_SAYS = ("exc_type", "exc_value", "is_cause", "frames")',
        _LOGS + "test_what_was_sent_is_not_in_messages_local_variables_or_tracebacks",
    ),
    (
        "libraries' messages are not logged",
        "X3",
        'record.levelno, "library_message",',
        "record.levelno, record.getMessage(),",
        _LOGS + "test_what_was_sent_is_not_in_messages_local_variables_or_tracebacks",
    ),
    (
        "warnings go the way of other messages",
        "X3",
        "logging.captureWarnings(True)",
        "logging.captureWarnings(False)",
        _LOGS + "test_what_was_sent_is_not_in_messages_local_variables_or_tracebacks",
    ),
)

STORES = rows(
    "shared/stores.py",
    (
        "who waited for a connection waits less for the answer",
        "S3",
        "min(REDIS_DEADLINE_S, TOTAL_DEADLINE_S - waited_s)",
        "REDIS_DEADLINE_S",
        _STORE_FAULTS + "test_whoever_waited_for_a_connection_waits_less_for_the_answer",
    ),
    (
        "what Redis does not take at once has a deadline",
        "S3",
        "if writer.transport.get_write_buffer_size() > _SOON_WRITTEN_BYTES:",
        "if False:",
        _STORES + "test_writing_to_a_store_that_reads_nothing_is_bounded",
    ),
    (
        "a connection with an answer left in it is none at hand",
        "S3",
        "if await free[-1].can_read():",
        "if False:",
        _STORES + "test_a_connection_that_says_what_nobody_asked_is_not_used_again",
    ),
    (
        "a full Redis of version 6.2 is away, too",
        "O5",
        " or _REFUSED_IN_SCRIPT.search(said)",
        "",
        _WEB + "test_a_store_that_fails_is_503_and_says_when_to_come_back",
    ),
    (
        "Redis must not evict",
        "S2 O1",
        'elif policy != "noeviction":',
        "elif False:",
        _FAULTS + "test_a_redis_that_evicts_is_refused_at_start",
    ),
    (
        "a script's mistake is no lost connection",
        "B8",
        "if type(error) is ResponseError:",
        "if False:",
        (
            _WEB + "test_a_mistake_of_ours_is_no_failure_of_a_store",
            _WEB + "test_an_unknown_error_is_masked_and_logged_with_its_request",
        ),
    ),
    (
        "a Redis that refuses to serve is away",
        "O5",
        "return Unavailable() if refused else None",
        "return None",
        _WEB + "test_a_store_that_fails_is_503_and_says_when_to_come_back",
    ),
    (
        "a store that fails says when to come back",
        "B8",
        "return Unavailable() if isinstance(error, lost) else None",
        "return None",
        _WEB + "test_a_store_that_fails_is_503_and_says_when_to_come_back",
    ),
)

GUARDS = (*BODIES, *ANSWERS, *LOGS, *STORES)
