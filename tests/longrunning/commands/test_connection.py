"""Where the server is, whom to trust, and what may be sent there."""

import socket

import grpc
import pytest

from longrunning.commands.connection import Address
from longrunning.commands.failure import Failure
from tests.longrunning.commands.certificates import Authority
from tests.longrunning.commands.fake_operations import FakeOperations, FakeServer, operation

NAME = "operations/x"
SHOWN = f"name      {NAME}\nstate     running\n"


@pytest.mark.parametrize(
    ("text", "loopback"),
    [
        ("localhost:50051", True),
        ("LOCALHOST:50051", True),
        ("127.0.0.1:1", True),
        ("127.8.9.1:1", True),
        ("[::1]:65535", True),
        ("unix:/run/lro.sock", True),
        ("example.com:443", False),
        ("localhost.example.com:443", False),
        ("10.0.0.1:443", False),
        ("0.0.0.0:443", False),
        ("[2001:db8::1]:443", False),
    ],
)
def test_knows_which_addresses_are_this_machine(text, loopback):
    assert Address.parse(text) == Address(target=text, loopback=loopback)


@pytest.mark.parametrize(
    "text",
    ["", "localhost", "localhost:", ":50051", "localhost:0", "a:65536", "::1:50051", "a b:1"],
)
def test_an_address_is_host_and_port(text):
    with pytest.raises(Failure) as caught:
        Address.parse(text)
    assert caught.value.message == (
        f"--address {text!r} is not HOST:PORT, such as localhost:50051 or [::1]:50051"
    )


def test_an_http_address_is_recognised(lro):
    assert lro("get", NAME, "--address", "http://localhost:8080") == (
        2,
        "",
        (
            "lro: --address 'http://localhost:8080' is a URL; lro speaks gRPC and takes HOST:PORT, "
            "such as localhost:50051\n"
        ),
    )


def test_the_option_overrides_the_environment(lro, server, monkeypatch):
    server.servicer.put(operation(NAME))
    monkeypatch.setenv("LRO_ADDRESS", "nowhere")
    assert lro("get", NAME, "--address", server.address) == (0, SHOWN, "")


def test_an_unreachable_server_is_named_with_what_to_check(lro):
    with socket.socket() as reserved:  # bound but not listening: nobody answers there
        reserved.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{reserved.getsockname()[1]}"
        code, out, err = lro("list", "--address", address)
    assert (code, out) == (2, "")
    assert err.startswith(
        f"lro: cannot reach {address}: is the server running there (--address, LRO_ADDRESS), "
        "and without TLS (--ca)? ("
    )
    assert "Connection refused" in err
    assert err.count("\n") == 1


class TestToken:
    def test_goes_to_this_machine_without_tls(self, lro, operations, tmp_path):
        operations.put(operation(NAME))
        file = tmp_path / "token"
        file.write_text("secret-1\n")
        assert lro("get", NAME, "--token-file", file).code == 0
        assert lro("get", NAME).code == 0
        assert operations.tokens == ["Bearer secret-1", None]

    def test_is_read_from_the_file_that_the_environment_names(
        self, lro, operations, tmp_path, monkeypatch
    ):
        operations.put(operation(NAME))
        (tmp_path / "token").write_text("secret-2")
        monkeypatch.setenv("LRO_TOKEN_FILE", str(tmp_path / "token"))
        assert lro("wait", NAME, "--timeout", 0).code == 124
        assert operations.tokens == ["Bearer secret-2"]

    def test_never_travels_in_the_clear(self, lro, tmp_path):
        (tmp_path / "token").write_text("secret")
        assert lro(
            "get", NAME, "--address", "192.0.2.1:443", "--token-file", tmp_path / "token"
        ) == (
            2,
            "",
            (
                "lro: the token is not sent to 192.0.2.1:443 in plaintext; "
                "add --tls or --ca FILE (only an address of this machine may go without)\n"
            ),
        )

    @pytest.mark.parametrize(
        ("content", "line"),
        [
            (None, "lro: --token-file {file} cannot be read: No such file or directory\n"),
            (b" \n", "lro: --token-file {file} is empty; it should hold a token\n"),
            (
                b"one\ntwo\n",
                (
                    "lro: --token-file {file} should hold one token and nothing else, "
                    "without spaces or line breaks in it\n"
                ),
            ),
            (
                b"\xff\xfe",
                (
                    "lro: --token-file {file} should hold one token and nothing else, "
                    "without spaces or line breaks in it\n"
                ),
            ),
        ],
    )
    def test_a_file_without_a_token_is_refused(self, lro, tmp_path, content, line):
        file = tmp_path / "token"
        if content is not None:
            file.write_bytes(content)
        assert lro("list", "--token-file", file) == (2, "", line.format(file=file))


@pytest.fixture(scope="module")
def pem(tmp_path_factory):
    """A folder with `ca`, `cert`, `key`, and things that are not what they should be."""
    folder = tmp_path_factory.mktemp("pem")
    authority, other = Authority(), Authority()
    (folder / "ca").write_bytes(authority.certificate)
    (folder / "other-ca").write_bytes(other.certificate)
    for name, password in (("", None), ("other-", None), ("locked-", b"password")):
        cert, key = authority.issue(password=password)
        (folder / f"{name}cert").write_bytes(cert)
        (folder / f"{name}key").write_bytes(key)
    (folder / "junk").write_bytes(b"\x00junk")
    return folder


