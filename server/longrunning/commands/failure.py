"""How a command ends when it cannot do what was asked: one line and an exit code."""

import enum


class ExitCode(enum.IntEnum):
    """What `lro` tells the shell; beyond the first three they follow the customs of Unix."""

    OK = 0
    UNSUCCESSFUL = 1
    """The operation failed or was cancelled."""
    REFUSED = 2
    """Wrong usage, no connection, or the server refused the request."""
    TIMED_OUT = 124
    """`--timeout` is over and the operation still runs, as with timeout(1)."""
    INTERRUPTED = 130
    """Ctrl-C, 128 + SIGINT."""
    BROKEN_PIPE = 141
    """The reader of the output has gone, 128 + SIGPIPE."""


class Failure(Exception):
    """Ends a command: the message goes to stderr as one line, behind `lro: `.

    Attributes:
        message: what is wrong and what would be right.
        exit_code: what the shell is told.
    """

    def __init__(self, message: str, *, exit_code: ExitCode = ExitCode.REFUSED) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code


def one_line(text: str) -> str:
    """Fold the text into one line that cannot move a terminal's cursor or change its colours."""
    return printable(" ".join(text.split()))


def printable(text: str) -> str:
    """Escape what is not for showing: a server's text must not steer the reader's terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
