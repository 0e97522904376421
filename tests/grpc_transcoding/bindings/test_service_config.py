"""Service files: what they bind, hide and limit, and how their faults are named."""

import pytest
from google.api import http_pb2, service_pb2
from google.longrunning import operations_pb2, operations_pb2_grpc
from google.protobuf import json_format

from grpc_transcoding import ServiceConfigError, Transcoder, routes
from grpc_transcoding.bindings.http_rules import pattern_of
from grpc_transcoding.bindings.service_config import load_service_config
from tests.grpc_transcoding._gen import library_pb2_grpc
from tests.grpc_transcoding.anchors import DATA, load
from tests.grpc_transcoding.asgi_client import call
from tests.grpc_transcoding.library import LibraryServicer

LIBRARY = "grpc_transcoding.testing.v1.Library"
BOOK = "/v1/shelves/1/books/2"


def library(*configs, **options) -> Transcoder:
    transcoder = Transcoder(service_configs=configs, **options)
    library_pb2_grpc.add_LibraryServicer_to_server(LibraryServicer(), transcoder)
    return transcoder


@pytest.fixture
def write(tmp_path):
    def write(text: str, name: str = "library.yaml"):
        path = tmp_path / name
        path.write_text("type: google.api.Service\nconfig_version: 3\n" + text)
        return path

    return write


def rule(method: str, pattern: str, rest: str = "") -> str:
    return f"  - selector: {LIBRARY}.{method}\n    {pattern}\n{rest}"


async def test_a_file_overrides_the_annotation_of_the_same_selector(write):
    app = library(write("http:\n  rules:\n" + rule("GetBook", "get: '/v2/{name=books/*}'")))
    assert (await call(app, "GET", "/v2/books/1")).json["name"] == "books/1"
    assert (await call(app, "GET", "/v1/shelves/1/books/2")).status == 405
    assert (await call(app, "DELETE", "/v1/shelves/1/books/2")).status == 200


async def test_the_last_rule_and_the_last_file_win(write):
    first = write("http:\n  rules:\n" + rule("GetBook", "get: '/a/{name}'") + rule("GetBook", "get: '/b/{name}'"), "1.yaml")  # fmt: skip
    second = write("http:\n  rules:\n" + rule("GetBook", "get: '/c/{name}'"), "2.yaml")
    assert [(await call(library(first), "GET", f"/{x}/1")).status for x in "abc"] == [404, 200, 404]
    app = library(first, second)
    assert [(await call(app, "GET", f"/{x}/1")).status for x in "abc"] == [404, 404, 200]


async def test_a_rule_from_code_overrides_files(write):
    config = write("http:\n  rules:\n" + rule("GetBook", "get: '/a/{name}'"))
    code = http_pb2.HttpRule(selector=f"{LIBRARY}.GetBook", get="/d/{name}")
    app = library(config, http_rules=[code])
    assert [(await call(app, "GET", f"/{x}/1")).status for x in "ad"] == [404, 200]


async def test_a_rule_without_a_pattern_takes_the_binding_away(write):
    app = library(write("http:\n  rules:\n" + rule("DeleteBook", "body: ''")))
    assert (await call(app, "DELETE", "/v1/shelves/1/books/2")).status == 405


async def test_a_message_is_taken_like_a_file(write):
    config = service_pb2.Service(name="library.example.com")
    config.http.rules.add(selector=f"{LIBRARY}.GetBook", get="/v9/{name=**}")
    app = library(config)
    assert (await call(app, "GET", "/v9/x")).status == 200
    details = (await call(app, "GET", "/nowhere")).json["error"]["details"]
    assert details[0]["domain"] == "library.example.com"


async def test_apis_hide_what_they_do_not_list(write):
    for listed, status in (("other.Service", 404), (LIBRARY, 200)):
        app = library(write(f"apis:\n- name: {listed}\n"))
        assert (await call(app, "GET", BOOK)).status == status
    app = library(write("apis:\n- name: other.Service\n"))
    assert f"{LIBRARY}.GetBook" in app.routes.hidden


