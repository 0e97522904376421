"""Which binding answers a path: by rule, against other routers, and on Google's own files."""

import time

import pytest

from grpc_transcoding.bindings.router import WrongMethod
from grpc_transcoding.path_templates import Unescape
from grpc_transcoding.path_templates.parser import TemplateSyntaxError
from tests.grpc_transcoding.anchors import load
from tests.grpc_transcoding.bindings.routing import found, router_of


@pytest.mark.parametrize(
    ("templates", "path", "expected"),
    [
        # A literal beats `*` beats `**`.
        (["/**", "/*", "/a"], "/a", (2, {})),
        (["/**", "/*", "/a"], "/b", (1, {})),
        (["/**", "/*", "/a"], "/b/c", (0, {})),
        (["/{x=**}/z", "/{x=*}/{y=*}"], "/a/z", (1, {"x": "a", "y": "z"})),
        # A branch that leads nowhere is left again.
        (["/a/b/c", "/a/{x}/d"], "/a/b/d", (1, {"x": "b"})),
        (["/a/b/c", "/{x=**}"], "/a/b", (1, {"x": "a/b"})),
        (["/a/{x=b/*}", "/{y=**}/z"], "/a/b/c/z", (1, {"y": "a/b/c"})),
        # `**` is zero or more, wherever it stands.
        (["/v1/{name=operations/**}"], "/v1/operations", (0, {"name": "operations"})),
        (["/v1/{name=operations/**}"], "/v1/operations/a/b", (0, {"name": "operations/a/b"})),
        (["/v1/{name=**}/operations"], "/v1/operations", (0, {"name": ""})),
        (["/v2/{name=a/**}/b"], "/v2/a/b/b", (0, {"name": "a/b"})),
        (["/{x}/{y=a/**/z}/{w}"], "/1/a/2/3/z/4", (0, {"x": "1", "y": "a/2/3/z", "w": "4"})),
        (["/**"], "/", (0, {})),
        (["/"], "/", (0, {})),
        (["/v1/{name=operations}", "/v1/{name=operations/**}"], "/v1/operations", (0, {"name": "operations"})),
        # Trailing slashes are ignored; empty segments are no ids.
        (["/a/{x}"], "/a/b///", (0, {"x": "b"})),
        (["/a/{x}/c"], "/a//c", None),
        (["/a/{x=**}"], "/a/b//c", (0, {"x": "b//c"})),
        # The verb is what follows the last colon, if a binding of that path has it.
        (["/{x=**}", "/{x=**}:v"], "/a:v", (1, {"x": "a"})),
        (["/{x=**}", "/{x=**}:v"], "/a:b:v", (1, {"x": "a:b"})),
        (["/{x=**}", "/{x=**}:v"], "/a:w", (0, {"x": "a:w"})),
        (["/{x=**}", "/{x=**}:v"], "/a:v/b", (0, {"x": "a:v/b"})),
        (["/{x=**}", "/{x=**}:v"], "/a:v/", (0, {"x": "a:v"})),
        (["/{x=**}", "/{x=**}:v"], "/a%3Av", (0, {"x": "a:v"})),
        (["/{x=**}", "/{x=**}:v"], "/a:", (0, {"x": "a:"})),
        (["/a/{x}", "/b/{x}:v"], "/a/1:v", (0, {"x": "1:v"})),
        (["/a:v"], "/a", None),
        (["/a:v"], "/b:v", None),
        # Escapes: literals are compared decoded, captures are decoded by their kind.
        (["/operations/{x}"], "/op%65rations/1", (0, {"x": "1"})),
        (["/a%2Fb/{x}"], "/a%2fb/1", (0, {"x": "1"})),
        (["/a/{x}"], "/a/b%2Fc", (0, {"x": "b/c"})),
        (["/a/{x=b/*}"], "/a/b/c%2Fd%20", (0, {"x": "b/c%2Fd "})),
        (["/a/{x=**}"], "/a/b%2Fd", (0, {"x": "b%2Fd"})),
        (["/a/{x=*}"], "/a/%2A", (0, {"x": "*"})),
    ],
)  # fmt: skip
def test_finds_the_most_specific_binding(templates, path, expected):
    rules = [("GET", template) for template in templates]
    assert found(router_of(rules)[0], "GET", path) == expected
    # The order of registration does not matter.
    count = len(rules)
    backwards, _ = router_of(rules[::-1])
    if isinstance(expected, tuple):
        expected = (count - 1 - expected[0], expected[1])
    assert found(backwards, "GET", path) == expected