class TestTls:
    @pytest.fixture
    def serve(self, pem):
        servers = []

        def start(*, mutual=False):
            pair = ((pem / "key").read_bytes(), (pem / "cert").read_bytes())
            credentials = grpc.ssl_server_credentials(
                [pair], (pem / "ca").read_bytes() if mutual else None, require_client_auth=mutual
            )
            servers.append(FakeServer(FakeOperations(), credentials=credentials))
            servers[-1].servicer.put(operation(NAME))
            return servers[-1]

        yield start
        for server in servers:
            server.stop()

    def test_trusts_the_given_authority(self, lro, serve, pem, tmp_path):
        server = serve()
        (tmp_path / "token").write_text("secret")
        options = ["--address", server.address, "--ca", pem / "ca"]
        assert lro("get", NAME, *options, "--token-file", tmp_path / "token") == (0, SHOWN, "")
        assert server.servicer.tokens == ["Bearer secret"]

    def test_shows_its_own_certificate(self, lro, serve, pem, monkeypatch):
        server = serve(mutual=True)
        for name in ("ca", "cert", "key"):
            monkeypatch.setenv(f"LRO_{name.upper()}", str(pem / name))
        assert lro("get", NAME, "--address", server.address) == (0, SHOWN, "")

    @pytest.mark.parametrize(
        "options", [["--ca", "other-ca"], ["--tls"]], ids=["another authority", "public ones"]
    )
    def test_an_untrusted_server_is_not_spoken_to(self, lro_process, serve, pem, options):
        server = serve()
        code, out, err = lro_process("get", NAME, "--address", server.address, *options, cwd=pem)
        assert (code, out) == (2, "")
        assert err.startswith(
            f"lro: cannot reach {server.address}: does the server speak TLS, "
            "with a certificate for this host that --ca covers, "
            "and without asking for a certificate of ours (--cert, --key)? ("
        )
        assert err.count("\n") == 1

    def test_tls_to_a_plaintext_server_hints_at_tls(self, lro_process, server):
        code, out, err = lro_process("get", NAME, "--address", server.address, "--tls")
        assert (code, out) == (2, "")
        assert err.startswith(
            f"lro: cannot reach {server.address}: does the server speak TLS, "
            "with a certificate for this host that --ca covers, "
            "and without asking for a certificate of ours (--cert, --key)? ("
        )
        assert err.count("\n") == 1

    @pytest.mark.parametrize(
        "command",
        [
            ["list", "projects/p"],
            ["get", NAME],
            ["wait", NAME, "--timeout", "5"],
            ["cancel", NAME],
            ["delete", NAME],
        ],
        ids=lambda command: command[0],
    )
    def test_a_server_that_asks_for_our_certificate_hints_at_it(
        self, lro_process, serve, pem, command
    ):
        server = serve(mutual=True)
        options = ["--address", server.address, "--ca", pem / "ca"]
        code, out, err = lro_process(*command, *options)
        assert (code, out) == (2, "")
        assert err.startswith(f"lro: cannot reach {server.address}: does the server speak TLS, ")
        assert "and without asking for a certificate of ours (--cert, --key)? (" in err
        assert err.count("\n") == 1

    def test_a_certificate_that_the_server_does_not_trust_is_named(self, lro_process, serve, pem):
        server = serve(mutual=True)
        cert, key = Authority().issue()
        (pem / "strange-cert").write_bytes(cert)
        (pem / "strange-key").write_bytes(key)
        options = ["--cert", pem / "strange-cert", "--key", pem / "strange-key"]
        code, out, err = lro_process(
            "get", NAME, "--address", server.address, "--ca", pem / "ca", *options
        )
        assert (code, out) == (2, "")
        assert "that --ca covers, and does it trust the authority of --cert? (" in err

    def test_plaintext_to_a_tls_server_hints_at_tls(self, lro_process, serve):
        server = serve()
        code, out, err = lro_process("get", NAME, "--address", server.address)
        assert (code, out) == (2, "")
        assert err.startswith(f"lro: cannot reach {server.address}: ")
        assert "and without TLS (--ca)?" in err
        assert err.count("\n") == 1

    @pytest.mark.parametrize(
        ("options", "line"),
        [
            (["--ca", "none"], "--ca none cannot be read: No such file or directory"),
            (
                ["--ca", "junk"],
                "--ca junk holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)",
            ),
            (
                ["--ca", "key"],
                "--ca key holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)",
            ),
            (["--cert", "cert"], "--cert is given without --key; mutual TLS needs both"),
            (["--key", "key"], "--key is given without --cert; mutual TLS needs both"),
            (["--cert", "junk", "--key", "key"], "--cert junk holds no certificate in PEM form"),
            (
                ["--cert", "cert", "--key", "other-key"],
                "--key other-key is not the private key (PEM) of the certificate in cert",
            ),
            (
                ["--cert", "cert", "--key", "junk"],
                "--key junk is not the private key (PEM) of the certificate in cert",
            ),
            (
                ["--cert", "locked-cert", "--key", "locked-key"],
                "--key locked-key is encrypted; gRPC needs it without a password",
            ),
        ],
    )
    def test_a_wrong_file_is_named_before_anything_is_sent(
        self, lro, pem, monkeypatch, options, line
    ):
        monkeypatch.chdir(pem)
        assert lro("list", *options) == (2, "", f"lro: {line}\n")
