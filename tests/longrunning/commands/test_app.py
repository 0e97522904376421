"""What every command shares: usage errors, the version, a reader that goes away, a quick start."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from longrunning.commands.app import COMMANDS
from tests.longrunning.commands.conftest import LRO
from tests.longrunning.commands.fake_operations import operation


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], r"Missing command; see 'lro --help'"),
        (["lst"], r"No such command 'lst'.*; see 'lro --help'"),
        (["get"], r"Missing argument 'NAME'; see 'lro get --help'"),
        (["get", "a", "b"], r"Got unexpected extra argument(\(s\))? \(b\); see 'lro get --help'"),
        (["get", "a", "--nope"], r"No such option: --nope.*; see 'lro get --help'"),
        (["get", "a", "--ca"], r"Option '--ca' requires an argument; see 'lro get --help'"),
        (["list", "--limit", "0"], r"Invalid value for '--limit': .*; see 'lro list --help'"),
        (["list", "--limit", "2147483648"], r"Invalid value for '--limit': .*2147483647.*"),
        (
            ["list", "--page-size", "99999999999"],
            r"Invalid value for '--page-size': .*2147483647.*",
        ),
        (["list", "--page-size", "-1"], r"Invalid value for '--page-size': .*"),
        (["wait", "a", "--timeout", "soon"], r"Invalid value for '--timeout': .*"),
        (
            ["wait", "a", "--timeout", "inf"],
            r"Invalid value for '--timeout': inf is not a finite number of seconds, 0 or more; .*",
        ),
        (["wait", "a", "--timeout", "nan"], r"Invalid value for '--timeout': .*"),
        (
            ["serve", "a:b", "--drain", "inf"],
            r"Invalid value for '--drain': inf is not a finite number of seconds, 0 or more; .*",
        ),
        (["serve", "a:b", "--drain", "nan"], r"Invalid value for '--drain': .*"),
        (
            ["list", "--all", "--limit", "1"],
            r"--all and --limit exclude each other: give one of them",
        ),
        (
            ["migrate", "postgresql://[::bad"],
            r"malformed PostgreSQL connection parameters: expected postgresql:.*",
        ),
        (["serve"], r"Missing argument 'MODULE:APP'; see 'lro serve --help'"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(lro, arguments, line):
    code, out, err = lro(*arguments)
    assert (code, out) == (2, "")
    assert re.fullmatch(f"lro: {line}\n", err)


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["get", "a\udcff"], "'NAME'"),
        (["wait", "a\udcff"], "'NAME'"),
        (["cancel", "a\udcff"], "'NAME'"),
        (["delete", "a\udcff"], "'NAME'"),
        (["list", "a\udcff"], "'PARENT'"),
        (["list", "--filter", "a\udcff"], "'--filter'"),
        (["get", "a", "--address", "a\udcff"], r"'--address'( \(env var: 'LRO_ADDRESS'\))?"),
        (["routes", "--service-config", "operations_v1", "a\udcff", "/v1"], "'METHOD'"),
        (["routes", "--service-config", "operations_v1", "GET", "a\udcff"], "'PATH'"),
    ],
)
def test_bytes_that_are_not_utf_8_are_refused_with_their_place(lro, arguments, what):
    """Python turns such bytes of a command line into lone surrogates."""
    code, out, err = lro(*arguments)
    assert (code, out) == (2, "")
    assert re.fullmatch(
        rf"lro: Invalid value for {what}: 'a\\xff' is not UTF-8; see 'lro {arguments[0]} --help'\n",
        err,
    )


@pytest.fixture
def shell():
    """Runs a line of shell, in which $LRO is the command."""

    def call(line, **environment):
        done = subprocess.run(
            ["/bin/sh", "-c", line],
            env={**os.environ, "LRO": str(LRO), **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    return call


# Other systems have no such device; on Linux, and so in CI, it always runs.
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a full disk to try with")
class TestOutputThatCannotBeWritten:
    @pytest.mark.parametrize("unbuffered", ["", "1"])
    @pytest.mark.parametrize("command", ["list", "get operations/a", "--help", "--version"])
    def test_is_one_line_and_exit_code_2(self, shell, operations, command, unbuffered):
        operations.put(operation("operations/a"))
        assert shell(f'"$LRO" {command} >/dev/full', PYTHONUNBUFFERED=unbuffered) == (
            2,
            "",
            "lro: cannot write to standard output: No space left on device\n",
        )

    def test_of_an_error_leaves_its_exit_code(self, shell, operations):
        assert shell('"$LRO" get operations/none 2>/dev/full') == (2, "", "")

    def test_stops_a_server_cleanly(self, shell, tmp_path, monkeypatch):
        (tmp_path / "shop.py").write_text(
            "from longrunning import App, MemoryStore, Operations\n"
            "app = App(Operations(MemoryStore()))\n"
        )
        monkeypatch.chdir(tmp_path)
        serve = '"$LRO" serve shop:app --grpc 127.0.0.1:0 --http 127.0.0.1:0'
        code, _, err = shell(f"{serve} >/dev/full")
        assert (code, err.splitlines()[-1:]) == (
            2,
            ["lro: cannot write to standard output: No space left on device"],
        )
        assert "Traceback" not in err


@pytest.mark.parametrize("closed", [">&-", "<&- >&-", "<&- >&- 2>&-"])
def test_a_stream_that_was_closed_takes_what_is_written(shell, operations, closed):
    operations.put(operation("operations/a"))
    assert shell(f'"$LRO" list {closed}') == (0, "", "")
    assert shell(f'"$LRO" --help {closed}') == (0, "", "")


def test_an_error_without_a_stream_for_it_is_still_an_exit_code(shell, operations):
    assert shell('"$LRO" get operations/none 2>&-') == (2, "", "")


def test_help_lists_every_command(lro):
    code, out, err = lro("--help")
    assert (code, err) == (0, "")
    for name in COMMANDS:
        assert re.search(rf"\b{name}\b", out)


@pytest.mark.parametrize("name", ["list", "get", "wait", "cancel", "delete"])
def test_every_command_for_operations_takes_the_connection(lro, name):
    out = lro(name, "--help").out
    for option in ("--address", "--token-file", "--tls", "--ca", "--cert", "--key", "--json"):
        assert option in out


@pytest.mark.parametrize("command", [[LRO], [sys.executable, "-m", "longrunning.commands"]])
def test_is_installed_as_a_command_and_runs_as_a_module(command):
    done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert re.fullmatch(r"lro [0-9]+\.[0-9]+\.[0-9]+\S*\n", done.stdout)
    assert done.stderr == ""


def test_a_reader_that_goes_away_is_met_in_silence(operations, server):
    for number in range(3000):
        operations.put(operation(f"operations/{number}"))
    process = subprocess.Popen(
        [LRO, "list", "--all", "--page-size", "1000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline().startswith("STATE")
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(timeout=20) == 141


def test_help_needs_neither_grpc_nor_the_server():
    program = (
        "import sys, longrunning; before = set(sys.modules)\n"
        "from longrunning.commands.app import run\n"
        "assert run(['--help']) == 0\n"
        "print(sorted({name.split('.')[0] for name in set(sys.modules) - before}), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = set(re.findall(r"'(\w+)'", done.stderr))
    assert "typer" in loaded
    assert not loaded & {"grpc", "google", "grpc_reflection", "uvicorn", "asyncio"}


def test_a_name_that_the_terminal_cannot_show_is_escaped(lro_process, operations, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    operations.put(operation("operations/✓"))
    assert lro_process("get", "operations/✓") == (
        0,
        "name      operations/\\u2713\nstate     running\n",
        "",
    )


@pytest.fixture
def faulty(monkeypatch):
    def fail() -> None:
        raise RuntimeError("oh\nno")

    monkeypatch.setitem(COMMANDS, "delete", fail)


def test_a_fault_of_lro_itself_is_one_line(lro, faulty):
    assert lro("delete") == (
        2,
        "",
        "lro: internal error: RuntimeError: oh no; LRO_DEBUG=1 shows the traceback\n",
    )


def test_a_fault_of_lro_itself_shows_its_traceback_when_asked(lro, faulty, monkeypatch):
    monkeypatch.setenv("LRO_DEBUG", "1")
    code, _, err = lro("delete")
    assert code == 2
    assert err.startswith("Traceback (most recent call last):")