def test_a_literal_of_another_method_does_not_hide_a_wildcard():
    router, _ = router_of([("POST", "/a/b"), ("GET", "/a/{x}"), ("DELETE", "/{y=**}")])
    assert found(router, "GET", "/a/b") == (1, {"x": "b"})
    assert found(router, "DELETE", "/a/b") == (2, {"y": "a/b"})
    assert found(router, "PUT", "/a/b") == WrongMethod(
        allow=("DELETE", "GET", "HEAD", "OPTIONS", "POST")
    )


def test_head_prefers_its_own_binding_to_that_of_get():
    router, _ = router_of([("GET", "/a"), ("HEAD", "/{x}"), ("GET", "/b/c")])
    assert found(router, "HEAD", "/a") == (1, {"x": "a"})
    assert found(router, "HEAD", "/b/c") == (2, {})


def test_two_claims_of_one_method_and_path_are_a_fault_and_the_first_stays():
    router, faults = router_of([("GET", "/v1/{name=a/*}"), ("GET", "/v1/a/{id}")])
    assert [str(fault) for fault in faults] == [
        (
            "test: pkg.Service.Method, column 1: GET /v1/a/{id} claims a path that"
            " GET /v1/{name=a/*} of pkg.Service.Method has already"
        )
    ]
    assert found(router, "GET", "/v1/a/1") == (0, {"name": "a/1"})


@pytest.mark.parametrize(
    ("unescape", "captured"),
    [
        (Unescape.ALL, "a/b:c d"),
        (Unescape.ALL_BUT_SLASH, "a%2Fb:c d"),
        (Unescape.ALL_BUT_RESERVED, "a%2Fb%3Ac d"),
    ],
)
def test_a_multi_segment_capture_decodes_what_it_is_told_to(unescape, captured):
    router, _ = router_of([("GET", "/{x=**}")], unescape)
    assert found(router, "GET", "/a%2Fb%3Ac%20d") == (0, {"x": captured})


LATER_DUPLICATE = "of two rules with one path the first stays; there, both are lost (Rules 3)"
NOT_ITS_VERB = "a verb that no binding of this very path has is part of the id (Templates 3)"


def test_every_lookup_of_googles_own_service_files_agrees_or_deviates_by_name():
    """Recorded with grpc-httpjson-transcoding, whose default keeps reserved characters encoded."""
    deviations: dict[str, list[str]] = {NOT_ITS_VERB: [], LATER_DUPLICATE: []}
    lookups = 0
    for service in load("googleapis_service_rules.jsonl"):
        rules = [(method, template) for method, template, _, _ in service["rules"]]
        router, faults = router_of(rules, Unescape.ALL_BUT_RESERVED)
        duplicated = {rules[i] for i in range(len(rules)) if rules[i] in rules[:i]}
        assert len(faults) == len(duplicated)
        for method, path, rule, captures in service["lookups"]:
            lookups += 1
            result = found(router, method, path)
            expected = None if rule is None else (rule, dict(captures))
            # 404 and 405 are one there.
            if result == expected or (expected is None and isinstance(result, WrongMethod)):
                continue
            assert expected is None, (service["file"], method, path, result)
            if rules[result[0]] in duplicated:
                deviations[LATER_DUPLICATE].append(path)
            else:
                assert path.endswith(":cancel"), (service["file"], method, path, result)
                assert result[1]["name"].endswith(":cancel")
                deviations[NOT_ITS_VERB].append(path)
    assert lookups == 1955
    assert {name: len(paths) for name, paths in deviations.items()} == {
        NOT_ITS_VERB: 6,
        LATER_DUPLICATE: 4,
    }


VANGUARD_DEVIATIONS = {
    "/foo/bar/baz/123": "`**` is zero or more segments (Templates 1)",
    "/trailing:slash": "`**` is zero or more segments (Templates 1)",
    "/foo/bar/baz/%2f/%2A/%2f": "an escape that stays stays as it came, not in upper case",
    "/foo/bob/bar/baz/123/details": "no variable within a variable (Templates 1)",
    "/foo/blah/A/B/C/foo/D/E/F/G/foo/H/I/J/K/L/M:details": "likewise",
    "/percent_encoding/A%2Fb/suffix": "likewise",
}


@pytest.mark.parametrize("case", load("vanguard_router.jsonl")[1:], ids=str)
def test_agrees_with_vanguards_router(case):
    templates = load("vanguard_router.jsonl")[0]
    numbers, rules = [], []
    for number, template in enumerate(templates):
        try:
            router_of([("GET", template)])
        except TemplateSyntaxError:
            continue  # a variable within a variable
        numbers.append(number)
        rules.append(("GET", template))
    router, _ = router_of(rules)
    path, rule, captures = case
    result = found(router, "GET", path)
    result = None if result is None else (numbers[result[0]], result[1])
    expected = None if rule is None else (rule, captures)
    assert (result != expected) == (path in VANGUARD_DEVIATIONS), result


