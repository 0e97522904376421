"""What the benchmark says of arguments that it does not take."""

import sys

import pytest

from benchmarks.serving.__main__ import arguments


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--waiters", "5"], "argument --waiters: '5' is no number from 2000 to 100000"),
        (["--rounds", "0"], "argument --rounds: '0' is no number from 1 to 100"),
        (["--seconds", "-1"], "argument --seconds: '-1' is no number from 1 to 60"),
        (["git"], "argument PART: 'git' is none of get, lists, "),
    ],
)
def test_a_wrong_argument_is_refused_in_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], given: list[str], said: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmark", *given])
    with pytest.raises(SystemExit) as ended:
        arguments()
    assert ended.value.code == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert said in error
    assert len(error) < 200


def test_arguments_are_what_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        sys, "argv", ["benchmark", "waiters", "--waiters", "50000", "--rounds", "1"]
    )
    asked = arguments()
    assert (asked.parts, asked.waiters, asked.rounds, asked.seconds) == (["waiters"], 50_000, 1, 2)
