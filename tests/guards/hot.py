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
        "                if secret.signed(signed, signature):",
        "                if True:",
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
        "        and issued <= now_s\n        and type(begun) is int\n        and begun <= now_s\n",
        "        and type(begun) is int\n",
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

_PILE = "tests/unit/test_pile.py::"
_HOT = "tests/integration/test_gateway_hot.py::"
_ORDINARY = _HOT + "test_what_is_not_plain_and_good_goes_the_ordinary_way"

PLAIN = rows(
    "shared/hot.py",
    (
        "a request with a body is read to its end",
        "O5",
        "payload is not EMPTY_PAYLOAD\n",
        "False\n",
        _ORDINARY,
    ),
    (
        "a connection that is to be closed is left to aiohttp",
        "S3",
        "            or message.should_close\n",
        "",
        (_ORDINARY, _HOT + "test_a_connection_that_is_to_be_closed_is_closed"),
    ),
    (
        "an unknown expectation is left to aiohttp",
        "X3",
        "            or hdrs.EXPECT in message.headers\n",
        "",
        _ORDINARY,
    ),
    (
        "what comes while an answer is under way waits for it",
        "X1",
        "        self._waiter, self._aside = None, self._waiter\n",
        "        self._aside = self._waiter\n",
        _HOT + "test_what_comes_while_an_answer_is_under_way_waits_for_it",
    ),
    (
        "what came meanwhile is answered",
        "S3",
        "        if self._messages and not sleeps.done():\n            sleeps.set_result(None)\n",
        "",
        _HOT + "test_what_comes_while_an_answer_is_under_way_waits_for_it",
    ),
    (
        "a bounded number of requests is understood in one turn",
        "S3",
        "self._came[:AT_ONCE], self._came[AT_ONCE:]",
        "self._came, []",
        _PILE + "test_what_came_is_understood_in_its_order_and_a_bounded_number_of_it_in_a_turn",
    ),
    (
        "what a connection does not understand ends that one alone",
        "O5",
        "            except Exception as error:\n",
        "            except KeyError as error:\n",
        _PILE + "test_what_one_does_not_understand_ends_it_alone",
    ),
    (
        "nothing is written to who is gone",
        "S3",
        "            if not transport.is_closing():\n",
        "            if True:\n",
        _PILE + "test_answers_leave_in_their_order_and_not_to_who_is_gone",
    ),
)

HOT_TOKENS = rows(
    "queue_gateway/hot.py",
    (
        "what the hot path does not let through is refused by the handlers",
        "X1",
        "        except OnsaleError:\n            pass",
        "        except ZeroDivisionError:\n            pass",
        _ORDINARY,
    ),
    (
        "a mistake while answering leaves nobody without an answer",
        "S3",
        "        except Exception as error:  # noqa: BLE001 -- as above\n",
        "        except ZeroDivisionError as error:\n",
        _HOT + "test_a_mistake_of_ours_while_answering_is_a_problem_too",
    ),
    (
        "a room that cannot be looked at leaves nobody without an answer",
        "S3",
        "        except Exception as error:  # noqa: BLE001 -- somebody waits for an answer\n",
        "        except ZeroDivisionError as error:\n",
        _HOT + "test_a_room_that_was_not_looked_at_lately_is_looked_at",
    ),
)

GUARDS = (*TOGETHER, *SHARING, *BY_HAND, *PLAIN, *HOT_TOKENS)