@pytest.mark.parametrize(
    "case", [c["match"] for c in load("grpc_gateway_patterns.jsonl") if "match" in c], ids=str
)
def test_agrees_with_grpc_gateways_patterns(case):
    template, matching, others = case
    router, _ = router_of([("GET", template)])
    for path in matching:
        assert found(router, "GET", "/" + path) is not None
    for path in others:
        assert found(router, "GET", "/" + path) is None


_MODES = {
    "Legacy": Unescape.ALL_BUT_SLASH,
    "AllExceptReserved": Unescape.ALL_BUT_RESERVED,
    "AllCharacters": Unescape.ALL,
}


@pytest.mark.parametrize(
    "case", [c["bind"] for c in load("grpc_gateway_patterns.jsonl") if "bind" in c], ids=str
)
def test_binds_what_grpc_gateway_binds(case):
    template, path, mode, captures = case
    router, _ = router_of([("GET", template)], _MODES[mode])
    assert found(router, "GET", "/" + path) == (0, captures)


# Its cases with forms, which it takes for a query, are not ours: 415 is what a form gets.
_FORM = "application/x-www-form-urlencoded"
GATEWAY_MUX_DEVIATIONS = {
    "/foo/bar:verb:subverb": "a verb holds no colon (Templates 3)",
    "/foo/404%2fwith%2Fspace/bar": "its legacy mode splits after decoding (Templates 5); 405",
    "/foo/success%2fwith%2Fspace/bar": "two of its modes split after decoding (Templates 5)",
    "/api/v1/organizations%2Ffoo:action": "likewise",
    "/foo/%25": "a broken escape stays literal, and this one is whole (Templates 5)",
    "foo": "a target without a slash never gets here",
}


@pytest.mark.parametrize("case", load("grpc_gateway_mux.jsonl"), ids=str)
def test_agrees_with_grpc_gateways_mux(case):
    rules, method, path, headers, mode, _, status, rule = case
    if headers.get("Content-Type") == _FORM:
        return
    try:
        router, _ = router_of(rules, _MODES[mode])
    except TemplateSyntaxError:
        assert path in GATEWAY_MUX_DEVIATIONS
        return
    result = found(router, method, path)
    # It answers 501 to a method that a path does not have, where we answer 405.
    ours = 404 if result is None else 501 if isinstance(result, WrongMethod) else 200
    if path not in GATEWAY_MUX_DEVIATIONS:
        assert ours == status
        if status == 200:
            assert result[0] == rule


@pytest.mark.parametrize(
    "case", [c["overlap"] for c in load("showcase.jsonl") if "overlap" in c], ids=str
)
def test_templates_that_showcase_finds_overlapping_never_hide_each_other(case):
    """There, overlapping templates are a mistake; here both stay, unless they are one path."""
    one, other, _ = case
    router, faults = router_of([("GET", one), ("GET", other)])
    from grpc_transcoding.path_templates import parse_template

    assert bool(faults) == (parse_template(one).shape == parse_template(other).shape)
    assert found(router, "GET", one.translate(str.maketrans("{}=*", "aaaa"))) is not False


def test_every_template_of_google_is_found_at_once_for_the_cost_of_one_service():
    rules = {
        (method.upper(), template)
        for service in load("google_operations_bindings.jsonl")
        for _, method, template, _, *additional in service["rules"]
        for method, template in [(method, template), *((m, t) for m, t, _ in additional)]
    }
    everything, _ = router_of(sorted(rules))
    few, _ = router_of(
        [
            ("GET", "/v1/{name=projects/*/locations/*/operations/*}"),
            *[("GET", f"/v{i}/x") for i in range(9)],
        ]
    )
    path = b"/v1/projects/p/locations/l/operations/o"

    def cost(router) -> float:
        best = 1.0
        for _ in range(20):
            begin = time.perf_counter()
            for _ in range(50):
                router.find("GET", path)
            best = min(best, time.perf_counter() - begin)
        return best

    assert len(rules) > 500
    # The bar is twice; a test on a busy machine leaves room above it (benchmarks/ measures).
    assert cost(everything) < 3 * cost(few)


def test_a_path_of_thousands_of_segments_is_matched_as_any_other():
    router, _ = router_of(
        [("GET", "/v1/{name=**}"), ("GET", "/v1/{name=**}/z"), ("GET", "/{x=**}:v")]
    )
    long = "a/" * 4000
    assert found(router, "GET", f"/v1/{long}b") == (0, {"name": f"{long}b"})
    assert found(router, "GET", f"/v1/{long}z") == (1, {"name": long[:-1]})
    assert found(router, "GET", f"/{long}b:v") == (2, {"x": f"{long}b"})