async def test_a_file_without_apis_exposes_what_its_rules_name(write):
    one = write("apis:\n- name: other.Service\n", "1.yaml")
    two = write("http:\n  rules:\n" + rule("GetBook", "get: '/v2/{name}'"), "2.yaml")
    app = library(one, two)
    assert (await call(app, "GET", "/v2/x")).status == 200
    assert (await call(app, "DELETE", BOOK)).status == 404


async def test_backend_rules_limit_the_time_of_a_call(write):
    text = f"backend:\n  rules:\n  - selector: '*'\n    deadline: 9.0\n  - selector: {LIBRARY}.GetBook\n    deadline: 0.05\n"
    app = library(write(text))
    answer = await call(app, "GET", "/v1/shelves/1/books/wait")
    assert answer.error[:2] == (504, "DEADLINE_EXCEEDED")
    rows = {row.selector.rpartition(".")[2]: row.deadline for row in app.routes.rows}
    assert (rows["GetBook"], rows["DeleteBook"]) == (0.05, 9.0)


def test_authentication_rules_say_which_scopes_a_method_needs(write):
    text = (
        "authentication:\n  rules:\n"
        f"  - selector: '{LIBRARY}.*'\n    oauth:\n      canonical_scopes: |-\n"
        "        https://example.com/read,\n        https://example.com/all\n"
        f"  - selector: {LIBRARY}.GetBook\n    allow_without_credential: true\n"
    )
    rows = {r.selector.rpartition(".")[2]: r.scopes for r in library(write(text)).routes.rows}
    assert rows["DeleteBook"] == (("https://example.com/read",), ("https://example.com/all",))
    assert rows["GetBook"] == ()
    assert {row.scopes for row in library().routes.rows} == {None}


def test_a_rule_without_scopes_needs_a_credential_all_the_same(write):
    text = f"authentication:\n  rules:\n  - selector: '{LIBRARY}.*'\n"
    assert {row.scopes for row in library(write(text)).routes.rows} == {((),)}


OPEN = [
    (f"{LIBRARY}.GetBok", f"{LIBRARY}.GetBok: no service that was added has this method; did you mean '{LIBRARY}.GetBook'?"),
    (f"{LIBRARY}*", f"{LIBRARY}*: no service that was added has this method; did you mean '{LIBRARY}.*'?"),
    (f"{LIBRARY}ry.*", f"{LIBRARY}ry.*: no service that was added has this method; did you mean '{LIBRARY}.*'?"),
    (f"{LIBRARY}.Echo, {LIBRARY}.Eccho", f"{LIBRARY}.Eccho: no service that was added has this method; did you mean '{LIBRARY}.Echo'?"),
    ("other.*", "other.*: no service that was added has this method"),
    ("", "(none): a rule needs a selector: the full name of a method, 'pkg.Service.Method'"),
]  # fmt: skip


@pytest.mark.parametrize(("selector", "fault"), OPEN, ids=[selector for selector, _ in OPEN])
def test_an_authentication_rule_that_names_no_method_would_leave_one_open(write, selector, fault):
    text = f"authentication:\n  rules:\n  - selector: '{selector}'\n"
    with pytest.raises(ServiceConfigError) as raised:
        library(write(f"apis:\n- name: {LIBRARY}\n{text}")).build()
    assert [str(each) for each in raised.value.faults] == [f"library.yaml: {fault}"]


@pytest.mark.parametrize("gap", [" ", r"\n", r"\n  "])
def test_scopes_without_a_comma_between_are_a_fault(write, gap):
    oauth = f'{{canonical_scopes: "a,{gap}b{gap}c"}}'
    text = f"authentication:\n  rules:\n  - selector: '*'\n    oauth: {oauth}\n"
    with pytest.raises(ServiceConfigError) as raised:
        library(write(text)).build()
    (fault,) = raised.value.faults
    assert (fault.source, fault.selector) == ("library.yaml", "*")
    assert fault.problem == "canonical_scopes are to be separated by commas"
    assert fault.column == len("a,b") + len(gap.replace(r"\n", "n")) + 1


@pytest.mark.parametrize(
    "selector",
    ["*", "other.*", "other.Service.*", "other.Service.Any", "grpc.health.v1.Health.*", "grpc.*"],
)
def test_an_authentication_rule_may_be_of_what_is_served_elsewhere(write, selector):
    text = f"authentication:\n  rules:\n  - selector: '{selector}'\n"
    assert library(write(f"apis:\n- name: other.Service\n{text}")).routes.faults == ()


