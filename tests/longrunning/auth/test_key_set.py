"""Keys from a file, and how a verifier is made."""

import asyncio
import json
import threading
from pathlib import Path

import pytest

from longrunning import Unavailable
from longrunning.auth import InvalidTokenError, JWTVerifier
from longrunning.auth.jwks import KeySetError
from longrunning.auth.key_set import JwksFile
from tests.longrunning.auth.authorization_server import AuthorizationServer
from tests.longrunning.auth.issuer import AUDIENCE, ISSUER, Issuer
from tests.longrunning.conftest import Clock


@pytest.fixture
def path(tmp_path: Path, issuer: Issuer) -> Path:
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps(issuer.jwks))
    return path


def verifier_of(path: Path | str, clock: Clock, **options: object) -> JWTVerifier:
    return JWTVerifier(issuer=ISSUER, audience=AUDIENCE, keys=path, clock=clock, **options)  # type: ignore[arg-type]


async def bearer_of(token: str, verifier: JWTVerifier) -> str:
    caller = await verifier.verify(token)
    assert caller is not None
    return caller.id


async def test_a_file_is_read_again_when_it_changes(
    path: Path, issuer: Issuer, clock: Clock
) -> None:
    verifier = verifier_of(path, clock)
    old = issuer.token()
    assert await bearer_of(old, verifier) == f"{ISSUER}#alice"
    issuer.rotate()
    await asyncio.to_thread(path.write_text, json.dumps(issuer.jwks))
    clock.advance(0.02)
    assert await bearer_of(issuer.token(), verifier) == f"{ISSUER}#alice"
    with pytest.raises(InvalidTokenError, match="there is no key 'key-1'"):
        await verifier.verify(old)


@pytest.mark.parametrize(("seconds", "is_seen"), [(0.0199, False), (0.02, True), (-0.001, True)])
async def test_a_file_is_looked_at_once_in_20_ms(
    path: Path, clock: Clock, seconds: float, is_seen: bool
) -> None:
    file = JwksFile(path, clock=clock)
    assert not file.has_changed
    await asyncio.to_thread(path.write_text, "{")
    assert not file.has_changed
    clock.advance(seconds)
    assert [file.has_changed for _ in range(2)] == [is_seen, is_seen]
    with pytest.raises(KeySetError):
        await file.load()
    clock.advance(1)
    assert not file.has_changed


async def test_nobody_is_let_in_by_a_key_that_is_gone_while_the_file_is_read(
    path: Path, issuer: Issuer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    verifier = verifier_of(path, clock)
    old = issuer.token()
    await verifier.verify(old)
    issuer.rotate()
    await asyncio.to_thread(path.write_text, json.dumps(issuer.jwks))
    clock.advance(0.02)
    begins, ends, read = asyncio.Event(), threading.Event(), Path.read_bytes
    loop = asyncio.get_running_loop()

    def read_slowly(path: Path) -> bytes:
        loop.call_soon_threadsafe(begins.set)
        assert ends.wait(30)
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", read_slowly)
    first = asyncio.create_task(verifier.verify(issuer.token()))
    await begins.wait()
    second = asyncio.create_task(verifier.verify(old))
    await asyncio.wait([second], timeout=0.1)
    ends.set()
    assert await first
    with pytest.raises(InvalidTokenError, match="there is no key 'key-1'"):
        await second


async def test_a_file_that_changes_for_the_worse_is_used_for_its_time(
    path: Path, issuer: Issuer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    verifier = verifier_of(path, clock, key_lifetime=60)
    await verifier.verify(issuer.token())
    await asyncio.to_thread(path.write_text, "{")
    clock.advance(0.02)
    await verifier.verify(issuer.token())
    assert "are not renewed: it is no JSON" in caplog.text
    clock.advance(59.98)
    with pytest.raises(Unavailable):
        await verifier.verify(issuer.token())


async def test_a_token_without_a_key_id_is_checked_with_the_only_key_there_is(
    path: Path, issuer: Issuer, clock: Clock
) -> None:
    verifier = verifier_of(path, clock)
    token = issuer.token(header={"kid": ""})
    assert await bearer_of(token, verifier) == f"{ISSUER}#alice"
    both = [*issuer.jwks["keys"]]
    issuer.rotate()
    await asyncio.to_thread(path.write_text, json.dumps({"keys": [*both, *issuer.jwks["keys"]]}))
    clock.advance(0.02)
    with pytest.raises(InvalidTokenError, match="there is no key ''"):
        await verifier.verify(token)


async def test_whoever_has_a_key_does_not_wait_for_others(
    authorization_server: AuthorizationServer, issuer: Issuer, clock: Clock
) -> None:
    verifier = verifier_of(f"{authorization_server.url}/jwks", clock)
    await verifier.verify(issuer.token())
    clock.advance(400)  # the keys are due, but good still
    authorization_server.held.clear()
    unknown = asyncio.create_task(verifier.verify(issuer.token(header={"kid": "unknown"})))
    while authorization_server.fetches < 2:
        await asyncio.sleep(0.01)
    for _ in range(3):
        await verifier.verify(issuer.token())
    assert not unknown.done()
    authorization_server.held.set()
    with pytest.raises(InvalidTokenError):
        await unknown
    assert authorization_server.fetches == 2


async def test_a_clock_that_is_set_back_does_not_keep_keys_alive(
    authorization_server: AuthorizationServer, issuer: Issuer, clock: Clock
) -> None:
    verifier = verifier_of(f"{authorization_server.url}/jwks", clock)
    await verifier.verify(issuer.token())
    clock.advance(-10)
    await verifier.verify(issuer.token())
    assert authorization_server.fetches == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "it is no JSON"),
        ("[]", "it is no JWKS: expected an object with 'keys', a list"),
        ('{"keys": []}', "none of its keys checks signatures of RS, PS, ES or EdDSA"),
        ('{"keys": [{"kty": "oct", "k": "eA"}]}', "none of its keys checks signatures"),
        ('{"keys": [{"kty": "RSA", "n": 1, "e": "?"}]}', "none of its keys checks signatures"),
        ('{"keys": [{"kty": "EC", "crv": "P-256"}, 7, null]}', "none of its keys checks"),
    ],
)
def test_a_file_that_is_no_key_set_is_refused_at_the_start(
    tmp_path: Path, clock: Clock, content: str, message: str
) -> None:
    path = tmp_path / "jwks.json"
    path.write_text(content)
    with pytest.raises(ValueError, match="jwks") as refused:
        verifier_of(path, clock)
    assert str(refused.value).startswith(f"{path}: {message}")


def test_a_file_that_is_not_there_is_refused_at_the_start(tmp_path: Path, clock: Clock) -> None:
    with pytest.raises(ValueError, match=r"none\.json: it cannot be read: No such file"):
        verifier_of(tmp_path / "none.json", clock)


@pytest.mark.parametrize("algorithms", [[], ["none"], ["HS256"], ["RS256", "HS256"], ["rs256"]])
def test_no_algorithm_is_taken_but_of_public_keys(
    path: Path, clock: Clock, algorithms: list[str]
) -> None:
    with pytest.raises(ValueError, match="expected some of RS256, RS384"):
        verifier_of(path, clock, algorithms=algorithms)
