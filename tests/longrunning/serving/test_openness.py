"""Nothing is open by accident."""

import logging

import pytest

from longrunning import App, MemoryStore, Operations
from longrunning.auth import Authenticator, Caller, OwnerOnly
from longrunning.serving import StartupError
from longrunning.serving.addresses import Address
from longrunning.serving.openness import check_openness


class Nobody:
    async def verify(self, token: str) -> Caller | None:
        return None


LOOPBACK = Address("127.0.0.1", 0)


def app(*, authenticated: bool = False) -> App:
    authenticator = Authenticator([Nobody()]) if authenticated else None
    return App(Operations(MemoryStore()), authenticator=authenticator)


def check(apps: list[App], *hosts: str, allow: bool = False) -> None:
    addresses = {f"--{number}": Address(host, 80) for number, host in enumerate(hosts)}
    check_openness(apps, addresses, allow_unauthenticated=allow)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_is_served_without_a_token(host: str) -> None:
    check([app()], host)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 70])
def test_what_is_no_host_is_not_served_either(host: str) -> None:
    with pytest.raises(StartupError, match=f"cannot listen on --1 {host}:80: no such host;"):
        check([app()], "127.0.0.1", host)


# 192.0.2.0/24 and 2001:db8::/32 are for documentation.
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "2001:db8::1"])
def test_other_machines_are_not(host: str, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(StartupError) as refused:
        check([app()], "127.0.0.1", host)
    shown = f"[{host}]" if ":" in host else host
    assert str(refused.value) == (
        f"--1 {shown}:80 can be reached from other machines, and the App lets everyone in: "
        "give it an authenticator, serve on 127.0.0.1, or say --allow-unauthenticated"
    )
    check([app(authenticated=True)], host)
    with caplog.at_level(logging.WARNING):
        check([app()], "127.0.0.1", host, allow=True)
    assert [each.getMessage() for each in caplog.records] == [
        f"--1 {shown}:80 lets everyone in who can reach it"
    ]


def test_whoever_asks_for_certificates_does_not_let_everyone_in() -> None:
    check_openness([app()], {"--http": Address("0.0.0.0", 80)}, asks_for_certificates=True)


def test_one_app_without_authentication_opens_the_process() -> None:
    with pytest.raises(StartupError, match="can be reached from other machines"):
        check([app(authenticated=True), app()], "0.0.0.0")


def test_the_service_that_is_open_is_named() -> None:
    operations = Operations(MemoryStore())
    open_app = App(operations, service=operations.for_service("dataproc_v1"))
    with pytest.raises(StartupError, match=r"and the App of dataproc\.googleapis\.com lets"):
        check([open_app], "0.0.0.0")


@pytest.mark.parametrize("allow", [False, True])
def test_an_authorizer_has_to_be_told_who_calls(allow: bool) -> None:
    guarded = App(Operations(MemoryStore(), authorizer=OwnerOnly()))
    with pytest.raises(StartupError, match="give it one, App\\(\\.\\.\\., authenticator"):
        check([guarded], "127.0.0.1", allow=allow)
