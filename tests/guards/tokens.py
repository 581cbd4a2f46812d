"""Guards of credentials: what a token must be to be believed, and where it may come from."""

from tests.guards.rows import rows

_QUEUE = "tests/unit/test_queue_token.py::"
_IDENTITY = "tests/unit/test_identity.py::"
_BY_HAND = "tests/unit/test_identity_by_hand.py::"
_CREDENTIALS = "tests/unit/test_credentials.py::"
_HTTP = "tests/integration/test_gateway_http.py::"

_HMAC = "if not key.signed(signed, signature):"

QUEUE_TOKENS = rows(
    "shared/tokens.py",
    (
        "a queue token is of bounded length",
        "S3",
        "if len(token) > MAX_TOKEN_LENGTH:",
        "if False:",
        _QUEUE + "test_a_token_longer_than_any_of_ours_is_refused_unread",
    ),
    (
        "a queue token's alg is HS256",
        "X1",
        'head.alg != "HS256" or key is None',
        "key is None",
        _QUEUE + "test_another_alg_is_refused_even_when_our_signature_fits",
    ),
    (
        "a queue token's kid is one of ours",
        "X1",
        "key = self._keys.get(head.kid)",
        "key = self._keys.get(head.kid, self._key)",
        _QUEUE + "test_a_key_we_do_not_have_is_refused_even_when_our_signature_fits",
    ),
    (
        "a queue token's signature is ours",
        "X1",
        _HMAC,
        "if False:",
        (
            _QUEUE + "test_both_refuse_what_is_not_ours",
            _QUEUE + "test_an_unsigned_token_with_our_kid_is_refused",
        ),
    ),
    (
        "a queue token's issuer is us",
        "X1",
        "found.iss != ISSUER or ",
        "",
        _QUEUE + "test_both_refuse_what_is_not_ours",
    ),
    (
        "a queue token's jti is that of its place",
        "X1 B11",
        "found.jti != place.jti or not exact",
        "not exact",
        _QUEUE + "test_claims_of_another_shape_are_refused_even_when_signed",
    ),
    (
        "a number is exact in Lua",
        "X1 O1",
        "0 < place.number <= MAX_NUMBER and ",
        "",
        _QUEUE + "test_numbers_that_lua_does_not_count_exactly_are_refused",
    ),
    (
        "a generation is exact in Lua",
        "X1 O1",
        " and 0 < place.generation <= MAX_NUMBER",
        "",
        _QUEUE + "test_numbers_that_lua_does_not_count_exactly_are_refused",
    ),
    (
        "no token is not a bad token",
        "X1",
        "        raise required()\n",
        "        raise invalid()\n",
        _HTTP + "test_no_token_is_401",
    ),
    (
        "a token that is not ours proves no place",
        "X1",
        "        raise invalid() from None\n",
        '        return Place("spring-tour", "ann", 1, 1)\n',
        _HTTP + "test_a_forged_token_is_401",
    ),
)

SPELLING = rows(
    "shared/hs256.py",
    (
        "a signature has one spelling",
        "X1",
        "return hmac.compare_digest(self.signature(signed), signature)",
        "return encoded(decoded(signature.replace(b'=', b''))) == self.signature(signed)",
        _QUEUE + "test_a_token_has_one_spelling",
    ),
    (
        "claims have one spelling",
        "X1",
        "if encoded(raw) != segment:",
        "if False:",
        _BY_HAND + "test_claims_have_one_spelling",
    ),
)

IDENTITIES = rows(
    "shared/identity.py",
    (
        "a verdict on an identity ends",
        "X1",
        "if known is not None and known[1] > now:",
        "if known is not None:",
        _IDENTITY + "test_a_verdict_is_kept_no_longer_than_the_token_lives",
    ),
    (
        "a verdict on an identity ends with its token",
        "X1",
        'min(now + CACHE_S, float(claims.get("exp", now + CACHE_S)))',
        "now + CACHE_S",
        _IDENTITY + "test_a_verdict_is_kept_no_longer_than_the_token_lives",
    ),
    (
        "verdicts are kept in a bounded number",
        "S3",
        "while len(self._verified) > self._most:",
        "while False:",
        _IDENTITY + "test_verdicts_are_kept_of_a_bounded_number",
    ),
    (
        "an identity token is of bounded length",
        "S3",
        "if len(token) > MAX_TOKEN_LENGTH:",
        "if False:",
        _IDENTITY + "test_a_token_longer_than_headers_may_be_is_refused_unread",
    ),
    (
        "an identity's alg is HS256",
        "X1",
        'if algorithm == "HS256":\n            return [(secret, "HS256")',
        'if algorithm != "EdDSA":\n            return [(secret, str(algorithm))',
        _IDENTITY + "test_only_hs256_is_believed_also_with_our_secret",
    ),
    (
        "an identity's signature is ours",
        "X1",
        '"verify_aud": False}',
        '"verify_aud": False, "verify_signature": False}',
        (
            _IDENTITY + "test_a_foreign_signature_is_refused",
            _IDENTITY + "test_an_old_secret_is_good_until_it_goes",
        ),
    ),
    (
        "an identity's times are kept",
        "X1",
        '"verify_aud": False}',
        '"verify_aud": False, "verify_exp": False, "verify_nbf": False}',
        _IDENTITY + "test_times_of_the_token_are_kept",
    ),
    (
        "a public key is for its own algorithm",
        "X1",
        "if key.algorithm_name == algorithm and kid in (None, key.key_id)",
        "if kid in (None, key.key_id)",
        _IDENTITY + "test_a_public_key_is_for_its_own_algorithm_and_name",
    ),
    (
        "a public key is for its own name",
        "X1",
        "if key.algorithm_name == algorithm and kid in (None, key.key_id)",
        "if key.algorithm_name == algorithm",
        _IDENTITY + "test_a_public_key_is_for_its_own_algorithm_and_name",
    ),
    (
        "an identity names somebody",
        "X1",
        '_OPTIONS: Any = {"require": ["sub"], ',
        "_OPTIONS: Any = {",
        _IDENTITY + "test_a_sub_that_no_store_takes_is_refused",
    ),
    (
        "a visitor's name is of bounded length",
        "S3",
        "0 < len(visitor) <= MAX_VISITOR_LENGTH and ",
        "",
        _IDENTITY + "test_a_sub_that_no_store_takes_is_refused",
    ),
    (
        "a visitor's name holds no NUL",
        "X1",
        ' and "\\x00" not in visitor',
        "",
        _IDENTITY + "test_a_sub_that_no_store_takes_is_refused",
    ),
    (
        "a visitor's name is text",
        "X1",
        "    except UnicodeEncodeError:",
        "    except KeyError:",
        _IDENTITY + "test_a_sub_of_half_a_character_is_refused",
    ),
    (
        "a name that no store takes is refused",
        "X1",
        "if not storable(visitor):",
        "if False:",
        _IDENTITY + "test_a_sub_that_no_store_takes_is_refused",
    ),
)