async def test_a_file_may_have_reserved_characters_decoded(write):
    text = "http:\n  fully_decode_reserved_expansion: true\n"
    assert (await call(library(write(text)), "GET", "/v1/drafts/a%2Fb")).json[
        "name"
    ] == "drafts/a/b"


FAULTS = [
    (rule("GetBook", "get: '/v1/{name=**'"), f"library.yaml: {LIBRARY}.GetBook, column 13: the variable 'name' ends with '}}', found the end (in '/v1/{{name=**')"),
    (rule("GetBook", "get: '/v1/{title}'"), f"library.yaml: {LIBRARY}.GetBook, column 6: the path variable 'title' names no field: grpc_transcoding.testing.v1.GetBookRequest has no 'title'"),
    (rule("CreateBook", "post: '/v1/{book.author.age}'"), f"library.yaml: {LIBRARY}.CreateBook, column 18: the path variable 'book.author.age' names no field: grpc_transcoding.testing.v1.Author has no 'age'"),
    (rule("CreateBook", "post: '/v1/{parent.x}'"), f"library.yaml: {LIBRARY}.CreateBook, column 13: the path variable 'parent.x' names no field: a field that is no message has no 'x'"),
    (rule("ListBooks", "get: '/v1/{bindings}'"), f"library.yaml: {LIBRARY}.ListBooks, column 6: the path variable 'bindings' is repeated: a path holds one value"),
    (rule("ListBooks", "get: '/v1/{parent}/{parent}'"), f"library.yaml: {LIBRARY}.ListBooks, column 15: the field 'parent' is already bound by this template (in '/v1/{{parent}}/{{parent}}')"),
    (rule("ListBooks", "get: '/v1/{author}'"), f"library.yaml: {LIBRARY}.ListBooks, column 6: the path variable 'author' is a message: bind one of its fields"),
    (rule("CreateBook", "post: '/v1/{parent}'", "    body: page\n"), f"library.yaml: {LIBRARY}.CreateBook, column 1: body 'page' is no top-level field of grpc_transcoding.testing.v1.CreateBookRequest, nor '*'"),
    (rule("CreateBook", "post: '/v1/{parent}'", "    body: book.title\n"), f"library.yaml: {LIBRARY}.CreateBook, column 1: body 'book.title' is no top-level field of grpc_transcoding.testing.v1.CreateBookRequest, nor '*'"),
    (rule("CreateBook", "post: '/v1/{parent}'", "    body: parent\n"), f"library.yaml: {LIBRARY}.CreateBook, column 1: body 'parent' is bound by the path as well"),
    (rule("GetPage", "get: '/v1/{name}'", "    response_body: page\n"), f"library.yaml: {LIBRARY}.GetPage, column 1: response_body 'page' is no top-level field of grpc_transcoding.testing.v1.GetPageResponse"),
    (rule("GetBook", "get: '/v1/{name=x/*}'", "    additional_bindings:\n    - get: '/v1/x/{name}'\n"), f"library.yaml: {LIBRARY}.GetBook, column 1: GET /v1/x/{{name}} claims a path that GET /v1/{{name=x/*}} of {LIBRARY}.GetBook has already"),
    (rule("GetBook", "get: '/v1/{name=x/*}'", "    additional_bindings:\n    - get: '/y/{name}'\n      additional_bindings:\n      - get: '/z/{name}'\n"), f"library.yaml: {LIBRARY}.GetBook: an additional binding holds no additional bindings itself"),
    (rule("GetBook", "get: '/v1/{name=x/*}'", "    additional_bindings:\n    - body: '*'\n"), f"library.yaml: {LIBRARY}.GetBook: an additional binding needs a pattern, such as 'get'"),
    (rule("GetBook", "custom: {path: '/v1/{name=x/*}'}"), f"library.yaml: {LIBRARY}.GetBook: a custom pattern needs a 'kind', such as 'HEAD' or '*'"),
    (rule("GetBook", "custom: {kind: get post, path: '/v1/{name=x/*}'}"), f"library.yaml: {LIBRARY}.GetBook, column 1: the kind 'GET POST' is no HTTP method: it should be one word, or '*'"),
    (rule("GetBook", "get: '/v1/{name=x/*}'", "    get: '/v1/{name=y/*}'\n"), "library.yaml, column 5: line 7 holds 'get', which its mapping holds already"),
    (rule("GetBok", "get: '/v1/{name=x/*}'"), f"library.yaml: {LIBRARY}.GetBok: no service that was added has this method; did you mean '{LIBRARY}.GetBook'?"),
    ("  - get: '/v1/x'\n", "library.yaml: (none): a rule needs a selector: the full name of a method, 'pkg.Service.Method'"),
    (rule("GetBook", "gett: '/v1/{name=x/*}'"), f"library.yaml: {LIBRARY}.GetBook: http.rules[0] is no google.api.HttpRule: it has no field gett"),
    (rule("GetBook", "get: 7"), f"library.yaml: {LIBRARY}.GetBook: http.rules[0] is no google.api.HttpRule: a value has the wrong type"),
    ("  - nothing\n", "library.yaml: http.rules[0] is no google.api.HttpRule: it should be a mapping"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "fault"), FAULTS, ids=[fault for _, fault in FAULTS])
