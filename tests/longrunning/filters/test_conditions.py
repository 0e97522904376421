"""What a restriction means: by the type of its field, at any depth, and where nothing is set."""

import pytest
from google.longrunning.operations_pb2 import Operation
from google.protobuf import duration_pb2, struct_pb2, timestamp_pb2, wrappers_pb2
from google.protobuf.any_pb2 import Any
from google.rpc import error_details_pb2, status_pb2

from longrunning.errors import InvalidArgument
from longrunning.filters import parse
from tests.longrunning.filters.samples import POOL, PREFIX, message, pack, scan

RUNNING = Operation(name="projects/p/operations/1")
SUCCEEDED = Operation(name="projects/p/operations/2", done=True, response=pack(struct_pb2.Struct()))
FAILED = Operation(
    name="projects/q/operations/3",
    done=True,
    error=status_pb2.Status(
        code=8,
        message="Quota of p exceeded",
        details=[
            pack(error_details_pb2.ErrorInfo(reason="STOCKOUT", metadata={"zone": "a"})),
            pack(error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=30))),
        ],
    ),
)

# A filter, and whether it selects RUNNING, SUCCEEDED and FAILED.
OF_OPERATIONS = [
    ("done=true", (0, 1, 1)),
    ("done:true", (0, 1, 1)),
    ("done: true", (0, 1, 1)),
    ("done:false", (1, 0, 0)),
    ("done != true", (1, 0, 0)),
    ("done:*", (0, 1, 1)),
    ("done", (0, 1, 1)),
    ("NOT done", (1, 0, 0)),
    ("-done", (1, 0, 0)),
    ("error:*", (0, 0, 1)),
    ("error=*", (0, 0, 1)),
    ("NOT error:*", (1, 1, 0)),
    ("error != *", (1, 1, 0)),
    ("response:*", (0, 1, 0)),
    ("-response:*", (1, 0, 1)),
    ("error.code=8", (0, 0, 1)),
    ("error.code=RESOURCE_EXHAUSTED", (0, 0, 1)),
    ("error.code:8", (0, 0, 1)),
    ("error.code>=8", (0, 0, 1)),
    ("error.code>8", (0, 0, 0)),
    ("error.code != 5", (0, 0, 1)),  # there is no code where there is no error
    ("NOT error.code = 5", (1, 1, 1)),
    ("error.code = 0", (0, 0, 0)),
    ("error.code:*", (0, 0, 1)),
    ("error:code", (0, 0, 1)),
    ("error.message:Quota", (0, 0, 1)),
    ("error.message:quota", (0, 0, 0)),
    ("error.message = Quota", (0, 0, 0)),
    ("error.message = 'Quota*'", (0, 0, 1)),
    ("error.details:*", (0, 0, 1)),
    ("error.details.reason:STOCKOUT", (0, 0, 1)),
    ("error.details.metadata.zone:a", (0, 0, 1)),
    ("error.details.metadata:zone", (0, 0, 1)),
    ("error.details.retry_delay:30s", (0, 0, 1)),
    ("error.details.@type:type.googleapis.com/google.rpc.ErrorInfo", (0, 0, 1)),
    ("error.details.@type:*.RetryInfo", (0, 0, 1)),
    ("error.details.@type:*.Help", (0, 0, 0)),
    ("name:operations/2", (0, 1, 0)),
    ("name=projects/p/operations/2", (0, 1, 0)),
    ("name=projects/p/*", (1, 1, 0)),
    ("name:projects/p/*", (1, 1, 0)),
    ("name=*/operations/*", (1, 1, 1)),
    ("name=(projects/p/operations/1 OR *3)", (1, 0, 1)),
    ("name < projects/p/operations/2", (1, 0, 0)),
    ("name:*", (1, 1, 1)),
    ("metadata:*", (0, 0, 0)),
    ("done=true AND NOT error:*", (0, 1, 0)),
    ("done=false OR error:*", (1, 0, 1)),
    ("", (1, 1, 1)),
]


@pytest.mark.parametrize(("text", "selected"), OF_OPERATIONS)
def test_a_filter_selects_operations(text, selected):
    asked = parse(text)
    assert tuple(map(asked.matches, (RUNNING, SUCCEEDED, FAILED))) == tuple(map(bool, selected))


