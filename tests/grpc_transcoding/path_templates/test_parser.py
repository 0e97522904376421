"""The grammar of path templates: against a table of faults, and against other parsers' cases."""

import pytest

from grpc_transcoding.path_templates import Unescape, Wildcard, parse_template
from grpc_transcoding.path_templates.parser import TemplateSyntaxError
from grpc_transcoding.path_templates.percent import InvalidEscapeError, decode
from tests.grpc_transcoding.anchors import load


def is_valid(text: str) -> bool:
    try:
        parse_template(text)
    except TemplateSyntaxError:
        return False
    return True


def segments_of(template) -> list[str]:
    return [s.value if isinstance(s, Wildcard) else s for s in template.segments]


@pytest.mark.parametrize(
    ("text", "column", "problem"),
    [
        ("", 1, "a template begins with '/', found the end"),
        ("v1", 1, "a template begins with '/', found 'v'"),
        ("/v1/", 5, "expected a segment: a literal, '*', '**' or '{field}', found the end"),
        ("/v1//a", 5, "expected a segment: a literal, '*', '**' or '{field}', found '/'"),
        ("/{}", 3, "expected a field name, found '}'"),
        ("/{1}", 3, "expected a field name, found '1'"),
        ("/{a.}", 5, "expected a field name, found '}'"),
        ("/{a", 4, "the variable 'a' ends with '}', found the end"),
        ("/{a=b{c}}", 6, "the variable 'a' ends with '}', found '{'"),
        ("/{a={b}}", 5, "a variable holds no other variable"),
        ("/{a=b:c}", 6, "the variable 'a' ends with '}', found ':'"),
        ("/{a}/{a}", 7, "the field 'a' is already bound by this template"),
        ("/**/a/**", 7, "a template holds at most one '**'"),
        ("/a:", 4, "expected a verb, found the end"),
        ("/a:b:c", 5, "the template should end here, found ':'"),
        ("/a:b/c", 5, "the template should end here, found '/'"),
        ("/a b", 3, "the template should end here, found ' '"),
        ("/a?b", 3, "the template should end here, found '?'"),
        ("/%zz", 2, "expected a segment: a literal, '*', '**' or '{field}', found '%'"),
        ("/%ff", 2, "the percent-encoded bytes are not UTF-8"),
    ],
)
def test_a_fault_names_its_column(text, column, problem):
    with pytest.raises(TemplateSyntaxError) as raised:
        parse_template(text)
    assert (raised.value.column, raised.value.problem) == (column, problem)
    assert str(raised.value) == f"path template {text!r}, column {column}: {problem}"


@pytest.mark.parametrize("case", load("grpc_httpjson_templates.jsonl"), ids=str)
def test_agrees_with_grpc_httpjson_transcoding(case):
    if "segments" not in case:
        assert not is_valid(case["template"])
        return
    template = parse_template(case["template"])
    assert segments_of(template) == case["segments"]
    assert template.verb == case["verb"]
    # There, an end behind `**` is counted from the end of the path, from -1.
    length, many = len(template.segments), template.many_index

    def end(variable) -> int:
        behind = many is not None and variable.start <= many < variable.end
        return variable.end - length - 1 if behind else variable.end

    assert [[v.field_path, v.start, end(v)] for v in template.variables] == case["variables"]


NESTED = "no variable within a variable (TRANSCODING, Templates 1)"
AFTER_MANY = "`**` elsewhere than last is accepted (TRANSCODING, Templates 1)"
ONE_COLON = "the verb is what follows the last colon, so no literal holds one (Templates 3)"
VANGUARD_DEVIATIONS = {
    "/my%2fcool-blog~about%2Cstuff%5Bwat%5D/{var={abc=%2F%2A}/{def=%2F%2A/**}}:baz": NESTED,
    "/foo/bob/{book_id={author}/{isbn}/*}/details": NESTED,
    "/foo/blah/{longest_var={long_var.a={medium.a={short.aa}/*/{short.ab}/foo}/*}"
    "/{long_var.b={medium.b={short.ba}/*/{short.bb}/foo}/{last=**}}}:details": NESTED,
    "/foo/**/bar": AFTER_MANY,
    "/foo/bar:baz%12xyz%abcde": "the escape %ab is not UTF-8 (Templates 5)",
}


