"""Filters that real APIs document: each parses, and selects what its documentation says."""

import json
from pathlib import Path

import pytest
from google.longrunning.operations_pb2 import Operation
from google.protobuf import json_format

from longrunning.errors import InvalidArgument
from longrunning.filters import check_aliases, parse
from tests.longrunning.filters.samples import add_message, new_file, new_pool

DATA = json.loads((Path(__file__).parent / "data" / "documented_filters.json").read_text())

# As much of the types that the filters name as the filters need.
DATABASE = {
    "Progress": "int32 progress_percent; google.protobuf.Timestamp start_time",
    "BackupInfo": "string backup; string source_database",
    "RestoreDatabaseMetadata": (
        "string name; PACKAGE.RestoreSourceType source_type; PACKAGE.BackupInfo backup_info; "
        "PACKAGE.Progress progress"
    ),
    "CreateBackupMetadata": "string name; string database; PACKAGE.Progress progress",
    "CopyBackupMetadata": "string name; string source_backup; PACKAGE.Progress progress",
    "OptimizeRestoredDatabaseMetadata": "string name; PACKAGE.Progress progress",
}
INSTANCE = {
    "InstancePartition": "string name",
    "CreateInstancePartitionMetadata": (
        "PACKAGE.InstancePartition instance_partition; google.protobuf.Timestamp start_time"
    ),
}
EXAMPLE = {
    "OperationMetadata": (
        "string service_name; string project_id; string request_type; string status; string state; "
        "google.protobuf.Timestamp start_time; map string string labels"
    ),
}


def pool_of_documented_types():
    pool = new_pool()
    for package, types in (
        ("google.spanner.admin.database.v1", DATABASE),
        ("google.spanner.admin.instance.v1", INSTANCE),
        ("example.v1", EXAMPLE),
    ):
        file = new_file(package)
        if types is DATABASE:
            source_type = file.enum_type.add(name="RestoreSourceType")
            source_type.value.add(name="TYPE_UNSPECIFIED", number=0)
            source_type.value.add(name="BACKUP", number=1)
        for name, fields in types.items():
            add_message(file, name, fields.replace("PACKAGE", package))
        pool.AddSerializedFile(file.SerializeToString())
    return pool


POOL = pool_of_documented_types()


def operation(content):
    return json_format.ParseDict(
        {"name": "operations/1", **content}, Operation(), descriptor_pool=POOL
    )


@pytest.mark.parametrize("documented", DATA["filters"], ids=lambda each: each["filter"][:80])
def test_a_documented_filter_selects_what_it_says(documented):
    aliases = documented.get("aliases", {})
    check_aliases(aliases)
    asked = parse(documented["filter"], aliases=aliases, pool=POOL)
    for content in documented["selects"]:
        assert asked.matches(operation(content)), content
        assert asked.bounds().admits(operation(content)), content
    for content in documented["leaves"]:
        assert not asked.matches(operation(content)), content
    assert parse(str(asked), pool=POOL) == asked


@pytest.mark.parametrize("documented", DATA["refused"], ids=lambda each: each["filter"])
def test_a_filter_of_another_grammar_is_refused(documented):
    with pytest.raises(InvalidArgument) as caught:
        parse(documented["filter"])
    assert caught.value.message == documented["message"]


def test_every_filter_names_its_source():
    for documented in DATA["filters"] + DATA["refused"]:
        assert documented["source"] in DATA["sources"]
