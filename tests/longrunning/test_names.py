"""Which names are names, and which parents a pattern stands for."""

import pytest

from longrunning import InvalidArgument
from longrunning.names import (
    NameFormat,
    ParentPattern,
    check_parent,
)


@pytest.mark.parametrize(
    ("parent", "name"),
    [("", "operations/7"), ("projects/p/locations/l", "projects/p/locations/l/operations/7")],
)
def test_an_operation_is_named_below_its_parent(parent: str, name: str) -> None:
    assert NameFormat().write(parent, "7") == name
    NameFormat().check(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "The name of an operation is required."),
        *(
            (
                name,
                f"{name!r} is not the name of an operation: "
                "expected 'operations/{id}' or '{parent}/operations/{id}'.",
            )
            for name in (
                "operations",
                "operations/",
                "/operations/7",
                "operations/7/8",
                "operations//7",
                "projects//operations/7",
                "operations/7 8",
                "operations/7\n",
                "operations/\x007",
                "operations/\ud83d",
                "7",
                "operation/7",
            )
        ),
    ],
)
def test_a_malformed_name_is_refused(name: str, message: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        NameFormat().check(name)
    assert refused.value.message == message
    assert (refused.value.field, refused.value.reason) == ("name", "INVALID_NAME")


def test_a_long_name_is_refused_without_being_repeated_whole() -> None:
    with pytest.raises(InvalidArgument, match=r"'a{100}'\.\.\. \(2011 characters\)"):
        NameFormat().check("a" * 2000 + "/operations")


@pytest.mark.parametrize("parent", ["/", "projects/", "a//b", "a b", "projects/p\n", "\ud83d"])
def test_a_malformed_parent_is_refused(parent: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        check_parent(parent)
    assert refused.value.message == (
        f"{parent!r} is not a resource name: "
        "expected segments such as 'projects/{project}/locations/{location}'."
    )


def test_nothing_is_created_below_a_wildcard() -> None:
    with pytest.raises(
        InvalidArgument, match="'projects/-' has the wildcard '-', which only a list may have"
    ):
        check_parent("projects/-")


@pytest.mark.parametrize("parent", ["operations", "projects/p/operations"])
def test_nothing_is_created_below_a_collection_of_operations(parent: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        check_parent(parent)
    assert refused.value.message == (
        f"{parent!r} is a collection of operations: leave 'operations' out."
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("", ""),
        ("operations", ""),
        ("projects/p", "projects/p"),
        ("projects/p/operations", "projects/p"),
        ("projects/-/locations/-/operations", "projects/-/locations/-"),
    ],
)
def test_a_list_takes_both_spellings_of_a_parent(name: str, text: str) -> None:
    assert ParentPattern.parse(name).text == text


@pytest.mark.parametrize("name", ["/", "/operations", "a//b", "projects/p/", "a\tb"])
def test_a_list_of_a_malformed_parent_is_refused(name: str) -> None:
    with pytest.raises(InvalidArgument, match="is not the parent of operations"):
        ParentPattern.parse(name)


@pytest.mark.parametrize(
    ("pattern", "parent", "matches"),
    [
        ("", "", True),
        ("", "projects/p", False),
        ("projects/p", "projects/p", True),
        ("projects/p", "projects/q", False),
        ("projects/-", "projects/q", True),
        ("projects/-", "folders/q", False),
        ("projects/-", "projects/q/locations/l", False),
        ("projects/-/locations/l", "projects/q/locations/l", True),
        ("projects/-/locations/l", "projects/q/locations/m", False),
        ("-", "", True),
    ],
)
def test_a_wildcard_stands_for_exactly_one_segment(
    pattern: str, parent: str, matches: bool
) -> None:
    assert ParentPattern.parse(pattern).matches(parent) is matches