@pytest.mark.parametrize(
    "case", [c for c in load("vanguard_templates.jsonl") if "template" in c], ids=str
)
def test_agrees_with_vanguard(case):
    if case["template"] in VANGUARD_DEVIATIONS:
        assert is_valid(case["template"]) != case["valid"]
        return
    assert is_valid(case["template"]) == case["valid"]
    if case["valid"]:
        template = parse_template(case["template"])
        # Vanguard writes literals encoded again, with upper-case escapes; here they are decoded.
        decoded = [s if s in {"*", "**"} else decode(s.encode()) for s in case["segments"]]
        assert segments_of(template) == decoded
        assert template.verb == decode(case["verb"].encode())


@pytest.mark.parametrize(
    "case",
    [c["escaping"] for c in load("vanguard_templates.jsonl") if "escaping" in c],
    ids=str,
)
def test_unescapes_as_vanguard(case):
    text, is_multi, decoded = case
    unescape = Unescape.ALL_BUT_SLASH if is_multi else Unescape.ALL
    # Vanguard writes what stays encoded in upper case; here it stays as it came.
    assert decode(text.encode(), unescape).upper() == decoded.upper()


GATEWAY_DEVIATIONS = {
    "/v1/a=b&c=d;e=f:g/endpoint.rdf": ONE_COLON,
    "/v1/a/{endpoint}:b:c": ONE_COLON,
    "/v1/{name}:bla:baa": ONE_COLON,
    "/v1/{name=segment/wi:th}": ONE_COLON,
    "/v1/{name}:": "a verb is not empty (Grammar of HTTP)",
    "/v1endpoint": "two tokens that no text is cut into; joined they are a literal",
    "//": "no segment is empty (Grammar of HTTP)",
    "/-._~!$&'()*+,;=:@": ONE_COLON + "; `*` is a wildcard",
}


@pytest.mark.parametrize("case", load("grpc_gateway_templates.jsonl"), ids=str)
def test_agrees_with_grpc_gateway(case):
    text, valid, verb = case
    if text in GATEWAY_DEVIATIONS:
        assert is_valid(text) != valid
        return
    assert is_valid(text) == valid
    if verb is not None:
        assert parse_template(text).verb == verb


SHOWCASE_DEVIATIONS = {
    "/@aa/bb": "`@` is a pchar, so a literal may hold it",
    "/aa/bb:@dd": "`@` is a pchar, so a literal may hold it",
    "/aa/bb:cc@": "`@` is a pchar, so a literal may hold it",
    "/aa/{bb=cc/@}": "`@` is a pchar, so a literal may hold it",
    "/aa/{bb}/cc/{dd=ee/*/gg/{hh=ii/jj/*/kk}/**}:ll": NESTED,
    "/aa/{bb}/cc/{dd=ee/*/gg/{hh=ii/jj/*/kk}/**}": NESTED,
}


@pytest.mark.parametrize("case", [c for c in load("showcase.jsonl") if "template" in c], ids=str)
def test_agrees_with_showcase(case):
    deviates = case["template"] in SHOWCASE_DEVIATIONS
    assert (is_valid(case["template"]) != case["valid"]) == deviates


@pytest.mark.parametrize(
    ("raw", "unescape", "decoded"),
    [
        (b"a%2Fb%2fc%3A%20", Unescape.ALL, "a/b/c: "),
        (b"a%2Fb%2fc%3A%20", Unescape.ALL_BUT_SLASH, "a%2Fb%2fc: "),
        (b"a%2Fb%2fc%3A%20", Unescape.ALL_BUT_RESERVED, "a%2Fb%2fc%3A "),
        (b"%zz%4", Unescape.ALL, "%zz%4"),
        (b"%zz%4", Unescape.ALL_BUT_SLASH, "%zz%4"),
        (b"%D1%84", Unescape.ALL_BUT_SLASH, "ф"),
        (b"%252F", Unescape.ALL_BUT_SLASH, "%2F"),
        ("ф".encode(), Unescape.ALL, "ф"),
        (b"+", Unescape.ALL, "+"),
    ],
)
def test_decodes_what_the_mode_says(raw, unescape, decoded):
    assert decode(raw, unescape) == decoded


@pytest.mark.parametrize("raw", [b"%ff", b"\xff", b"%C3", b"%ed%a0%80"])
@pytest.mark.parametrize("unescape", Unescape)
def test_bytes_that_are_not_utf8_are_refused(raw, unescape):
    with pytest.raises(InvalidEscapeError):
        decode(raw, unescape)
