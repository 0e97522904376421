"""Attacks with tokens, over gRPC and over REST: each is refused, and nobody is told why."""

import base64
import logging
import warnings
from collections.abc import AsyncIterator, Callable

import grpc
import jwt
import pytest

from longrunning.auth import Authenticated, Caller, JWTVerifier
from tests.longrunning.auth.authorization_server import FAULTS, AuthorizationServer
from tests.longrunning.auth.conftest import scan_app, serving
from tests.longrunning.auth.front import Answer, Front, RestFront, bearer
from tests.longrunning.auth.issuer import Issuer, ec_jwk, ec_key, rsa_jwk, rsa_key
from tests.longrunning.conftest import Clock

PARENT = "projects/p/locations/l"


@pytest.fixture
async def front(verifier: JWTVerifier, clock: Clock, protocol: str) -> AsyncIterator[Front]:
    async with serving(scan_app([verifier], Authenticated(), clock), protocol) as front:
        yield front


def assert_unauthenticated(answer: Answer, reason: str, challenge: str) -> None:
    assert (answer.code, answer.reason) == ("UNAUTHENTICATED", reason)
    assert answer.http_status in (None, 401)
    assert answer.challenge == challenge


INVALID = 'Bearer realm="scans", error="invalid_token"'

BAD_TOKENS: dict[str, Callable[[Issuer], str]] = {
    "for another audience": lambda issuer: issuer.token(aud="https://other.example"),
    "for other audiences": lambda issuer: issuer.token(aud=["https://a", "https://b"]),
    "for nobody": lambda issuer: issuer.token(aud=None),
    "of another issuer": lambda issuer: issuer.token(iss="https://evil.example"),
    "of no issuer": lambda issuer: issuer.token(iss=None),
    "not valid yet": lambda issuer: issuer.token(nbf=issuer.now + 31),
    "without an end": lambda issuer: issuer.token(exp=None),
    "with an end that is no number": lambda issuer: issuer.token(exp="soon"),
    "of nobody": lambda issuer: issuer.token(sub=None),
    "of an empty subject": lambda issuer: issuer.token(""),
    "of a subject with a line break": lambda issuer: issuer.token("a\nb"),
    "of a subject with NUL": lambda issuer: issuer.token("a\0b"),
    "of an endless subject": lambda issuer: issuer.token("a" * 256),
    "bound to a key": lambda issuer: issuer.token(cnf={"jkt": "x"}),
    "unsigned": Issuer.unsigned,
    "unsigned, in other letters": lambda issuer: (
        issuer.token(header={"alg": "RS256"}).rsplit(".", 1)[0] + "."
    ),
    "signed with the public key": Issuer.signed_with_the_public_key,
    "tampered with": Issuer.tampered,
    "of an algorithm that is not taken": lambda issuer: jwt.encode(
        issuer.claims(), issuer.key, algorithm="PS256", headers={"kid": issuer.kid}
    ),
    "of a key that only it has": lambda issuer: jwt.encode(
        issuer.claims(), rsa_key(99), algorithm="RS256", headers={"kid": issuer.kid}
    ),
    "with a key of its own": lambda issuer: jwt.encode(
        issuer.claims(),
        rsa_key(99),
        algorithm="RS256",
        headers={"kid": "mine", "jwk": rsa_jwk(rsa_key(99), "mine")},
    ),
    "with the URL of a key of its own": lambda issuer: jwt.encode(
        issuer.claims(), rsa_key(99), algorithm="RS256", headers={"jku": "http://127.0.0.1/"}
    ),
    "that has to be understood": lambda issuer: issuer.token(header={"crit": ["b64"]}),
    "that is none": lambda issuer: "no-token",
    "of deeply nested lists": lambda issuer: ".".join(
        [base64.urlsafe_b64encode(b"[" * 600).rstrip(b"=").decode()] * 3
    ),
    "that is nearly none": lambda issuer: "a.b.c",
    "that has too many parts": lambda issuer: issuer.token() + ".x",
    "not of this alphabet": lambda issuer: "a b",
}


