"""The grammar of path templates.

    Template  = "/" [ Segments [ Verb ] ] ;
    Segments  = Segment { "/" Segment } ;
    Segment   = "*" | "**" | LITERAL | Variable ;
    Variable  = "{" FieldPath [ "=" Segments ] "}" ;
    FieldPath = IDENT { "." IDENT } ;
    Verb      = ":" LITERAL ;

A variable holds no variable, a template at most one `**`, and no segment is empty. `**` may be
followed by more: Google's own service files have `/v2/{name=operations/projects/**}/operations`.
LITERAL is one or more characters that a path segment may hold (RFC 3986 `pchar`) other than
`:` and `*`; percent-encoded ones are decoded.

Spec: google/api/http.proto, "Path template syntax".
"""

from __future__ import annotations

import re

from grpc_transcoding.path_templates.percent import InvalidEscapeError, decode
from grpc_transcoding.path_templates.template import (
    MANY_SEGMENTS,
    ONE_SEGMENT,
    PathTemplate,
    PathVariable,
    Wildcard,
)

_IDENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# RFC 3986 pchar, without what the template syntax takes for itself, and with any non-ASCII.
_LITERAL = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()+,;=@]|[^\x00-\x7f]|%[0-9A-Fa-f]{2})+")


class TemplateSyntaxError(ValueError):
    """A path template that does not follow the grammar.

    Attributes:
        template: The text.
        column: Where it goes wrong, from 1.
        problem: What is wrong there, and what would be right.
    """

    def __init__(self, template: str, column: int, problem: str) -> None:
        super().__init__(f"path template {template!r}, column {column}: {problem}")
        self.template = template
        self.column = column
        self.problem = problem


def parse_template(text: str) -> PathTemplate:
    """Parses a path template.

    Args:
        text: Such as `/v1/{name=projects/*/operations/*}:cancel`.

    Raises:
        TemplateSyntaxError: The text does not follow the grammar of this module.

    Spec: google/api/http.proto, "Path template syntax".
    """
    return _Parser(text).template()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.segments: list[str | Wildcard] = []
        self.variables: list[PathVariable] = []

    def template(self) -> PathTemplate:
        verb = ""
        self.expect("/", "a template begins with '/'")
        if self.at < len(self.text):
            self.parse_segments(in_variable=False)
            if self.peek() == ":":
                self.at += 1
                verb = self.literal("a verb")
        if self.at < len(self.text):
            raise self.unexpected("the template should end here")
        return PathTemplate(
            text=self.text,
            segments=tuple(self.segments),
            verb=verb,
            variables=tuple(self.variables),
        )

    def parse_segments(self, *, in_variable: bool) -> None:
        self.segment(in_variable=in_variable)
        while self.peek() == "/":
            self.at += 1
            self.segment(in_variable=in_variable)

    def segment(self, *, in_variable: bool) -> None:
        if self.text.startswith("**", self.at):
            if MANY_SEGMENTS in self.segments:
                raise self.error("a template holds at most one '**'")
            self.segments.append(MANY_SEGMENTS)
            self.at += 2
        elif self.peek() == "*":
            self.segments.append(ONE_SEGMENT)
            self.at += 1
        elif self.peek() == "{":
            if in_variable:
                raise self.error("a variable holds no other variable")
            self.variable()
        else:
            self.segments.append(self.literal("a segment: a literal, '*', '**' or '{field}'"))

    def variable(self) -> None:
        self.at += 1
        column, start = self.at + 1, len(self.segments)
        field_path = self.ident()
        while self.peek() == ".":
            self.at += 1
            field_path += "." + self.ident()
        if any(known.field_path == field_path for known in self.variables):
            raise TemplateSyntaxError(
                self.text, column, f"the field {field_path!r} is already bound by this template"
            )
        if self.peek() == "=":
            self.at += 1
            self.parse_segments(in_variable=True)
        else:
            self.segments.append(ONE_SEGMENT)
        self.expect("}", f"the variable {field_path!r} ends with '}}'")
        captured = self.segments[start:]
        self.variables.append(
            PathVariable(
                field_path=field_path,
                start=start,
                end=len(self.segments),
                column=column,
                is_multi_segment=len(captured) > 1 or captured == [MANY_SEGMENTS],
            )
        )

    def literal(self, wanted: str) -> str:
        found = _LITERAL.match(self.text, self.at)
        if not found:
            raise self.unexpected(f"expected {wanted}")
        try:
            decoded = decode(found.group().encode())
        except InvalidEscapeError:
            raise self.error("the percent-encoded bytes are not UTF-8") from None
        self.at = found.end()
        return decoded

    def ident(self) -> str:
        found = _IDENT.match(self.text, self.at)
        if not found:
            raise self.unexpected("expected a field name")
        self.at = found.end()
        return found.group()

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def expect(self, character: str, problem: str) -> None:
        if self.peek() != character:
            raise self.unexpected(problem)
        self.at += 1

    def unexpected(self, problem: str) -> TemplateSyntaxError:
        found = repr(self.peek()) if self.peek() else "the end"
        return self.error(f"{problem}, found {found}")

    def error(self, problem: str) -> TemplateSyntaxError:
        return TemplateSyntaxError(self.text, self.at + 1, problem)
