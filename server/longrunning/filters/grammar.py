"""The grammar of filters, as a parser by recursive descent: one method for each production.

    filter      = [ expression ]
    expression  = sequence { "AND" sequence }
    sequence    = factor { factor }                        juxtaposition is AND
    factor      = term { "OR" term }                       OR binds tighter than AND
    term        = [ "NOT" | "-" ] simple
    simple      = restriction | "(" expression ")"
    restriction = member [ comparator arg ]
    member      = value { "." field }
    comparator  = "<=" | "<" | ">=" | ">" | "!=" | "=" | ":"
    arg         = literal | "(" expression ")"             each literal in it takes the comparator
    value       = TEXT | STRING
    field       = value | keyword
    literal     = TEXT with dots, slashes and colons | STRING

Spec: AIP-160 and its EBNF. Functions are recognised, to be refused. What is wider than the EBNF is
what clients write: a literal runs on through dots, slashes and colons, and `NOT(` is a negation.
"""

from collections.abc import Callable

from longrunning.errors import InvalidArgument
from longrunning.filters.cursor import QUOTES, SPACES, Cursor, invalid, shown
from longrunning.filters.syntax import (
    EVERYTHING,
    KEYWORDS,
    Comparator,
    Expression,
    Not,
    Restriction,
    Search,
    Value,
    conjunction,
    disjunction,
)

MAX_LENGTH = 16 * 1024
MAX_DEPTH = 50
MAX_NAMES = 32
MAX_RESTRICTIONS = 500

# Longest first: `<=` must not be read as `<`.
_COMPARATORS = sorted(Comparator, key=lambda comparator: -len(comparator.value))
# What other languages call our operators; as bare words they would quietly search for themselves.
_FOREIGN = {"&&": "AND", "||": "OR", "&": "AND", "|": "OR", "!": "NOT"}

_PRESENCE = frozenset({Comparator.EQUALS, Comparator.NOT_EQUALS, Comparator.HAS})
# Operation's own fields that say something alone: `NOT done`.
_BOOLEANS = frozenset({"done"})


def parse_expression(text: str) -> Expression:
    """Parses a filter, knowing nothing yet of the fields that it names.

    Args:
        text: the filter as the client wrote it.

    Raises:
        InvalidArgument: it is no filter, or is too long or too deeply nested.
    """
    if len(text) > MAX_LENGTH:
        raise invalid(
            f"a filter may have {MAX_LENGTH} characters, this one has {len(text)}.",
            column=MAX_LENGTH + 1,
        )
    return _Parser(text).filter()


