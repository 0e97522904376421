"""`lro serve`: what it hands to the server, the line when it is ready, and how it ends."""

import re
import sys
import types
from dataclasses import dataclass
from pathlib import Path

import pytest

import longrunning
from longrunning.serving import CertificateFiles, HttpServerKind, TransportLimits


class App:
    """Stands for longrunning.App."""


class StartupError(Exception):
    """Stands for longrunning.serving.StartupError."""


@dataclass(frozen=True)
class DoorAddress:
    service: str
    grpc: str
    http: str


@dataclass(frozen=True)
class Addresses:
    doors: tuple[DoorAddress, ...]
    http_by_host: str | None
    store: str
    tls: bool


@pytest.fixture
def served(tmp_path, monkeypatch):
    """The calls of a stub of `longrunning.serving.serve`; an exception in the list is raised."""
    calls = []

    def serve(apps, *, ready, **options):
        if calls:
            raise calls.pop()
        calls.append((apps, options))
        doors = [
            DoorAddress(f"service-{number}" if number else "", "127.0.0.1:5", "127.0.0.1:6")
            for number, _ in enumerate(apps)
        ]
        secure = options["certificate"] is not None
        ready(Addresses(tuple(doors), options["http_by_host"], "sqlite:///o.db", secure))

    stub = types.ModuleType("longrunning.serving")
    stub.serve, stub.run, stub.StartupError = serve, lambda served: None, StartupError
    stub.CertificateFiles, stub.TransportLimits = CertificateFiles, TransportLimits
    stub.HttpServerKind = HttpServerKind
    monkeypatch.setattr(longrunning, "App", App, raising=False)
    monkeypatch.setattr(longrunning, "serving", stub, raising=False)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", {**sys.modules, "longrunning.serving": stub})
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.chdir(tmp_path)
    module = "from longrunning import App\napp = App()\nboth = [app, App()]\n"
    (tmp_path / "shop.py").write_text(module)
    return calls


READY = "lro: serving gRPC on 127.0.0.1:5 and HTTP on http://127.0.0.1:6, operations in sqlite:///o.db\n"


def test_prints_one_line_when_it_is_ready(lro, served):
    assert lro("serve", "shop:app") == (0, READY, "")
    [(apps, options)] = served
    assert [type(app) for app in apps] == [App]
    assert options == {
        "grpc": "127.0.0.1:50051",
        "http": "127.0.0.1:8080",
        "http_by_host": None,
        "store": None,
        "engine": None,
        "drain": 10.0,
        "allow_unauthenticated": False,
        "metrics": None,
        "certificate": None,
        "limits": TransportLimits(),
        "http_server": HttpServerKind.UVICORN,
    }


def test_hands_its_options_on(lro, served):
    options = ["--grpc", "[::1]:0", "--http", "0.0.0.0:0", "--store", "memory:", "--drain", "1.5"]
    options.append("--allow-unauthenticated")
    assert lro("serve", "shop:app", *options).code == 0
    assert served[0][1] == {
        "grpc": "[::1]:0",
        "http": "0.0.0.0:0",
        "http_by_host": None,
        "store": "memory:",
        "engine": None,
        "drain": 1.5,
        "allow_unauthenticated": True,
        "metrics": None,
        "certificate": None,
        "limits": TransportLimits(),
        "http_server": HttpServerKind.UVICORN,
    }


def test_hands_on_how_to_speak_to_callers(lro, served, monkeypatch):
    monkeypatch.setenv("LRO_TLS_CERT", "tls.crt")
    options = ["--tls-key", "tls.key", "--tls-client-ca", "ca.crt", "--max-connections", "7"]
    options += ["--max-message-bytes", "5000000", "--max-header-bytes", "2048"]
    options += ["--max-waiters", "3", "--max-waiters-per-caller", "2", "--http-server", "granian"]
    code, out, err = lro("serve", "shop:app", *options)
    assert (code, err) == (0, "")
    assert out == READY.replace("http:", "https:")
    assert served[0][1]["certificate"] == CertificateFiles(
        cert=Path("tls.crt"), key=Path("tls.key"), client_ca=Path("ca.crt")
    )
    assert served[0][1]["http_server"] is HttpServerKind.GRANIAN
    assert served[0][1]["limits"] == TransportLimits(
        message_bytes=5_000_000,
        header_bytes=2048,
        connections=7,
        waiters=3,
        waiters_per_caller=2,
    )


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        (["--tls-cert", "a"], "--tls-key"),
        (["--tls-key", "a"], "--tls-cert"),
        (["--tls-client-ca", "a"], "--tls-cert and --tls-key"),
    ],
)
def test_half_of_what_tls_needs_is_one_line(lro, served, given, missing):
    line = f"lro: TLS needs --tls-cert and --tls-key; {missing} not given\n"
    assert lro("serve", "shop:app", *given) == (2, "", line)
    assert served == []


@pytest.mark.parametrize("targets", [["shop:app", "shop:app"], ["shop:both"]])
def test_says_of_several_apps_what_listens_where(lro, served, targets):
    code, out, err = lro("serve", *targets, "--http-by-host", "127.0.0.1:7")
    assert (code, err) == (0, "")
    assert out == (
        "lro: every operation: gRPC on 127.0.0.1:5 and HTTP on http://127.0.0.1:6\n"
        "lro: service-1: gRPC on 127.0.0.1:5 and HTTP on http://127.0.0.1:6\n"
        "lro: serving 2 services, HTTP by Host on http://127.0.0.1:7, operations in sqlite:///o.db\n"
    )


def test_an_error_at_the_start_is_one_line(lro, served):
    served.append(StartupError("port 80 is taken; choose another with --http"))
    assert lro("serve", "shop:app") == (
        2,
        "",
        "lro: port 80 is taken; choose another with --http\n",
    )


def test_an_app_that_cannot_be_loaded_is_one_line(lro, served):
    assert lro("serve", "shop:ap") == (
        2,
        "",
        "lro: shop has no attribute 'ap'; did you mean 'app'?\n",
    )


def test_an_app_that_cannot_be_served_is_one_line(lro, served):
    served.append(TypeError("no\nservicer"))
    code, out, err = lro("serve", "shop:app")
    assert (code, out) == (2, "")
    assert re.fullmatch(
        r"lro: serving shop:app failed: TypeError: no servicer \(\S+test_serve.py, line \d+\)\n",
        err,
    )


def test_an_app_that_leaves_while_it_is_served_is_one_line(lro, served):
    served.append(SystemExit("bye"))
    code, out, err = lro("serve", "shop:app")
    assert (code, out) == (2, "")
    assert re.fullmatch(r"lro: serving shop:app failed: SystemExit: bye \(.*\)\n", err)


def test_debug_shows_the_traceback(lro, served, monkeypatch):
    monkeypatch.setenv("LRO_DEBUG", "1")
    served.append(RuntimeError("oh no"))
    code, _, err = lro("serve", "shop:app")
    assert code == 2
    assert err.startswith("Traceback (most recent call last):")
    assert err.splitlines()[-1].startswith("lro: serving shop:app failed: RuntimeError: oh no (")