def test_a_fault_names_file_selector_and_column(write, text, fault):
    fault = fault.replace("{{", "{").replace("}}", "}")
    path = write("http:\n  rules:\n" + text)
    with pytest.raises(ServiceConfigError) as raised:
        library(path).build()
    assert [str(each) for each in raised.value.faults] == [fault]
    assert str(raised.value) == (f"1 fault in the HTTP rules (strict=False skips them):\n  {fault}")


async def test_an_api_without_a_name_is_a_fault_and_exposes_nothing_more(write):
    path = write(f"apis:\n- {LIBRARY}\n- {{version: v1}}\n- name: 7\n")
    app = library(path, strict=False)
    assert [str(fault) for fault in app.faults] == [
        f"library.yaml: apis[{index}] should be a mapping with a 'name', which is text"
        for index in range(3)
    ]
    assert (await call(app, "GET", BOOK)).status == 200
    hidden = library(write("apis:\n- other.Api\n"), strict=False)
    assert (await call(hidden, "GET", BOOK)).status == 404


def test_a_key_that_is_given_twice_is_looked_for_where_it_matters_and_once(write):
    path = write(
        "documentation: {a: 1, a: 2}\nhttp: &http\n  rules: []\n  rules: []\nbackend: *http\nhttp:\n"
    )
    config = load_service_config(path)
    assert [str(fault) for fault in config.faults] == [
        "library.yaml, column 1: line 8 holds 'http', which its mapping holds already",
        "library.yaml, column 3: line 6 holds 'rules', which its mapping holds already",
    ]


async def test_a_lenient_load_skips_and_reports(write):
    text = "".join(text for text, _ in FAULTS)
    app = library(write("http:\n  rules:\n" + text), strict=False)
    assert len(app.faults) >= 5
    assert (await call(app, "DELETE", BOOK)).status == 200


def test_all_faults_are_told_at_once(write):
    path = write("http:\n  rules:\n" + FAULTS[1][0] + FAULTS[6][0])
    with pytest.raises(ServiceConfigError, match=r"^2 faults in the HTTP rules"):
        library(path).build()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: [", "x.yaml: the file is not YAML, line 2, column 1: expected the node content, but found '<stream end>'"),
        ("name: 2020-13-45", "x.yaml: the file is not YAML"),
        ("[" * 3000, "x.yaml: the file is nested too deep"),
        ("", "x.yaml: a service file is a mapping with 'type: google.api.Service'"),
        ("- a", "x.yaml: a service file is a mapping with 'type: google.api.Service'"),
        ("type: google.api.Other", "x.yaml: 'type' is 'google.api.Other', it should be 'google.api.Service'"),
    ],
)  # fmt: skip
def test_a_file_that_is_none_is_refused_when_it_is_read(tmp_path, text, problem):
    path = tmp_path / "x.yaml"
    path.write_text(text + "\n")
    with pytest.raises(ServiceConfigError) as raised:
        Transcoder(service_configs=[path])
    assert str(raised.value.faults[0]) == problem


