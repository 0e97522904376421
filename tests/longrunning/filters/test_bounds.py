"""What a store may ask of its rows: necessary always, sufficient where it is called exact."""

import pytest
from google.longrunning.operations_pb2 import Operation
from google.protobuf.any_pb2 import Any
from google.rpc import status_pb2

from longrunning.filters import Among, Bounds, parse
from longrunning.filters.bounds import NOTHING, all_but, only

URL = "type.googleapis.com/acme.Scan"

BOUNDS = [
    ("", Bounds()),
    # done
    ("done=true", Bounds(done=True)),
    ("done:false", Bounds(done=False)),
    ("done!=true", Bounds(done=False)),
    ("done:*", Bounds(done=True)),
    ("NOT done", Bounds(done=False)),
    ("NOT (NOT done)", Bounds(done=True)),
    ("done=true AND done=false", NOTHING),
    ("done=true OR done=false", Bounds()),
    ("NOT (done=true OR done=false)", NOTHING),
    # name
    ("name=a", Bounds(names=only("a"))),
    ("name!=a", Bounds(names=all_but("a"))),
    ("name=(a OR b)", Bounds(names=only("a", "b"))),
    ("name=(a b)", NOTHING),
    ("-name=a -name=b", Bounds(names=all_but("a", "b"))),
    ("name=(a OR b) name!=a", Bounds(names=only("b"))),
    ("name=a*", Bounds(name_prefix="a")),
    ("name:a/*", Bounds(name_prefix="a/")),
    ("name=a* name=ab*", Bounds(name_prefix="ab")),
    ("name=a* name=b*", NOTHING),
    ("name=a* OR name=ab*", Bounds(name_prefix="a")),
    ("name=ab* OR name=ac*", Bounds(name_prefix="a", exact=False)),
    ("name=a*b", Bounds(name_prefix="a", exact=False)),
    ("name=*b", Bounds(exact=False)),
    ("name=a* name=(ab OR b)", Bounds(names=only("ab"))),
    ("name=a* name!=ab", Bounds(name_prefix="a", names=all_but("ab"))),
    ("NOT name=a*", Bounds(exact=False)),
    ("name!=a*", Bounds(exact=False)),
    ("NOT name!=a*", Bounds(name_prefix="a")),
    ("name:a", Bounds(exact=False)),
    ("name>a", Bounds(exact=False)),
    ("name:*", Bounds(names=all_but(""))),
    # error
    ("error:*", Bounds(error_codes=all_but(None))),
    ("NOT error:*", Bounds(error_codes=only(None))),
    ("error!=*", Bounds(error_codes=only(None))),
    ("error.code=5", Bounds(error_codes=only(5))),
    ("error.code=NOT_FOUND", Bounds(error_codes=only(5))),
    ("error.code=5.0", Bounds(error_codes=only(5))),
    ("error.code=5.5", NOTHING),
    ("error.code=2147483647", Bounds(error_codes=only(2**31 - 1))),
    ("error.code=2147483648", NOTHING),
    ("error.code=-2147483648", Bounds(error_codes=only(-(2**31)))),
    ("error.code=-2147483649", NOTHING),
    ("error.code=NaN", NOTHING),
    ("error.code=Infinity", NOTHING),
    ("NOT error.code=5.5", Bounds()),
    ("error.code=(5 OR 8)", Bounds(error_codes=only(5, 8))),
    ("error.code!=5", Bounds(error_codes=all_but(5, None))),
    ("NOT error.code=5", Bounds(error_codes=all_but(5))),
    ("NOT error.code!=5", Bounds(error_codes=only(5, None))),
    ("error.code:*", Bounds(error_codes=all_but(0, None))),
    ("error.code!=*", Bounds(error_codes=only(0))),
    ("error.code>5", Bounds(error_codes=all_but(None), exact=False)),
    ("NOT error.code>5", Bounds(exact=False)),
    ("error.message:x", Bounds(error_codes=all_but(None), exact=False)),
    ("error:code", Bounds(error_codes=all_but(None), exact=False)),
    ("error:* AND NOT error:*", NOTHING),
    # metadata and response
    ("metadata:*", Bounds(metadata_types=all_but(None))),
    ("NOT response:*", Bounds(response_types=only(None))),
    (f"metadata.@type={URL}", Bounds(metadata_types=only(URL))),
    (f"metadata.@type:{URL}", Bounds(metadata_types=only(URL))),
    (f"metadata.@type!={URL}", Bounds(metadata_types=all_but(URL, None))),
    (f"NOT metadata.@type={URL}", Bounds(metadata_types=all_but(URL))),
    ("response.@type=(a OR b)", Bounds(response_types=only("a", "b"))),
    ("metadata.@type:Scan", Bounds(metadata_types=all_but(None), exact=False)),
    ("metadata.@type=*.Scan", Bounds(metadata_types=all_but(None), exact=False)),
    ("metadata.@type:*", Bounds(metadata_types=all_but(None, ""))),
    ("metadata.title=x", Bounds(metadata_types=all_but(None), exact=False)),
    ("NOT metadata.title=x", Bounds(exact=False)),
    ("response:title", Bounds(response_types=all_but(None), exact=False)),
    # Together
    (
        f"(metadata.@type={URL}) AND (metadata.name:howl) AND (error:*) AND done=true",
        Bounds(done=True, error_codes=all_but(None), metadata_types=only(URL), exact=False),
    ),
    ("done=true OR error:*", Bounds(exact=False)),
    ("(done=true name=a) OR (done=true name=b)", Bounds(done=True, names=only("a", "b"))),
    ("(done=true name=a) OR (done=false name=b)", Bounds(names=only("a", "b"), exact=False)),
    ("(done=true title) OR (done=true other)", Bounds(done=True, exact=False)),
    ("done=true OR (done=true done=false)", Bounds(done=True)),
    ("NOT (done=false OR error:*)", Bounds(done=True, error_codes=only(None))),
    ("prod", Bounds(exact=False)),
    ("done=true prod", Bounds(done=True, exact=False)),
    ("done=true done=false prod", NOTHING),
]


