"""Fields and keys by the names that clients write."""

import pytest

from longrunning.filters.fields import find_field, is_map, is_repeated, map_key, no_field
from tests.longrunning.filters.samples import POOL, add_message, new_file, new_pool

SCAN = POOL.FindMessageTypeByName("acme.Scan")

NAMES = [
    ("start_time", "start_time"),
    ("startTime", "start_time"),
    ("sizeInBytes", "size"),
    ("size", "size"),
    ("StartTime", None),
    ("START_TIME", None),
    ("", None),
]


@pytest.mark.parametrize(("written", "name"), NAMES)
def test_a_field_is_found_by(written, name):
    field = find_field(SCAN, written)
    assert (field and field.name) == name


def test_lists_and_maps_are_told_apart():
    kinds = {
        name: (is_repeated(SCAN.fields_by_name[name]), is_map(SCAN.fields_by_name[name]))
        for name in ("title", "tags", "steps", "labels", "parent")
    }
    assert kinds == {
        "title": (False, False),
        "tags": (True, False),
        "steps": (True, False),
        "labels": (True, True),
        "parent": (False, False),
    }


KEYS = [
    ("string", "a b", "a b"),
    ("string", "5", "5"),
    ("bool", "true", True),
    ("bool", "True", None),
    ("int32", "2147483647", 2**31 - 1),
    ("int32", "2147483648", None),
    ("int32", "-2147483648", -(2**31)),
    ("int32", "-2147483649", None),
    ("int32", "5.0", None),
    ("int32", "a", None),
    ("int64", "9223372036854775807", 2**63 - 1),
    ("int64", "9223372036854775808", None),
    ("int64", "-9223372036854775808", -(2**63)),
    ("int64", "-9223372036854775809", None),
    ("uint32", "4294967295", 2**32 - 1),
    ("uint32", "4294967296", None),
    ("uint32", "0", 0),
    ("uint32", "-1", None),
    ("uint64", "18446744073709551615", 2**64 - 1),
    ("uint64", "18446744073709551616", None),
    ("uint64", "0", 0),
    ("uint64", "-1", None),
]


@pytest.mark.parametrize(("kind", "written", "key"), KEYS)
def test_a_key_of_a_map_is_read_as(kind, written, key):
    file = new_file("keys")
    add_message(file, "Holder", f"map {kind} string entries")
    pool = new_pool()
    pool.AddSerializedFile(file.SerializeToString())
    entry = pool.FindMessageTypeByName("keys.Holder.EntriesEntry")
    assert map_key(entry.fields_by_name["key"], written) == key


def test_a_missing_field_is_told_with_the_one_that_may_be_meant():
    assert no_field("Scan", "titel", ["title", "files"]) == (
        "Scan has no field 'titel'; did you mean title?"
    )
    assert no_field("Scan", "zzz", ["title", "files"]) == (
        "Scan has no field 'zzz'; it has title, files."
    )