async def test_bad_tokens_are_refused_and_all_look_the_same(front: Front, issuer: Issuer) -> None:
    answers = {
        kind: await front.call("List", PARENT, bearer(make(issuer)))
        for kind, make in BAD_TOKENS.items()
    }
    for kind, answer in answers.items():
        assert (kind, answer.raw) == (kind, answers["unsigned"].raw)
    assert_unauthenticated(answers["unsigned"], "ACCESS_TOKEN_INVALID", INVALID)
    assert answers["unsigned"].message == "The access token is not valid here."


async def test_a_good_token_is_taken(front: Front, issuer: Issuer) -> None:
    assert await front.call("List", PARENT, bearer(issuer.token())) == Answer(
        "OK", http_status=200 if isinstance(front, RestFront) else None
    )


async def test_a_token_may_be_for_several_audiences(front: Front, issuer: Issuer) -> None:
    token = issuer.token(aud=["https://a", "https://scanner.example"])
    assert (await front.call("List", PARENT, bearer(token))).code == "OK"


async def test_a_token_is_good_until_it_expires_and_a_little_longer(
    front: Front, issuer: Issuer, clock: Clock
) -> None:
    token = issuer.token(exp=issuer.now + 60, nbf=issuer.now + 30)
    assert (await front.call("List", PARENT, bearer(token))).code == "OK"
    clock.advance(89.9)
    assert (await front.call("List", PARENT, bearer(token))).code == "OK"
    clock.advance(0.1)
    answer = await front.call("List", PARENT, bearer(token))
    assert_unauthenticated(
        answer,
        "ACCESS_TOKEN_EXPIRED",
        f'{INVALID}, error_description="The access token has expired"',
    )


async def test_only_whoever_has_a_signed_token_is_told_that_it_has_expired(
    front: Front, issuer: Issuer
) -> None:
    forged = jwt.encode(
        issuer.claims(exp=1), rsa_key(99), algorithm="RS256", headers={"kid": issuer.kid}
    )
    for token in (forged, issuer.token(exp=1, aud="https://other.example")):
        answer = await front.call("List", PARENT, bearer(token))
        assert_unauthenticated(answer, "ACCESS_TOKEN_INVALID", INVALID)


@pytest.mark.parametrize("method", ["Get", "List", "Cancel", "Delete", "Wait", "Scan"])
async def test_no_method_is_open(front: Front, method: str) -> None:
    name = PARENT if method in ("List", "Scan") else f"{PARENT}/operations/o"
    answer = await front.call(method, name, [])
    assert_unauthenticated(answer, "CREDENTIALS_MISSING", 'Bearer realm="scans"')