@pytest.mark.parametrize(("text", "bounds"), BOUNDS)
def test_a_filter_is_bounded_by(text, bounds):
    assert parse(text).bounds() == bounds


def test_a_set_lists_what_is_in_it_or_what_is_not():
    assert "a" in only("a")
    assert "b" not in only("a")
    assert "a" not in all_but("a")
    assert None in all_but("a")
    assert Among().is_everything
    assert not all_but("a").is_everything
    assert only().is_nothing
    assert not only("a").is_nothing
    assert repr(only("b", "a")) == "only('a', 'b')"
    assert repr(all_but(None)) == "all_but(None)"


def test_bounds_show_only_what_they_demand():
    assert repr(Bounds()) == "Bounds()"
    assert repr(parse("done name=a").bounds()) == "Bounds(done=True, names=only('a'))"
    assert repr(NOTHING) == "Bounds(nothing=True)"


ADMITTED = [
    (Bounds(), True),
    (NOTHING, False),
    (Bounds(done=True), True),
    (Bounds(done=False), False),
    (Bounds(names=only("operations/1")), True),
    (Bounds(names=all_but("operations/1")), False),
    (Bounds(name_prefix="operations/"), True),
    (Bounds(name_prefix="x"), False),
    (Bounds(error_codes=only(5)), True),
    (Bounds(error_codes=only(None)), False),
    (Bounds(metadata_types=only(URL)), True),
    (Bounds(metadata_types=all_but(URL)), False),
    (Bounds(response_types=only(None)), True),
    (Bounds(response_types=all_but(None)), False),
]


@pytest.mark.parametrize(("bounds", "admitted"), ADMITTED)
def test_bounds_admit_an_operation(bounds, admitted):
    operation = Operation(
        name="operations/1",
        done=True,
        error=status_pb2.Status(code=5),
        metadata=Any(type_url=URL),
    )
    assert bounds.admits(operation) is admitted