def test_a_file_that_is_not_there_is_named_by_its_path(tmp_path):
    with pytest.raises(ServiceConfigError, match=r"cannot be read: No such file or directory"):
        Transcoder(service_configs=[tmp_path / "none.yaml"])


@pytest.mark.parametrize("case", load("grpc_httpjson_registration.jsonl"), ids=str)
def test_registers_what_grpc_httpjson_transcoding_registers(case):
    described, registered = case
    rule = json_format.ParseDict(described, http_pb2.HttpRule())
    patterns = [[*pattern_of(r), r.body] for r in (rule, *rule.additional_bindings)]
    assert [pattern for pattern in patterns if pattern[0]] == registered


def service_of(case) -> service_pb2.Service:
    """Returns one of Google's published service files, as far as it speaks of Operations."""
    config = service_pb2.Service(name=case["service"], title=case["title"])

    def fill(rule, http_method, path, body):
        setattr(rule, http_method, path)
        rule.body = body or ""

    for method, http_method, path, body, *additional in case["rules"]:
        rule = config.http.rules.add(selector=f"google.longrunning.Operations.{method}")
        fill(rule, http_method, path, body)
        for binding in additional:
            fill(rule.additional_bindings.add(), *binding)
    for selector, scopes in case["authentication"]:
        auth = config.authentication.rules.add(selector=selector)
        auth.oauth.canonical_scopes = ",".join(scopes)
    return config


class Operations(operations_pb2_grpc.OperationsServicer):
    async def GetOperation(self, request, context):
        return operations_pb2.Operation(name=request.name)


def test_every_published_service_file_loads_into_a_router_of_its_own():
    faulty = {}
    paths = 0
    for case in load("google_operations_bindings.jsonl"):
        transcoder = Transcoder(service_configs=[service_of(case)], strict=False)
        operations_pb2_grpc.add_OperationsServicer_to_server(Operations(), transcoder)
        table = transcoder.routes
        if table.faults:
            faulty[case["file"]] = [fault.problem for fault in table.faults]
        for row in table.rows:
            concrete = row.path.replace("**", "a/b").replace("*", "a")
            concrete = concrete.replace("{name=", "").replace("}", "").replace("{name", "a")
            found = table.explain(row.http_method, concrete)
            paths += 1
            assert found.winner is not None, (case["file"], row)
            assert found.winner.selector == row.selector, (case["file"], row)
    assert paths > 1000
    # The outright mistakes in Google's own files, which a strict load refuses.
    assert sorted(faulty) == [
        "google/cloud/discoveryengine/v1/discoveryengine_v1.yaml",
    ], faulty


def test_routes_of_a_file_need_no_servicer(write):
    assert operations_pb2  # its module must have been imported
    path = write(
        "http:\n  rules:\n  - selector: google.longrunning.Operations.GetOperation\n"
        "    get: '/v1/{name=ops}'\n    additional_bindings:\n"
        "    - get: '/v1/{name=**}'\n  - selector: who.Knows.It\n    get: /v1/it\n"
    )
    table = routes([path])
    assert [(r.http_method, r.path) for r in table.rows if r.selector.endswith("GetOperation")] == [
        ("GET", "/v1/{name=ops}"),
        ("GET", "/v1/{name=**}"),
    ]
    assert [str(fault) for fault in table.faults] == [
        "library.yaml: who.Knows.It: no service that was added has this method"
    ]


@pytest.mark.parametrize(
    ("method", "path", "selector", "why", "candidates"),
    [
        ("GET", BOOK, "GetBook", "it is the only binding of the path that answers GET", ["answers", "answers DELETE only", "answers PATCH only"]),
        ("GET", "/v1/shelves/1/books", "ListBooks", "it is the only binding of the path that answers GET", ["answers", "answers POST only"]),
        ("GET", "/v1/drafts", "GetBook", "it is the only template that matches", ["answers"]),
        ("PUT", BOOK, None, "the path does not answer PUT, but DELETE, GET, HEAD, OPTIONS, PATCH: 405", ["answers DELETE only", "answers GET only", "answers PATCH only"]),
        ("GET", "/nowhere", None, "no template matches /nowhere: 404", []),
        ("GET", "/v1/%ff", None, "the path is not UTF-8 once it is percent-decoded: 400", []),
    ],
)  # fmt: skip
def test_an_explanation_says_which_binding_wins_and_why(method, path, selector, why, candidates):
    found = library().routes.explain(method, path)
    assert (found.winner and found.winner.selector.rpartition(".")[2]) == selector
    assert found.why == why
    assert sorted(c.why for c in found.candidates) == candidates