# What an acme.Scan holds, filters that select it, and filters that do not.
OF_METADATA = [
    (
        "title: 'prod database'",
        [
            "title = 'prod database'",
            "title:prod",
            "title:'d d'",
            "title = prod*",
            "title = *base",
            "title = p*d*e",
            "title:*database",
            "title != prod",
            "title != x*",
            "title > prod",
            "title <= q",
            "title:*",
            "title = *",
        ],
        ["title = prod", "title:Prod", "title:database*", "title = *x*", "title != prod*"],
    ),
    ("title: 'a*b'", [r"title = a\*b", "title = a*b", r"title:\*"], [r"title = a\*"]),
    ("title: 'true'", ["title = true", "title:true"], ["title = false"]),
    ("", ["title = ''", "title != x", "title != *"], ["title:*", "title = x", "title:x"]),
    (
        "files: 42",
        [
            "files=42",
            "files:42",
            "files=42.0",
            "files>41.5",
            "files<1e3",
            "files!=41",
            "files='42'",
        ],
        ["files=43", "files<42", "files=abc", "files!=abc", "files>abc", "files=4*", "files:4"],
    ),
    ("files: -42", ["files=-42", "files<0", "files=(-42 OR 7)", "files:*"], ["files=42"]),
    ("", ["files=0", "files<1", "files!=1"], ["files:*", "files=1"]),
    ("size: 18446744073709551615", ["size=18446744073709551615", "sizeInBytes>1"], ["size<0"]),
    ("ratio: 0.1", ["ratio=0.1", "ratio<=0.1", "ratio>0.09"], ["ratio=0.2", "ratio>0.1"]),
    ("score: 2.997e9", ["score=2.997e9", "score=2997000000", "score<Infinity"], ["score=NaN"]),
    (
        "score: nan",
        ["score=NaN", "score!=1", "score:*", "NOT score<1"],
        ["score<1", "score>=1", "score=1", "score!=NaN"],
    ),
    ("score: inf", ["score=Infinity", "score>1e308"], ["score=-Infinity", "score=NaN"]),
    ("ratio: inf", [f"ratio={'9' * 400}", f"ratio={'9' * 500}"], [f"ratio=-{'9' * 400}"]),
    (
        "urgent: true",
        ["urgent=true", "urgent:true", "urgent!=false", "urgent:*"],
        ["urgent=false", "urgent=TRUE", "urgent=1", "urgent>false", "urgent!=true"],
    ),
    ("", ["urgent=false", "urgent:false", "urgent!=true", "NOT urgent:*"], ["urgent:*"]),
    (
        "digest: '\\377\\376'",
        ["digest='//4='", "digest=//4", "digest=__4", "digest:'//4='", "digest!=AAAA", "digest:*"],
        ["digest=AAAA", "digest='?'", "digest!='?'", "digest<AAAA"],
    ),
    (
        "state: RUNNING",
        ["state=RUNNING", "state:RUNNING", "state=1", "state!=FAILED", "state:*"],
        ["state=running", "state=FAILED", "state!=NONE", "state>STATE_UNSPECIFIED", "state=RUN*"],
    ),
    ("", ["state=STATE_UNSPECIFIED", "state=0", "state!=RUNNING"], ["state:*", "state=RUNNING"]),
    ("state: 77", ["state=77", "state!=RUNNING"], ["state=RUNNING", "state=78"]),
    # Lists: only : looks into them, and an element is equal or is not
    (
        "tags: 'red' tags: 'green'",
        ["tags:red", "tags:green", "tags:gr*", "tags:*", "tags = *", "NOT tags:blue"],
        ["tags:re", "tags=red", "tags!=blue", "tags != *", "tags>a", "tags.x:1"],
    ),
    ("", ["tags != *", "NOT tags:*"], ["tags:*", "tags:red", "tags:''"]),
    ("sizes: [4, 2]", ["sizes:4", "sizes:2.0"], ["sizes:3", "sizes=4", "sizes:abc"]),
    (
        "steps {name: 'copy' state: RUNNING} steps {tries: 3 steps {name: 'inner'}}",
        [
            "steps.name:copy",
            "steps.name:co*",
            "steps.name:*",
            "steps.tries:3",
            "steps.state:RUNNING",
            "steps.steps.name:inner",
            "steps:name",
            "steps:*",
        ],
        [
            "steps.name:cop",
            "steps.name=copy",
            "steps.name!=x",
            "steps.tries>2",
            "steps.nmae:*",
            "steps:nmae",
            "steps.0.name:copy",
        ],
    ),
    # Maps
    (
        "labels {key: 'color' value: 'red'} labels {key: 'a.b/c' value: ''}",
        [
            "labels.color=red",
            "labels.color:red",
            "labels.color:r*",
            "labels.color:*",
            "labels:color",
            "labels:*",
            "labels.'a.b/c':*",
            "labels:'a.b/c'",
            "labels:a.b/c",
            "labels.'a.b/c'=''",
            "labels.color!=blue",
            "labels.shape!=*",
            "NOT labels.shape:*",
            "NOT labels.shape=round",
        ],
        [
            "labels.color:re",
            "labels.color=blue",
            "labels.shape:*",
            "labels:shape",
            "labels.shape!=round",
            "labels=red",
            "labels=color",
            "labels.color.x=1",
            "labels != *",
        ],
    ),
    ("", ["labels != *"], ["labels:*", "labels.color!=red"]),
    (
        "stages {key: 'one' value {name: 'copy' tries: 2}}",
        ["stages.one.name=copy", "stages.one.tries>1", "stages:one", "stages.one:name"],
        ["stages.two.name=copy", "stages.one.name=cop", "stages.one=copy", "stages.one.x:*"],
    ),
    (
        "floors {key: 7 value: 'top'} answers {key: true value: 'yes'}",
        ["floors.7=top", "floors:7", "answers.true=yes", "answers:true"],
        ["floors.8=top", "floors.x=top", f"floors.{2**40}=top", "answers.false:*", "answers:x"],
    ),
    ("facts {key: 'n' value {number_value: 3}}", ["facts.n=3", "facts.n>2"], ["facts.n=x"]),
    # Times
    (
        "start_time {seconds: 1522248600 nanos: 500000000}",
        [
            "start_time = '2018-03-28T14:50:00.5Z'",
            "start_time = 2018-03-28T14:50:00.5Z",
            "start_time = '2018-03-28T16:50:00.500+02:00'",
            "start_time > '2018-03-28T14:50:00Z'",
            "start_time < '2018-03-28T14:50:01Z'",
            "start_time >= 2018-03-28",
            "start_time < 2018-03-29",
            "start_time > 1522248600",
            "start_time != 2018-03-28",
            "start_time:*",
            "startTime:'2018-03-28T14:50:00.5Z'",
            "startTime.seconds = 1522248600",
        ],
        ["start_time < 2018-03-28", "start_time < now", "start_time != now", "start_time != *"],
    ),
    ("", ["start_time != *", "NOT start_time > 0"], ["start_time:*", "start_time != 2018-03-28"]),
    (
        "elapsed {seconds: 3 nanos: 500000000}",
        ["elapsed = 3.5s", "elapsed:3.5s", "elapsed > 3s", "elapsed < 3.500000001s", "elapsed:*"],
        ["elapsed = 3.5", "elapsed > 4s", "elapsed < abc", "elapsed < -1s"],
    ),
    ("moments {seconds: 86400}", ["moments:1970-01-02"], ["moments:1970-01-03", "moments>0"]),
    # Wrappers
    (
        "limit {value: 0} note {value: 'abc'} share {value: 0.1}",
        ["limit=0", "limit:*", "limit.value=0", "limit<1", "note:b", "note=a*", "share=0.1"],
        ["limit=1", "note=b", "note=1", "limit=abc"],
    ),
    ("", ["limit!=*"], ["limit=0", "limit:*", "limit!=1", "note=''"]),
    # Fields that know whether they are set
    ("attempt: 0", ["attempt=0", "attempt:*", "attempt!=1"], ["attempt=1", "attempt!=*"]),
    ("", ["attempt!=*", "attempt!=0"], ["attempt=0", "attempt:*", "attempt<1"]),
    ("disk: 'd'", ["disk=d", "disk:*", "bucket!=*"], ["bucket=''", "bucket:*"]),
    # Struct, Value, ListValue
    (
        """extra {
          fields {key: 'color' value {string_value: 'red'}}
          fields {key: 'n' value {number_value: 5}}
          fields {key: 'b' value {bool_value: true}}
          fields {key: 'z' value {null_value: NULL_VALUE}}
          fields {key: 'l' value {list_value {
            values {number_value: 1} values {string_value: 'a'}
            values {list_value {values {number_value: 2}}}
            values {struct_value {fields {key: 'x' value {string_value: 'y'}}}}}}}
          fields {key: 's' value {struct_value {
            fields {key: 'x' value {string_value: 'y'}}}}}
        }""",
        [
            "extra.color=red",
            "extra.color:red",
            "extra.color=r*",
            "extra.color!=blue",
            "extra.n=5",
            "extra.n>4.5",
            "extra.n!=red",
            "extra.b=true",
            "extra.b!=false",
            "extra.z=null",
            "extra.z:*",
            "extra.z!=5",
            "extra.color!=null",
            "extra.l:1",
            "extra.l:a",
            "extra.l:*",
            "extra.l:x",
            "extra.l.x:y",
            "extra.s.x=y",
            "extra.s:x",
            "extra:color",
            "extra:*",
        ],
        [
            "extra.color:re",
            "extra.color=blue",
            "extra.color<blue",
            "extra.color.deeper=1",
            "extra.n=red",
            "extra.n<red",
            "extra.b>false",
            "extra.z=0",
            "extra.l:2",
            "extra.l=1",
            "extra.s.y=1",
            "extra.s=y",
            "extra.missing:*",
            "extra.missing!=1",
            "extra:missing",
            "extra=red",
        ],
    ),
    ("", [], ["extra:*", "extra.color=red", "anything:*", "anything=null"]),
    ("extra {}", ["extra:*"], ["extra:color"]),
    ("anything {null_value: NULL_VALUE}", ["anything=null", "anything:*"], ["anything=0"]),
    ("anything {}", ["anything:*"], ["anything=null", "anything!=1"]),
    ("items {values {number_value: 4}}", ["items:4", "items:*"], ["items:5", "items=4"]),
    ("nothing: NULL_VALUE", ["nothing=NULL_VALUE", "nothing=0"], ["nothing=null"]),
    # Messages in messages
    (
        "parent {parent {title: 'deep'}}",
        ["parent.parent.title=deep", "parent:parent", "parent.parent:*", "parent.files=0"],
        ["parent.title:*", "parent:title", "parent=deep", "parent.parent.parent.files!=1"],
    ),
    (
        "packed {[type.googleapis.com/acme.Step] {name: 'inner' tries: 2}}",
        ["packed.name=inner", "packed.name:inn", "packed.@type:*.Step", "packed:tries"],
        ["packed.title:*", "packed.tries=1", "packed=inner", "packed:@type.x"],
    ),
    (
        "packs {[type.googleapis.com/acme.Step] {name: 'inner'}}",
        [
            "packs.name:inner",
            "packs.@type:type.googleapis.com/acme.Step",
            "packs:name",
            "packs:@type",
        ],
        ["packs.name=inner", "packs.name:inn", "packs:title"],
    ),
    # Names that the type does not have
    ("", ["NOT nosuch=1", "-nosuch.deeper:*"], ["nosuch=1", "nosuch!=1", "nosuch:*", "nosuch!=*"]),
]