CREDENTIALS = rows(
    "shared/credentials.py",
    (
        "an identity's cookie needs the site's Origin",
        "X1",
        "    require_same_origin(request)\n    return identities.identified(cookie)",
        "    return identities.identified(cookie)",
        _CREDENTIALS + "test_a_cookie_from_another_sites_page_is_forbidden",
    ),
    (
        "a queue token's cookie needs the site's Origin",
        "X1",
        "    if cookie is not None:\n        require_same_origin(request)\n",
        "",
        _CREDENTIALS + "test_a_cookie_from_another_sites_page_is_forbidden",
    ),
    (
        "the Origin is the site's own",
        "X1",
        "if not site or site != request.host:",
        "if not site:",
        _CREDENTIALS + "test_a_cookie_from_another_sites_page_is_forbidden",
    ),
    (
        "an Origin that names no site is none",
        "X1",
        "if not site or site != request.host:",
        "if site != request.host:",
        _CREDENTIALS + "test_no_origin_and_no_host_are_not_the_same_site",
    ),
    (
        "a POST is not safe",
        "X1",
        'frozenset({"GET", "HEAD", "OPTIONS"})',
        'frozenset({"GET", "HEAD", "OPTIONS", "POST"})',
        _CREDENTIALS + "test_a_cookie_from_another_sites_page_is_forbidden",
    ),
    (
        "of several rooms' cookies none is guessed",
        "X1",
        "found[0] if len(found) == 1 else None",
        "found[0] if found else None",
        _CREDENTIALS + "test_a_queue_cookie_is_that_of_the_room_or_the_only_one",
    ),
    (
        "an identity's cookie is no queue token",
        "X1",
        " and name != IDENTITY_COOKIE",
        "",
        _CREDENTIALS + "test_a_queue_cookie_is_that_of_the_room_or_the_only_one",
    ),
    (
        "an identity in the header wins",
        "X1",
        '    header = request.headers.get("Authorization")\n    if header is not None:',
        (
            '    header = request.headers.get("Authorization")\n'
            "    if header is not None and not request.cookies:"
        ),
        _CREDENTIALS + "test_the_header_wins_and_a_wrong_header_is_not_made_good_by_a_cookie",
    ),
    (
        "a queue token in the header wins",
        "X1",
        "    header = request.headers.get(QUEUE_TOKEN_HEADER)\n    if header is not None:",
        "    header = request.headers.get(QUEUE_TOKEN_HEADER)\n    if header:",
        _CREDENTIALS + "test_the_header_wins_and_a_wrong_header_is_not_made_good_by_a_cookie",
    ),
    (
        "no operator's key is no operator",
        "X2",
        "        raise OperatorRequired\n",
        "        return\n",
        _CREDENTIALS + "test_nobody_is_nobody",
    ),
    (
        "the operator's key is one of those set",
        "X2",
        "request.app[ADMIN_KEYS] if known.opens_to(given)]",
        "request.app[ADMIN_KEYS]]",
        _CREDENTIALS + "test_every_operators_key_is_good_and_nothing_else",
    ),
    (
        "an operator's key of raw bytes is a wrong one",
        "X2 X3",
        '.encode(errors="surrogateescape")',
        ".encode()",
        "tests/integration/test_odd_requests.py::test_the_gateway_answers_odd_requests",
    ),
    (
        "a credential is a bearer's",
        "X1 X2",
        'if scheme.lower() != "bearer":',
        "if False:",
        _CREDENTIALS + "test_another_scheme_than_bearer_is_refused",
    ),
)

GUARDS = (*QUEUE_TOKENS, *SPELLING, *IDENTITIES, *CREDENTIALS)