def test_an_explanation_names_the_segment_that_decides():
    config = service_pb2.Service()
    rule = config.http.rules.add(selector=f"{LIBRARY}.GetBook", get="/v1/{name=**}")
    rule.additional_bindings.add(get="/v1/a/{name}")
    rule.additional_bindings.add(get="/v1/{name=a/b}")
    rule.additional_bindings.add(get="/v1/a/{name}:v")
    table = library(config).routes
    found = table.explain("get", "/v1/a/b")
    assert [(c.row.path, c.why) for c in found.candidates] == [
        ("/v1/{name=a/b}", "answers"),
        ("/v1/a/{name}", "at segment 3, the literal 'b' beats '*'"),
        ("/v1/{name=**}", "at segment 2, the literal 'a' beats '**'"),
    ]
    assert found.why == "it is the most specific of 3 bindings that answer GET"
    assert found.captures == (("name", "a/b"),)
    found = table.explain("get", "/v1/a/b:v")
    assert [c.why for c in found.candidates] == [
        "answers",
        "the verb 'v' is bound for this path, so it is no part of an id",
        "the verb 'v' is bound for this path, so it is no part of an id",
    ]


def test_a_binding_of_another_method_loses_by_its_method_alone():
    config = service_pb2.Service()
    rule = config.http.rules.add(selector=f"{LIBRARY}.GetBook", get="/v1/a")
    rule.additional_bindings.add(delete="/v1/{name=**}")
    rule.additional_bindings.add(get="/v1/{name=**}")
    any_method = rule.additional_bindings.add(body="*")
    any_method.custom.kind, any_method.custom.path = "*", "/v1/a"
    table = library(config).routes
    for method in ("GET", "HEAD"):
        found = table.explain(method, "/v1/a")
        kind = "GET" if method == "GET" else "*"
        assert (found.winner.http_method, found.winner.path) == (kind, "/v1/a")
        assert found.why == f"it is the most specific of 3 bindings that answer {method}"
        assert [(c.row.http_method, c.why) for c in found.candidates if c.row.path != "/v1/a"] == [
            ("DELETE", "answers DELETE only"),
            ("GET", "at segment 2, the literal 'a' beats '**'"),
        ]
    others = [c.why for c in table.explain("GET", "/v1/a").candidates if c.row.http_method == "*"]
    assert others == ["GET itself is bound to the path"]


def test_what_a_file_says_beside_its_rules_is_left_alone(write):
    config = load_service_config(write("quota: {limits: []}\nfuture: [1]\nname: a.example.com\n"))
    assert (config.name, config.faults) == ("a.example.com", ())


async def test_a_file_loads_as_google_publishes_it():
    transcoder = Transcoder(service_configs=[DATA / "speech_v2.yaml"], strict=False)
    operations_pb2_grpc.add_OperationsServicer_to_server(Operations(), transcoder)
    name = "projects/p/locations/l/operations/o"
    assert (await call(transcoder, "GET", f"/v2/{name}")).json == {"name": name}
    # What the file says of Operations stands in place of the annotations.
    assert (await call(transcoder, "GET", "/v1/operations/o")).status == 404
    assert {(row.deadline, row.scopes) for row in transcoder.routes.rows} == {
        (355.0, (("https://www.googleapis.com/auth/cloud-platform",),))
    }
    assert [str(fault) for fault in transcoder.faults] == [
        f"speech_v2.yaml: google.cloud.location.Locations.{method}: no service that was added has"
        " this method"
        for method in ("GetLocation", "ListLocations")
    ]
    details = (await call(transcoder, "GET", "/nowhere")).json["error"]["details"]
    assert details[0]["domain"] == "speech.googleapis.com"
