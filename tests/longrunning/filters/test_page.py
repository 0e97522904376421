"""Every example of docs/filters.md does what the page says."""

import doctest
import json
import re
from pathlib import Path

import pytest
from google.longrunning.operations_pb2 import Operation
from google.protobuf import json_format

from longrunning.errors import InvalidArgument
from longrunning.filters import grammar, parse
from tests.longrunning.filters.samples import add_message, new_file, new_pool

PAGE = Path(__file__).parents[3] / "docs" / "filters.md"
TEXT = PAGE.read_text()
ROW = re.compile(r"^\| `(.+)` \| (.+) \|$", re.MULTILINE)


def rows(second_column):
    """The rows of every table that has this second column."""
    tables = re.findall(
        rf"^\| filter \| {second_column} \|\n\| .*\n((?:\|.*\n)+)", TEXT, re.MULTILINE
    )
    return [row for table in tables for row in ROW.findall(table)]


def pool_of_the_page():
    file = new_file("example.v1")
    state = file.enum_type.add(name="State")
    for number, name in enumerate(("STATE_UNSPECIFIED", "RUNNING", "FAILED")):
        state.value.add(name=name, number=number)
    add_message(file, "Step", "string name; int32 attempts")
    add_message(
        file,
        "ImportMetadata",
        "string source; example.v1.State state; int32 progress_percent; "
        "google.protobuf.Timestamp start_time; google.protobuf.Duration budget; "
        "map string string labels; repeated string regions; repeated example.v1.Step steps",
    )
    pool = new_pool()
    pool.AddSerializedFile(file.SerializeToString())
    return pool


POOL = pool_of_the_page()
SHOWN = re.search(r"```json\n(.*?)```", TEXT, re.DOTALL)
OPERATION = json_format.ParseDict(json.loads(SHOWN[1]), Operation(), descriptor_pool=POOL)


def test_the_tables_are_found():
    assert len(rows("selects it")) > 50
    assert len(rows("error")) > 5


@pytest.mark.parametrize(("text", "selected"), rows("selects it"))
def test_a_filter_selects_what_the_page_says(text, selected):
    assert {True: "yes", False: "no"}[parse(text, pool=POOL).matches(OPERATION)] == selected


@pytest.mark.parametrize(("text", "message"), rows("error"))
def test_a_mistake_is_told_as_the_page_says(text, message):
    with pytest.raises(InvalidArgument) as caught:
        parse(text)
    assert caught.value.message == message


def test_the_limits_are_those_of_the_page():
    assert (
        f"A filter has at most {grammar.MAX_LENGTH} characters, {grammar.MAX_RESTRICTIONS} "
        f"comparisons, {grammar.MAX_SEARCHES} words alone, parentheses {grammar.MAX_DEPTH} deep "
        f"and paths of {grammar.MAX_NAMES} names."
    ) in TEXT.replace("\n", " ")


def test_the_code_of_the_page_runs():
    failed, tried = doctest.testfile(str(PAGE), module_relative=False)
    assert tried > 5
    assert not failed
