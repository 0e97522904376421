"""Where processes listen together, and that no stranger does."""

import socket

import pytest

from longrunning.serving import StartupError
from longrunning.serving.addresses import Address
from longrunning.serving.ports import Ports


def test_addresses_of_further_apps_are_behind_the_first() -> None:
    ports = Ports.parse(grpc="127.0.0.1:50", http="[::1]:0", http_by_host="a:7", apps=3)
    assert list(map(str, ports.grpc)) == ["127.0.0.1:50", "127.0.0.1:51", "127.0.0.1:52"]
    assert list(map(str, ports.http)) == ["[::1]:0"] * 3
    assert {option: str(address) for option, address in ports.by_option().items()} == {
        "--grpc": "127.0.0.1:50",
        "--http": "[::1]:0",
        "--http-by-host": "a:7",
    }
    assert not ports.shared


def test_held_ports_are_real_and_several_may_listen_there() -> None:
    ports = Ports.parse(grpc="127.0.0.1:0", http="127.0.0.1:0", http_by_host=None, apps=2)
    with ports.held() as held:
        addresses = [*held.grpc, *held.http]
        assert held.shared
        assert held.http_by_host is None
        assert len({address.port for address in addresses} - {0}) == 4
        with (
            addresses[0].listen("--grpc", shared=True) as first,
            addresses[0].listen("--grpc", shared=True) as second,
        ):
            reached: set[socket.socket] = set()
            for _ in range(200):
                with socket.create_connection(first.getsockname()) as client:
                    for listener in (first, second):
                        try:
                            connection, where = listener.accept()
                        except BlockingIOError:
                            continue
                        connection.close()
                        assert where == client.getsockname()
                        reached.add(listener)
            assert reached == {first, second}


def test_a_held_port_is_taken_though_nobody_listens() -> None:
    ports = Ports.parse(grpc="127.0.0.1:0", http="127.0.0.1:0", http_by_host=None, apps=1)
    with ports.held() as held:
        (address,) = held.grpc
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((address.host, address.port))
        for attempt in (address.listen, address.hold):
            with pytest.raises(StartupError, match=r"cannot listen on --grpc .*already in use"):
                attempt("--grpc")
    address.listen("--grpc").close()


@pytest.mark.parametrize("shares", [0, 1])
def test_a_port_where_a_stranger_listens_is_not_held(shares: int) -> None:
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shares)
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        address = Address("127.0.0.1", stranger.getsockname()[1])
        with pytest.raises(StartupError, match=r"cannot listen on --http .*already in use"):
            address.hold("--http")


def test_a_port_whose_last_connections_linger_can_be_held() -> None:
    with (
        Address("127.0.0.1", 0).listen("--http") as listener,
        socket.create_connection(listener.getsockname()),
    ):
        connection, _ = listener.accept()
        connection.close()  # it closes first, so the port lingers in TIME_WAIT
        address = Address("127.0.0.1", listener.getsockname()[1])
    address.hold("--http").close()