@pytest.mark.parametrize(
    ("content", "text", "selected"),
    [
        (content, text, selected)
        for content, matching, others in OF_METADATA
        for selected, texts in ((True, matching), (False, others))
        for text in texts
    ],
)
def test_a_filter_selects_metadata(content, text, selected):
    for negation in ("NOT ", "-"):
        if text.startswith(negation):
            text = f"{negation}metadata.{text.removeprefix(negation)}"
            break
    else:
        text = f"metadata.{text}"
    assert parse(text, pool=POOL).matches(scan(content)) is selected


def test_camel_case_and_names_of_json_are_understood():
    operation = scan("start_time {seconds: 5} size: 3")
    for text in ("metadata.startTime:*", "metadata.start_time:*", "metadata.sizeInBytes=3"):
        assert parse(text, pool=POOL).matches(operation)


TYPE_URLS = [
    ("metadata.@type=type.googleapis.com/acme.Scan", True),
    ("metadata.@type:type.googleapis.com/acme.Scan", True),
    ("metadata.@type:acme", True),
    ("metadata.@type=*.Scan", True),
    ("metadata.@type:*", True),
    ("metadata.@type!=type.googleapis.com/acme.Step", True),
    ("metadata:@type", True),
    ("metadata.@type=acme.Scan", False),
    ("metadata.@type:type.googleapis.com/acme.S", False),  # a whole URL is a whole type
    ("metadata.@type!=*.Scan", False),
    ("response.@type!=x", False),
]