@pytest.mark.parametrize(
    "path", ["google.longrunning.Operations/GetOperation", "grpc.health.v1.Health/Check"]
)
async def test_a_request_that_is_no_message_needs_a_token_too(
    verifier: JWTVerifier, clock: Clock, issuer: Issuer, path: str
) -> None:
    async with serving(scan_app([verifier], Authenticated(), clock), "gRPC") as front:
        call = front._channel.unary_unary(f"/{path}")  # type: ignore[attr-defined]
        for headers, code in (
            ([], grpc.StatusCode.UNAUTHENTICATED),
            (bearer("x"), grpc.StatusCode.UNAUTHENTICATED),
            (bearer(issuer.token(scope="read admin")), grpc.StatusCode.INVALID_ARGUMENT),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await call(b"\xff\xff", metadata=headers, timeout=20)
            assert refused.value.code() is code


@pytest.mark.parametrize(
    ("line", "body"),
    [
        (f"POST /v1/{PARENT}/operations/o:cancel", b"{"),
        (f"POST /v1/{PARENT}/operations/o:wait", b'{"timeout": "soon"}'),
        (f"POST /v1/{PARENT}/scans", b'{"colour": 1}'),
        (f"GET /v1/{PARENT}/operations?pageSize=many", b""),
        (f"GET /v1/{PARENT}/operations/o?colour=1", b""),
        (f"DELETE /v1/{PARENT}/operations/o?alt=xml", b""),
    ],
)
async def test_what_is_wrong_with_a_request_is_told_to_those_with_a_token(
    verifier: JWTVerifier, clock: Clock, issuer: Issuer, line: str, body: bytes
) -> None:
    async with serving(scan_app([verifier], Authenticated(), clock), "REST") as front:
        client = front._client  # type: ignore[attr-defined]
        for headers, status in (
            ([], 401),
            (bearer("x"), 401),
            (bearer(issuer.token(scope="read write delete admin")), 400),
        ):
            reply = await client.request(*line.split(), content=body, headers=headers)
            assert reply.status_code == status, reply.text
            assert ("www-authenticate" in reply.headers) == (status == 401)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR  "])
async def test_the_scheme_is_written_in_any_case(front: Front, issuer: Issuer, scheme: str) -> None:
    headers = [("authorization", f"{scheme} {issuer.token()}")]
    assert (await front.call("List", PARENT, headers)).code == "OK"


@pytest.mark.parametrize(
    ("credentials", "reason"),
    [
        ("{token}", "ACCESS_TOKEN_TYPE_UNSUPPORTED"),
        ("Basic {token}", "ACCESS_TOKEN_TYPE_UNSUPPORTED"),
        ("Bearer:{token}", "ACCESS_TOKEN_TYPE_UNSUPPORTED"),
        ("Bearer\t{token}", "ACCESS_TOKEN_TYPE_UNSUPPORTED"),
        ("Bearer", "ACCESS_TOKEN_INVALID"),
        ("Bearer {token} {token}", "ACCESS_TOKEN_INVALID"),
        ("Bearer {token}, Bearer {token}", "ACCESS_TOKEN_INVALID"),
        ('Bearer "{token}"', "ACCESS_TOKEN_INVALID"),
    ],
)
async def test_credentials_that_are_no_bearer_token_are_refused(
    front: Front, issuer: Issuer, credentials: str, reason: str
) -> None:
    if "\t" in credentials:
        # Neither protocol carries a tab as far as here.
        reason = "CREDENTIALS_MISSING"
        if not isinstance(front, RestFront):
            return
    headers = [("authorization", credentials.format(token=issuer.token()))]
    answer = await front.call("List", PARENT, headers)
    assert (answer.code, answer.reason) == ("UNAUTHENTICATED", reason)


async def test_two_authorization_headers_are_refused(front: Front, issuer: Issuer) -> None:
    for second in (issuer.token("bob"), issuer.token(), "x"):
        answer = await front.call("List", PARENT, bearer(issuer.token()) + bearer(second))
        assert answer.code == "UNAUTHENTICATED"
        assert answer.reason in ("OVERLOADED_CREDENTIALS", "ACCESS_TOKEN_INVALID")


async def test_of_a_verifier_that_fails_clients_learn_nothing(
    clock: Clock, protocol: str, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        async def verify(self, token: str) -> Caller | None:
            raise KeyError("host=db.internal")

    async with serving(scan_app([Broken()], Authenticated(), clock), protocol) as front:
        answer = await front.call("List", PARENT, bearer("x"))
    assert (answer.code, answer.reason) == ("INTERNAL", "TOKEN_CHECK_FAILED")
    assert answer.message == "Internal error."
    assert "db.internal" not in repr(answer.raw)
    assert "a verifier failed for google.longrunning.Operations.ListOperations [" in caplog.text
    assert "db.internal" in caplog.text


async def test_a_huge_token_is_refused_unread(
    verifier: JWTVerifier,
    clock: Clock,
    protocol: str,
    issuer: Issuer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger="longrunning")
    app = scan_app([verifier], Authenticated(), clock, max_token_bytes=1024)
    async with serving(app, protocol) as front:
        assert (await front.call("List", PARENT, bearer(issuer.token()))).code == "OK"
        huge = issuer.token(padding="x" * 1024)
        answer = await front.call("List", PARENT, bearer(huge))
    assert_unauthenticated(answer, "ACCESS_TOKEN_INVALID", INVALID)
    assert "it has more than 1024 bytes" in caplog.text
    assert huge[:100] not in caplog.text


async def test_a_larger_token_than_a_protocol_carries_is_refused(
    front: Front, issuer: Issuer
) -> None:
    headers = bearer("x" * 100_000)
    if isinstance(front, RestFront):
        import httpx

        try:
            answer = await front.call("List", PARENT, headers)
        except (httpx.RemoteProtocolError, ValueError):
            return  # the server has closed the connection, or said so in plain text
        assert answer.http_status in (400, 401, 431)
    else:
        assert (await front.call("List", PARENT, headers)).code == "RESOURCE_EXHAUSTED"


async def test_the_log_says_why_and_never_the_token(
    front: Front, issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="longrunning")
    token = issuer.token(aud="https://other.example")
    await front.call("List", PARENT, bearer(token))
    assert (
        "refused a token for google.longrunning.Operations.ListOperations: "
        "its audience is 'https://other.example'" in caplog.text
    )
    assert token.rsplit(".", 1)[1] not in caplog.text


async def test_a_token_needs_any_one_of_the_scopes_of_the_method(
    front: Front, issuer: Issuer
) -> None:
    for scope in ("read", "everything", "x read", ["read"]):
        token = issuer.token(scope=scope)
        assert (await front.call("List", PARENT, bearer(token))).code == "OK"
        answer = await front.call("Delete", f"{PARENT}/operations/o", bearer(token))
        assert (answer.code, answer.reason) == (
            "PERMISSION_DENIED",
            "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
        )
        assert answer.http_status in (None, 403)
        assert answer.challenge == (
            'Bearer realm="scans", error="insufficient_scope", scope="delete"'
        )
    answer = await front.call("List", PARENT, bearer(issuer.token(scope="readeverything")))
    assert answer.challenge is not None
    assert answer.challenge.endswith('scope="read everything"')


async def test_scopes_hold_for_the_methods_of_the_service_itself(
    front: Front, issuer: Issuer
) -> None:
    answer = await front.call("Scan", PARENT, bearer(issuer.token(scope="read")))
    assert answer.reason == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"
    assert (await front.call("Scan", PARENT, bearer(issuer.token(scope="write")))).code == "OK"


async def test_scopes_may_be_in_scp(front: Front, issuer: Issuer) -> None:
    token = issuer.token(scope=None, scp=["read"])
    assert (await front.call("List", PARENT, bearer(token))).code == "OK"


async def test_a_key_that_rotated_away_is_refused_after_the_lifetime_of_keys(
    front: Front, issuer: Issuer, authorization_server: AuthorizationServer, clock: Clock
) -> None:
    old = issuer.token()
    assert (await front.call("List", PARENT, bearer(old))).code == "OK"
    issuer.rotate()
    authorization_server.jwks = issuer.jwks
    clock.advance(299)
    assert (await front.call("List", PARENT, bearer(old))).code == "OK"
    assert authorization_server.fetches == 1
    clock.advance(301)
    answer = await front.call("List", PARENT, bearer(old))
    assert_unauthenticated(answer, "ACCESS_TOKEN_INVALID", INVALID)


async def test_a_new_key_is_fetched_and_the_old_one_forgotten(
    front: Front, issuer: Issuer, authorization_server: AuthorizationServer, clock: Clock
) -> None:
    old = issuer.token()
    assert (await front.call("List", PARENT, bearer(old))).code == "OK"
    issuer.rotate()
    authorization_server.jwks = issuer.jwks
    clock.advance(11)
    assert (await front.call("List", PARENT, bearer(issuer.token()))).code == "OK"
    answer = await front.call("List", PARENT, bearer(old))
    assert_unauthenticated(answer, "ACCESS_TOKEN_INVALID", INVALID)
    assert authorization_server.fetches == 2


async def test_a_storm_of_unknown_keys_fetches_once_in_a_while(
    front: Front, issuer: Issuer, authorization_server: AuthorizationServer, clock: Clock
) -> None:
    for _ in range(3):
        for number in range(30):
            token = issuer.token(header={"kid": f"unknown-{number}"})
            answer = await front.call("List", PARENT, bearer(token))
            assert_unauthenticated(answer, "ACCESS_TOKEN_INVALID", INVALID)
        clock.advance(10)
    assert authorization_server.fetches == 3
    assert (await front.call("List", PARENT, bearer(issuer.token()))).code == "OK"


@pytest.mark.parametrize("fault", FAULTS)
async def test_keys_that_cannot_be_had_are_no_fault_of_the_caller(
    front: Front,
    issuer: Issuer,
    authorization_server: AuthorizationServer,
    clock: Clock,
    fault: str,
) -> None:
    authorization_server.fault = FAULTS[fault]
    answer = await front.call("List", PARENT, bearer(issuer.token()))
    assert (answer.code, answer.reason) == ("UNAVAILABLE", "TOKEN_CHECK_UNAVAILABLE")
    assert answer.http_status in (None, 503)
    authorization_server.fault = None
    clock.advance(10)
    assert (await front.call("List", PARENT, bearer(issuer.token()))).code == "OK"


async def test_keys_outlive_a_fault_for_their_lifetime_and_no_longer(
    front: Front, issuer: Issuer, authorization_server: AuthorizationServer, clock: Clock
) -> None:
    token = issuer.token()
    assert (await front.call("List", PARENT, bearer(token))).code == "OK"
    authorization_server.fault = FAULTS["an error"]
    for _ in range(5):
        clock.advance(100)
        assert (await front.call("List", PARENT, bearer(token))).code == "OK"
    clock.advance(100)
    assert (await front.call("List", PARENT, bearer(token))).code == "UNAVAILABLE"


@pytest.mark.parametrize("name", ["access_token", "$access_token", "key"])
async def test_a_token_in_the_query_is_refused_and_kept_from_the_log(
    verifier: JWTVerifier,
    clock: Clock,
    issuer: Issuer,
    caplog: pytest.LogCaptureFixture,
    name: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    token = issuer.token()
    async with serving(scan_app([verifier], Authenticated(), clock), "REST") as front:
        for headers in ([], bearer(token)):
            answer = await front.call("List", PARENT, headers, **{name: token})
            assert (answer.code, answer.http_status) == ("INVALID_ARGUMENT", 400)
            assert answer.reason == "CREDENTIAL_IN_QUERY"
            assert "is not taken from the query" in answer.message
            assert token not in str(answer.raw)
    ours = [each for each in caplog.records if not each.name.startswith(("httpx", "httpcore"))]
    assert token not in "".join(each.getMessage() for each in ours)


async def test_elliptic_curves_are_taken_too(
    front: Front, issuer: Issuer, authorization_server: AuthorizationServer
) -> None:
    authorization_server.jwks = {"keys": [*issuer.jwks["keys"], ec_jwk(ec_key(), "curved")]}
    token = jwt.encode(issuer.claims(), ec_key(), algorithm="ES256", headers={"kid": "curved"})
    assert (await front.call("List", PARENT, bearer(token))).code == "OK"


async def test_keys_that_are_too_weak_or_private_or_for_encryption_count_for_nothing(
    front: Front, issuer: Issuer, authorization_server: AuthorizationServer
) -> None:
    weak = rsa_key(98, 1024)
    authorization_server.jwks = {
        "keys": [
            *issuer.jwks["keys"],
            rsa_jwk(weak, "weak"),
            rsa_jwk(rsa_key(99), "private", d="AQAB"),
            rsa_jwk(rsa_key(99), "encryption", use="enc"),
            {"kty": "oct", "kid": "symmetric", "k": "c2VjcmV0"},
            "nonsense",
        ]
    }
    for key, kid in ((weak, "weak"), (rsa_key(99), "private"), (rsa_key(99), "encryption")):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is wrong with the weak one is meant
            token = jwt.encode(issuer.claims(), key, algorithm="RS256", headers={"kid": kid})
        answer = await front.call("List", PARENT, bearer(token))
        assert_unauthenticated(answer, "ACCESS_TOKEN_INVALID", INVALID)
    assert (await front.call("List", PARENT, bearer(issuer.token()))).code == "OK"
