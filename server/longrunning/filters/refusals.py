"""What is said to a client whose filter cannot be read: what is wrong, and what would be right."""

from longrunning.errors import InvalidArgument
from longrunning.filters.cursor import QUOTES, Cursor, invalid, shown
from longrunning.filters.syntax import KEYWORDS, Value

# What other languages call our operators; as bare words they would quietly search for themselves.
_FOREIGN = {"&&": "AND", "||": "OR", "&": "AND", "|": "OR", "!": "NOT"}
# Fields of Operation that alone would be searched for as words, where presence was surely meant.
_MESSAGES = frozenset({"error", "metadata", "response"})


def unexpected(cursor: Cursor, expected: str = "") -> InvalidArgument:
    """Returns the error of the character at the cursor, where something else was `expected`."""
    column = cursor.column
    if cursor.at_end():
        return invalid(f"the filter ends where {expected} was expected.", column=column)
    character = cursor.peek()
    if character == ",":
        return invalid("a comma joins nothing; write AND or OR.", column=column)
    if character in QUOTES:
        return invalid("a quotation mark inside a word; put all of it in quotes.", column=column)
    if character == "\\":
        return invalid(
            "a backslash that escapes nothing; write \\\\ for a backslash.", column=column
        )
    if expected:
        return invalid(f"{expected} was expected, not {shown(character)}.", column=column)
    return invalid(
        f"{shown(character)} cannot stand here; a value that has one needs quotes.", column=column
    )


def refuse_keyword(cursor: Cursor, expected: str) -> None:
    """Raises if a keyword is at the cursor, where something else was `expected`."""
    if keyword := cursor.keyword():
        raise invalid(
            f"{expected} was expected, not {keyword}; put it in quotes if it is one.",
            column=cursor.column,
        )


def refuse_function(cursor: Cursor, name: Value) -> None:
    """Raises if `name`, which ends at the cursor, is called."""
    if cursor.peek() == "(":
        raise invalid(
            f"there are no functions here, so {shown(name.text)} cannot be called; compare a field "
            "with a value.",
            column=name.column,
        )


def refuse_index(cursor: Cursor, name: Value) -> None:
    """Raises if `name` picks an element of a list."""
    if "[" in name.text and cursor.text[name.column - 1] not in QUOTES:
        raise invalid(
            "a filter cannot pick one element of a list; : asks whether any is equal.",
            column=name.column + name.text.index("["),
        )


def refuse_word(word: str, *, column: int) -> None:
    """Raises if a bare word would be searched for and was surely meant otherwise."""
    operator = _FOREIGN.get(word, word.upper())
    if word in _FOREIGN or operator in KEYWORDS:
        raise invalid(
            f"{shown(word)} is no operator; write {operator}, or put the word in quotes to search "
            "for it.",
            column=column,
        )
    if word.startswith("!"):
        raise invalid("! negates nothing; write NOT or -.", column=column)
    if word in _MESSAGES:
        raise invalid(
            f"{word} alone asks nothing; write {word}:* to ask whether it is there, or put the "
            "word in quotes to search for it.",
            column=column,
        )