@pytest.mark.parametrize(("text", "selected"), TYPE_URLS)
def test_the_type_is_a_field(text, selected):
    assert parse(text, pool=POOL).matches(scan("")) is selected


AS_VALUE = [
    (duration_pb2.Duration(seconds=2), "response.value < 3s"),
    (duration_pb2.Duration(seconds=2), "response.value:*"),
    (duration_pb2.Duration(seconds=2), "NOT response.value != *"),
    (duration_pb2.Duration(seconds=2), "response.seconds = 2"),
    (timestamp_pb2.Timestamp(seconds=2), "response.value = 2"),
    (wrappers_pb2.Int32Value(value=5), "response.value = 5"),
    (wrappers_pb2.StringValue(value="abc"), "response.value:b"),
    (struct_pb2.Value(string_value="red"), "response.value = red"),
    (struct_pb2.ListValue(values=[struct_pb2.Value(number_value=1)]), "response.value:1"),
    (pack(wrappers_pb2.Int32Value(value=5)), "response.value.value = 5"),
]


@pytest.mark.parametrize(("content", "text"), AS_VALUE)
def test_what_json_shows_as_a_value_is_found_as_one(content, text):
    assert parse(text).matches(Operation(response=pack(content)))


def test_keys_of_a_packed_struct_are_found_directly_and_below_value():
    struct = struct_pb2.Struct()
    struct.update({"color": "red"})
    operation = Operation(response=pack(struct))
    assert parse("response.color=red").matches(operation)
    assert parse("response.value.color=red").matches(operation)
    struct.update({"value": {"size": 5}})
    assert parse("response.value.size=5").matches(Operation(response=pack(struct)))


