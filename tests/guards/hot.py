"""Guards of what makes many requests cheap: sharing calls, and reading tokens by hand."""

from tests.guards.rows import rows

_TOGETHER = "tests/unit/test_together.py::"
_BY_HAND = "tests/unit/test_identity_by_hand.py::"
_FAULTS = "tests/integration/test_gateway_faults.py::"

TOGETHER = rows(
    "shared/together.py",
    (
        "a shared call is for a bounded number",
        "S3",
        "while line.waiting and len(line.sent) < self._most:",
        "while line.waiting:",
        _TOGETHER + "test_a_call_is_for_no_more_than_so_many_and_in_the_order_of_asking",
    ),
    (
        "a bounded number waits behind a shared call",
        "S3",
        "elif len(line.waiting) >= self._waiting:",
        "elif False:",
        _TOGETHER + "test_more_than_so_many_who_wait_are_told_at_once",
    ),
    (
        "nobody waits for a shared call without end",
        "S3",
        "if one.until > now:",
        "if True:",
        _TOGETHER + "test_who_waited_too_long_is_told_so_whether_sent_or_not",
    ),
    (
        "a shared call that failed, failed for those in it alone",
        "O5",
        "        sent = line.sent\n        answers:",
        "        sent = [*line.sent, *line.waiting]\n        answers:",
        _TOGETHER + "test_a_failed_call_fails_for_those_in_it_alone",
    ),
    (
        "of a shared call each hears their own answer",
        "X1",
        "answers = call.result()",
        "answers = list(call.result())[::-1]",
        (
            _TOGETHER + "test_all_who_ask_in_one_turn_share_one_call",
            _TOGETHER + "test_an_answer_that_is_an_error_is_raised_for_that_one_alone",
        ),
    ),
    (
        "a shared call answers for each",
        "X1",
        "if len(answers) != len(asked):",
        "if False:",
        _TOGETHER + "test_too_few_answers_are_nobodys",
    ),
    (
        "who went away is not asked for",
        "O5",
        "            if one.done is not None:\n                line.sent.append(one)",
        "            line.sent.append(one)",
        _TOGETHER + "test_who_goes_away_disturbs_nobody_and_is_not_asked_for",
    ),
    (
        "what one does with its answer fails for that one alone",
        "O5",
        "        except Exception:\n            log.exception",
        "        except KeyError:\n            log.exception",
        _TOGETHER + "test_what_one_does_with_its_answer_is_not_the_others_business",
    ),
    (
        "at the end nobody is left waiting",
        "S3",
        "                one.tell(Unavailable())\n",
        "                pass\n",
        _TOGETHER + "test_at_the_end_all_are_told_and_no_call_is_left",
    ),
)

_REFUSED_WHOLE = _FAULTS + "test_a_full_redis_serves_whom_it_can_of_those_who_ask_together"

SHARING = (
    *rows(
        "shared/places.py",
        (
            "a status that the store refuses is refused for that one alone",
            "O5",
            "        except ResponseError:\n",
            "        except ZeroDivisionError:\n",
            _REFUSED_WHOLE,
        ),
    ),
    *rows(
        "queue_gateway/room.py",
        (
            "a join that the store refuses is refused for that one alone",
            "O5",
            "        except ResponseError:\n",
            "        except ZeroDivisionError:\n",
            _REFUSED_WHOLE,
        ),
    ),
)

BY_HAND = rows(
    "shared/identity.py",
    (
        "by hand, an identity's signature is ours",
        "X1",
        "if not any(secret.signed(signed, signature) for secret in self._by_hand):",
        "if False:",
        (
            _BY_HAND + "test_what_the_library_refuses_is_not_believed_by_hand",
            _BY_HAND + "test_no_changed_token_is_believed_by_hand",
        ),
    ),
    (
        "by hand, an identity's alg is HS256",
        "X1",
        'return header.get("alg") == "HS256" and named',
        "return named",
        _BY_HAND + "test_what_the_library_refuses_is_not_believed_by_hand",
    ),
    (
        "by hand, an identity asks for nothing critical",
        "X1",
        " and header.keys() <= _PLAIN",
        "",
        _BY_HAND + "test_what_the_library_refuses_is_not_believed_by_hand",
    ),
    (
        "by hand, an identity's kid is a name",
        "X1",
        " and named and header",
        " and header",
        _BY_HAND + "test_what_the_library_refuses_is_not_believed_by_hand",
    ),
    (
        "by hand, an identity has begun",
        "X1",
        "type(at) is int and at <= now_s for at in begun",
        "type(at) is int for at in begun",
        _BY_HAND + "test_what_the_library_refuses_is_not_believed_by_hand",
    ),
    (
        "by hand, an identity has not ended",
        "X1",
        "        and until > now_s\n",
        "",
        _BY_HAND + "test_what_the_library_refuses_is_not_believed_by_hand",
    ),
    (
        "by hand, an identity names somebody",
        "X1",
        '        and isinstance(claims.get("sub"), str)\n',
        "",
        _BY_HAND + "test_what_the_library_refuses_is_not_believed_by_hand",
    ),
    (
        "a public key is no secret",
        "X1",
        " for secret in secrets if _is_a_secret(secret)]",
        " for secret in secrets]",
        _BY_HAND + "test_a_secret_that_is_a_public_key_signs_nothing",
    ),
    (
        "headers are remembered in a bounded number",
        "S3",
        "if len(self._plain_headers) < PLAIN_HEADERS:",
        "if True:",
        _BY_HAND + "test_headers_are_remembered_in_a_bounded_number",
    ),
)

GUARDS = (*TOGETHER, *SHARING, *BY_HAND)
