"""Reading a filter's text: spaces, words, quoted strings, and where the reader stands.

Spec: AIP-160, the lexical part of its EBNF; which characters end a bare word is ours.
"""

import re

from longrunning.errors import InvalidArgument
from longrunning.filters.syntax import KEYWORDS, Value

SPACES = " \t\r\n"
QUOTES = "\"'"

# A bare value runs on through dots, slashes and colons, so that resource names, type URLs and
# timestamps need no quotes; a field's name ends at each dot and at each comparator.
_SEGMENT = re.compile(r"""(?:\\.|!(?!=)|[^\s.,()"':=<>!\\])+""", re.DOTALL)
_VALUE = re.compile(r"""(?:\\.|!(?!=)|[^\s,()"'=<>!\\])+""", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)|\*", re.DOTALL)
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t"}


def invalid(message: str, *, column: int) -> InvalidArgument:
    """Returns the error of a filter, naming the column where it is wrong.

    Args:
        message: what is wrong, and what would be right.
        column: where in the filter, from 1.
    """
    return InvalidArgument(
        f"The filter is wrong at column {column}: {message}",
        field="filter",
        reason="INVALID_FILTER",
        metadata={"column": str(column)},
    )


def shown(text: str) -> str:
    """Returns `text` as an error message quotes it: printable, and short however long it is."""
    return repr(text if len(text) <= 60 else f"{text[:57]}...")


class Cursor:
    """A place in a filter's text, which moves from the left to the right."""

    __slots__ = ("position", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    @property
    def column(self) -> int:
        """Where it stands, from 1."""
        return self.position + 1

    def at_end(self) -> bool:
        """Whether there is no more text."""
        return self.position >= len(self.text)

    def peek(self, length: int = 1) -> str:
        """Returns the next `length` characters, fewer at the end, without moving."""
        return self.text[self.position : self.position + length]

    def skip_spaces(self) -> bool:
        """Moves behind the spaces; returns whether there were any."""
        start = self.position
        while not self.at_end() and self.text[self.position] in SPACES:
            self.position += 1
        return self.position > start

    def take(self, expected: str) -> bool:
        """Moves behind `expected` if it stands here; returns whether it did."""
        if not self.text.startswith(expected, self.position):
            return False
        self.position += len(expected)
        return True

    def word(self) -> str:
        """Returns the bare word that stands here, without moving; empty if there is none."""
        match = _SEGMENT.match(self.text, self.position)
        return match[0] if match else ""

    def keyword(self) -> str:
        """Returns the keyword that stands here, without moving; empty if there is none."""
        word = self.word()
        return word if word in KEYWORDS else ""

    def take_segment(self) -> Value | None:
        """Moves behind the bare or quoted name that stands here and returns it."""
        return self._take_quoted() or self._take_bare(_SEGMENT)

    def take_value(self) -> Value | None:
        """Moves behind the bare or quoted value that stands here and returns it."""
        return self._take_quoted() or self._take_bare(_VALUE)

    def _take_bare(self, pattern: re.Pattern[str]) -> Value | None:
        match = pattern.match(self.text, self.position)
        if match is None:
            return None
        value = self._unescaped(match[0], column=self.column)
        self.position = match.end()
        return value

    def _take_quoted(self) -> Value | None:
        quote = self.peek()
        if not quote or quote not in QUOTES:
            return None
        end = self.position + 1
        while end < len(self.text) and self.text[end] != quote:
            end += 2 if self.text[end] == "\\" else 1
        if end >= len(self.text):
            raise invalid(
                f"the string that begins here lacks its closing {quote}.", column=self.column
            )
        inside = self._unescaped(self.text[self.position + 1 : end], column=self.column + 1)
        value = Value(pieces=inside.pieces, column=self.column)
        self.position = end + 1
        return value

    def _unescaped(self, raw: str, *, column: int) -> Value:
        pieces = [""]
        last = 0
        for match in _ESCAPED.finditer(raw):
            pieces[-1] += raw[last : match.start()]
            last = match.end()
            escaped = match[1]
            if escaped is None:
                pieces.append("")
            elif escaped in _CONTROLS or not escaped.isalnum():
                pieces[-1] += _CONTROLS.get(escaped, escaped)
            else:
                raise invalid(
                    f"{shown(match[0])} is no escape; write \\\\ for a backslash.",
                    column=column + match.start(),
                )
        pieces[-1] += raw[last:]
        return Value(pieces=tuple(pieces), column=column)
