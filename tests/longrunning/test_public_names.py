"""What `import longrunning` offers, and that it costs nothing until it is used."""

import subprocess
import sys

import pytest

import longrunning


def test_every_public_name_is_there() -> None:
    for name in longrunning.__all__:
        assert getattr(longrunning, name).__name__ == name
    assert sorted([*longrunning.__all__, "PostgresStore"]) == sorted(longrunning._HOMES)


def test_everything_can_be_imported_without_the_extras() -> None:
    code = (
        "import sys; sys.modules['psycopg'] = sys.modules['psycopg_pool'] = None\n"
        "from longrunning import *; Operations(MemoryStore())"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'longrunning' has no attribute 'Operation'"):
        longrunning.Operation  # noqa: B018 - the access is the test


def test_the_names_are_listed_before_they_are_used() -> None:
    code = "import sys, longrunning; sys.exit(not {*longrunning.__all__} <= {*dir(longrunning)})"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_importing_the_package_does_not_import_grpc() -> None:
    code = "import sys, longrunning; sys.exit('grpc' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