class _Parser:
    def __init__(self, text: str) -> None:
        self.cursor = Cursor(text)
        self.depth = 0
        self.restrictions = 0
        # In the parentheses behind a comparator: makes a restriction of a literal.
        self.compare: Callable[[Value], Restriction] | None = None

    def filter(self) -> Expression:
        self.cursor.skip_spaces()
        if self.cursor.at_end():
            return EVERYTHING
        expression = self.expression()
        if self.cursor.at_end():
            return expression
        if self.cursor.peek() == ")":
            raise invalid("this ) closes nothing.", column=self.cursor.column)
        raise self.unexpected()

    def expression(self) -> Expression:
        sequences = [self.sequence()]
        while self.keyword("AND"):
            sequences.append(self.sequence())
        return conjunction(*sequences)

    def sequence(self) -> Expression:
        factors = [self.factor()]
        while (
            not self.cursor.at_end() and self.cursor.peek() != ")" and self.next_keyword() != "AND"
        ):
            factors.append(self.factor())
        return conjunction(*factors)

    def factor(self) -> Expression:
        terms = [self.term()]
        while self.keyword("OR"):
            terms.append(self.term())
        return disjunction(*terms)

    def term(self) -> Expression:
        if self.keyword("NOT"):
            return Not(operand=self.simple())
        if self.cursor.peek() == "-" and not self.is_negative_number():
            self.cursor.take("-")
            if self.cursor.at_end() or self.cursor.peek() in SPACES:
                raise invalid(
                    "- stands directly before what it negates; NOT may have a space behind it.",
                    column=self.cursor.column - 1,
                )
            return Not(operand=self.simple())
        return self.simple()

    def simple(self) -> Expression:
        if self.cursor.peek() == "(":
            return self.composite()
        self.restrictions += 1
        if self.restrictions > MAX_RESTRICTIONS:
            raise invalid(
                f"a filter may have {MAX_RESTRICTIONS} comparisons, and this is one more.",
                column=self.cursor.column,
            )
        if self.compare is not None:
            return self.compare(self.literal())
        return self.restriction()

    def composite(self) -> Expression:
        opening = self.cursor.column
        self.cursor.take("(")
        self.cursor.skip_spaces()
        if self.cursor.peek() == ")":
            raise invalid("there is nothing between these parentheses.", column=opening)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise invalid(f"parentheses may be nested {MAX_DEPTH} deep.", column=opening)
        expression = self.expression()
        self.depth -= 1
        if not self.cursor.take(")"):
            if self.cursor.at_end():
                raise invalid("this ( is never closed.", column=opening)
            raise self.unexpected()
        self.cursor.skip_spaces()
        return expression

    def restriction(self) -> Expression:
        start = self.cursor.position
        quoted = self.cursor.peek() in tuple(QUOTES)
        names = self.member()
        end = self.cursor.position
        spaced = self.cursor.skip_spaces()
        comparator = self.comparator()
        if comparator is None:
            if not spaced:
                self.expect_separation()
            return self.bare(names, self.cursor.text[start:end], quoted=quoted)
        self.check_path(names)
        path = tuple(name.text for name in names)
        columns = tuple(name.column for name in names)

        def compare(value: Value) -> Restriction:
            if value.is_wildcard and comparator not in _PRESENCE:
                raise invalid(
                    f"* alone asks whether there is anything; {comparator.value} takes a value.",
                    column=value.column,
                )
            return Restriction(path=path, comparator=comparator, value=value, columns=columns)

        return self.arg(comparator, compare)

    def check_path(self, names: list[Value]) -> None:
        if len(names) > MAX_NAMES:
            raise invalid(f"a path may have {MAX_NAMES} names.", column=names[MAX_NAMES].column)
        for name in names:
            written_bare = self.cursor.text[name.column - 1] not in QUOTES
            if written_bare and "[" in name.text:
                raise invalid(
                    "a filter cannot pick one element of a list; : asks whether any is equal.",
                    column=name.column + name.text.index("["),
                )

    def member(self) -> list[Value]:
        self.refuse_keyword("a field")
        first = self.cursor.take_segment()
        if first is None:
            raise self.unexpected("a field or a value")
        self.refuse_function(first)
        names = [first]
        while self.cursor.take("."):
            name = self.cursor.take_segment()
            if name is None:
                raise self.unexpected("the name of a field behind the dot")
            self.refuse_function(name)
            names.append(name)
        return names

    def bare(self, names: list[Value], written: str, *, quoted: bool) -> Expression:
        """A member without a comparator: a search for it as a literal."""
        column = names[0].column
        if not quoted:
            hint = _FOREIGN.get(written, written.upper())
            if written in _FOREIGN or hint in KEYWORDS:
                raise invalid(
                    f"{shown(written)} is no operator; write {hint}, or put the word in quotes "
                    "to search for it.",
                    column=column,
                )
            if written.startswith("!"):
                raise invalid("! negates nothing; write NOT or -.", column=column)
        pieces = names[0].pieces
        for name in names[1:]:
            pieces = (*pieces[:-1], f"{pieces[-1]}.{name.pieces[0]}", *name.pieces[1:])
        if len(names) == 1 and not quoted and written in _BOOLEANS:
            return Restriction(
                path=(written,),
                comparator=Comparator.EQUALS,
                value=Value(pieces=("true",), column=column),
                columns=(column,),
            )
        return Search(value=Value(pieces=pieces, column=column))

    def comparator(self) -> Comparator | None:
        column = self.cursor.column
        for comparator in _COMPARATORS:
            if self.cursor.take(comparator.value):
                if self.cursor.peek() in ("=", "<", ">", "~"):
                    written = comparator.value + self.cursor.peek()
                    raise invalid(
                        f"{shown(written)} is no comparator; there are = != < <= > >= and :.",
                        column=column,
                    )
                self.cursor.skip_spaces()
                return comparator
        return None

    def arg(self, comparator: Comparator, compare: Callable[[Value], Restriction]) -> Expression:
        if self.cursor.at_end() or self.cursor.peek() == ")":
            raise invalid(
                f"a value was expected behind {comparator.value}.", column=self.cursor.column
            )
        if self.cursor.peek() != "(":
            return compare(self.literal())
        self.compare = compare
        self.restrictions -= 1
        expression = self.composite()
        self.compare = None
        return expression

    def literal(self) -> Value:
        self.refuse_keyword("a value")
        value = self.cursor.take_value()
        if value is None:
            raise self.unexpected("a value")
        self.refuse_function(value)
        if not self.cursor.skip_spaces():
            self.expect_separation()
        return value

    def next_keyword(self) -> str:
        word = self.cursor.word()
        return word if word in KEYWORDS else ""

    def keyword(self, keyword: str) -> bool:
        if self.next_keyword() != keyword:
            return False
        column = self.cursor.column
        self.cursor.take(keyword)
        self.cursor.skip_spaces()
        if self.cursor.at_end() or self.cursor.peek() == ")":
            raise invalid(f"something was expected behind {keyword}.", column=column)
        return True

    def is_negative_number(self) -> bool:
        """Whether a minus sign among the values in parentheses belongs to a number."""
        following = self.cursor.peek(2)[1:]
        return self.compare is not None and (following.isdigit() or following == ".")

    def refuse_keyword(self, expected: str) -> None:
        if keyword := self.next_keyword():
            raise invalid(
                f"{expected} was expected, not {keyword}; put it in quotes if it is one.",
                column=self.cursor.column,
            )

    def refuse_function(self, name: Value) -> None:
        if self.cursor.peek() == "(":
            raise invalid(
                f"there are no functions here, so {shown(name.text)} cannot be called; "
                "compare a field with a value.",
                column=name.column,
            )

    def expect_separation(self) -> None:
        if not self.cursor.at_end() and self.cursor.peek() != ")":
            raise self.unexpected()

    def unexpected(self, expected: str = "") -> InvalidArgument:
        """What is wrong with the character that stands here."""
        cursor = self.cursor
        if cursor.at_end():
            return invalid(f"the filter ends where {expected} was expected.", column=cursor.column)
        character = cursor.peek()
        if character == ",":
            message = "a comma joins nothing; write AND or OR."
        elif character in "\"'":
            message = "a quotation mark inside a word; put all of it in quotes."
        elif character == "\\":
            message = "a backslash that escapes nothing; write \\\\ for a backslash."
        elif expected:
            message = f"{expected} was expected, not {shown(character)}."
        else:
            message = f"{shown(character)} cannot stand here; a value that has one needs quotes."
        return invalid(message, column=cursor.column)