UNREADABLE = [
    Any(type_url=f"{PREFIX}acme.Unknown", value=b"\x0a\x01a"),
    Any(type_url=f"{PREFIX}acme.Scan", value=b"\xff"),
    Any(type_url="no type at all"),
    Any(),
]


@pytest.mark.parametrize("packed", UNREADABLE)
def test_what_cannot_be_read_does_not_match(packed):
    operation = Operation(metadata=packed)
    for text in ("metadata.title:*", "metadata.title=''", "metadata.title!=x", "metadata:title"):
        assert not parse(text, pool=POOL).matches(operation)
        assert parse(f"NOT {text}", pool=POOL).matches(operation)
    assert parse("metadata:*", pool=POOL).matches(operation)
    assert parse(f"metadata.@type='{packed.type_url}'", pool=POOL).matches(operation)


def test_an_empty_type_is_no_type():
    nameless = Operation(metadata=Any(value=b"x"))
    assert not parse("metadata.@type:*").matches(nameless)
    assert parse("metadata.@type != *").matches(nameless)
    assert parse("metadata:*").matches(nameless)
    assert not parse("metadata.@type != *").matches(Operation())


def test_one_filter_reads_operations_of_different_types():
    asked = parse("metadata.name:s", pool=POOL)
    step = Operation(metadata=pack(message(POOL, "acme.Step", "name: 'step'")))
    number = Operation(metadata=pack(wrappers_pb2.Int32Value(value=1)))
    assert [asked.matches(each) for each in (step, scan(""), step, number, step)] == [
        True,
        False,
        True,
        False,
        True,
    ]


MISTAKES = [
    (
        "foo = 1",
        1,
        "an operation has no field 'foo'; it has name, metadata, done, error, response.",
    ),
    ("nmae = 2", 1, "an operation has no field 'nmae'; did you mean name?"),
    ("done=true AND doen=1", 15, "an operation has no field 'doen'; did you mean done?"),
    ("done = 7", 8, "done is true or false, and never '7'."),
    ("done:TRUE", 6, "done is true or false, and never 'TRUE'."),
    ("done < true", 6, "done is true or false, so < cannot compare it; use = or !=."),
    ("done.x = 1", 6, "done has no fields."),
    ("name.x = 1", 6, "name has no fields."),
    (
        "error.code = abc",
        14,
        "error.code is a number or the name of a google.rpc.Code, and never 'abc'.",
    ),
    ("error.cod = 1", 7, "Status has no field 'cod'; did you mean code?"),
    ("error:cod", 7, "Status has no field 'cod'; did you mean code?"),
    ("error.code.x = 1", 12, "error.code has no fields."),
    (
        "error = 5",
        1,
        (
            "error is a message, which equals no value; compare one of its fields, or write "
            "error:* to ask whether it is there."
        ),
    ),
    (
        "metadata > 5",
        1,
        (
            "metadata is a message, which equals no value; compare one of its fields, or write "
            "metadata:* to ask whether it is there."
        ),
    ),
    (
        "error.details.reason = X",
        7,
        "error.details is a list, which only : can look into, not =.",
    ),
    ("error.details = X", 7, "error.details is a list, which only : can look into, not =."),
    ("metadata.@type.x = 1", 16, "metadata.@type has no fields."),
]


@pytest.mark.parametrize(("text", "column", "message"), MISTAKES)
def test_what_no_operation_can_have_is_refused(text, column, message):
    with pytest.raises(InvalidArgument) as caught:
        parse(text)
    assert caught.value.message == f"The filter is wrong at column {column}: {message}"
    assert caught.value.metadata["column"] == str(column)
