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

import re
from collections.abc import Callable

from longrunning.filters.cursor import QUOTES, SPACES, Cursor, invalid, shown
from longrunning.filters.refusals import (
    refuse_function,
    refuse_index,
    refuse_keyword,
    refuse_word,
    unexpected,
)
from longrunning.filters.syntax import (
    EVERYTHING,
    Comparator,
    Expression,
    Not,
    Restriction,
    Search,
    Value,
    conjunction,
    disjunction,
)

# Nobody writes more, and each is the cost of evaluating a hostile filter on every row of a list.
MAX_LENGTH = 16 * 1024
MAX_DEPTH = 50
MAX_NAMES = 32
MAX_RESTRICTIONS = 500
MAX_SEARCHES = 20

# Longest first: `<=` must not be read as `<`.
_COMPARATORS = sorted(Comparator, key=lambda comparator: -len(comparator.value))
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")
_PRESENCE = frozenset({Comparator.EQUALS, Comparator.NOT_EQUALS, Comparator.HAS})
# Fields of Operation that say something alone: `NOT done`.
_BOOLEANS = frozenset({"done"})


def parse_expression(text: str) -> Expression:
    """Parses a filter, knowing nothing yet of the fields that it names.

    Args:
        text: the filter as the client wrote it.

    Raises:
        InvalidArgument: it is no filter, or is too long, too deep or too much.
    """
    if len(text) > MAX_LENGTH:
        raise invalid(
            f"a filter may have {MAX_LENGTH} characters, this one has {len(text)}.",
            column=MAX_LENGTH + 1,
        )
    # Stores pass values on to databases, which take neither.
    if strange := _NO_TEXT.search(text):
        raise invalid(f"{shown(strange[0])} is no character of a text.", column=strange.start() + 1)
    return _Parser(text).filter()


class _Parser:
    """Every production begins at its first character and ends behind the spaces that follow it."""

    def __init__(self, text: str) -> None:
        self.cursor = Cursor(text)
        self.depth = 0
        self.restrictions = 0
        self.searches = 0
        # In the parentheses behind a comparator: makes a restriction of a literal.
        self.compare: Callable[[Value], Restriction] | None = None

    def filter(self) -> Expression:
        self.cursor.skip_spaces()
        if self.cursor.at_end():
            return EVERYTHING
        expression = self.expression()
        if not self.cursor.at_end():
            raise invalid("this ) closes nothing.", column=self.cursor.column)
        return expression

    def expression(self) -> Expression:
        sequences = [self.sequence()]
        while self.keyword("AND"):
            sequences.append(self.sequence())
        return conjunction(*sequences)

    def sequence(self) -> Expression:
        factors = [self.factor()]
        while not self.at_closing() and self.cursor.keyword() != "AND":
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
            column = self.cursor.column
            self.cursor.take("-")
            if self.cursor.at_end() or self.cursor.peek() in SPACES:
                raise invalid("- stands directly before what it negates.", column=column)
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
            raise invalid("this ( is never closed.", column=opening)
        self.cursor.skip_spaces()
        return expression

    def restriction(self) -> Expression:
        start = self.cursor.position
        quoted = self.cursor.peek() in tuple(QUOTES)
        names = self.member()
        written = self.cursor.text[start : self.cursor.position]
        spaced = self.cursor.skip_spaces()
        column = self.cursor.column
        comparator = self.comparator()
        if comparator is None:
            if not spaced:
                self.expect_separation()
            return self.bare(names, "" if quoted else written)
        if len(names) > MAX_NAMES:
            raise invalid(f"a path may have {MAX_NAMES} names.", column=names[MAX_NAMES].column)
        for name in names:
            refuse_index(self.cursor, name)
        path = tuple(name.text for name in names)
        columns = (*(name.column for name in names), column)

        def compare(value: Value) -> Restriction:
            if value.is_wildcard and comparator not in _PRESENCE:
                raise invalid(
                    f"* alone asks whether there is anything; {comparator.value} takes a value.",
                    column=value.column,
                )
            return Restriction(
                path=path, comparator=comparator, value=value, columns=(*columns, value.column)
            )

        return self.arg(comparator, compare)

    def member(self) -> list[Value]:
        refuse_keyword(self.cursor, "a field")
        name = self.cursor.take_segment()
        if name is None:
            raise unexpected(self.cursor, "a field or a value")
        refuse_function(self.cursor, name)
        names = [name]
        while self.cursor.take("."):
            name = self.cursor.take_segment()
            if name is None:
                raise unexpected(self.cursor, "the name of a field behind the dot")
            refuse_function(self.cursor, name)
            names.append(name)
        return names

    def bare(self, names: list[Value], written: str) -> Expression:
        """A member without a comparator: a literal to search for; `written` if it has no quotes."""
        column = names[0].column
        if written in _BOOLEANS:
            return Restriction(
                path=(written,),
                comparator=Comparator.EQUALS,
                value=Value(pieces=("true",), column=column),
                columns=(column, column, column),
            )
        refuse_word(written, column=column)
        self.searches += 1
        if self.searches > MAX_SEARCHES:
            raise invalid(
                f"a filter may search for {MAX_SEARCHES} values without a field, and this is one "
                "more.",
                column=column,
            )
        pieces = names[0].pieces
        for name in names[1:]:
            pieces = (*pieces[:-1], f"{pieces[-1]}.{name.pieces[0]}", *name.pieces[1:])
        return Search(value=Value(pieces=pieces, column=column))

    def comparator(self) -> Comparator | None:
        column = self.cursor.column
        for comparator in _COMPARATORS:
            if self.cursor.take(comparator.value):
                following = self.cursor.peek()
                if following in ("=", "<", ">", "~"):
                    raise invalid(
                        f"{shown(comparator.value + following)} is no comparator; there are "
                        "= != < <= > >= and :.",
                        column=column,
                    )
                self.cursor.skip_spaces()
                return comparator
        return None

    def arg(self, comparator: Comparator, compare: Callable[[Value], Restriction]) -> Expression:
        if self.at_closing():
            raise invalid(
                f"a value was expected behind {comparator.value}.", column=self.cursor.column
            )
        if self.cursor.peek() != "(":
            return compare(self.literal())
        # The restriction counted itself, and now its literals will.
        self.restrictions -= 1
        self.compare = compare
        expression = self.composite()
        self.compare = None
        return expression

    def literal(self) -> Value:
        refuse_keyword(self.cursor, "a value")
        value = self.cursor.take_value()
        if value is None:
            raise unexpected(self.cursor, "a value")
        refuse_function(self.cursor, value)
        if not self.cursor.skip_spaces():
            self.expect_separation()
        return value

    def keyword(self, keyword: str) -> bool:
        """Moves behind `keyword` if it is next, and sees that something follows it."""
        if self.cursor.keyword() != keyword:
            return False
        column = self.cursor.column
        self.cursor.take(keyword)
        self.cursor.skip_spaces()
        if self.at_closing():
            raise invalid(f"something was expected behind {keyword}.", column=column)
        return True

    def is_negative_number(self) -> bool:
        """Whether a minus sign among the values in parentheses belongs to a number."""
        following = self.cursor.peek(2)[1:]
        return self.compare is not None and (following.isdigit() or following == ".")

    def at_closing(self) -> bool:
        return self.cursor.at_end() or self.cursor.peek() == ")"

    def expect_separation(self) -> None:
        if not self.at_closing():
            raise unexpected(self.cursor)
