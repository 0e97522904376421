"""`lro migrate`: what it does to a store, and what it says."""

import contextlib
import re
import sqlite3
from pathlib import Path

import pytest

from longrunning.commands.app import run
from tests.longrunning.stores.postgres_server import PostgresServer
from tests.longrunning.stores.storages import PostgresSchema


def lro(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run(arguments)
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_new_file_gets_its_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"sqlite:///{tmp_path}/operations.db"
    migrated = f"lro: {url} was migrated: schema 0 to 2\n"
    assert lro(capsys, "migrate", url) == (0, migrated, "")
    assert lro(capsys, "migrate", url) == (0, f"lro: {url} is up to date: schema 2\n", "")
    with contextlib.closing(sqlite3.connect(tmp_path / "operations.db")) as connection:
        assert connection.execute("SELECT count(*) FROM operations").fetchone() == (0,)


def test_a_schema_gets_its_tables(
    postgres: PostgresServer, capsys: pytest.CaptureFixture[str]
) -> None:
    place = PostgresSchema(postgres)
    url = f"{postgres.url}&schema={place.schema}"
    code, out, err = lro(capsys, "migrate", url)
    assert (code, err) == (0, "")
    assert out.endswith(f"schema={place.schema} was migrated: schema 0 to 2\n")
    place.remove()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("memory:", "memory: has no tables: there is nothing to migrate"),
        ("mysql://host", "unknown store URL 'mysql://host': expected 'memory:', .*"),
        ("mysql://me:p@ss@host", "unknown store URL 'mysql://...@host': expected 'memory:', .*"),
        ("sqlite:////nowhere/o.db", "/nowhere/o.db cannot be opened; its directory must exist .*"),
        ("postgresql:///o?host=/nowhere", r"postgresql:///o\S+ cannot be used as a store: .*"),
    ],
)
def test_what_cannot_be_migrated_is_one_line(
    url: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = lro(capsys, "migrate", url)
    assert (code, out) == (2, "")
    assert re.fullmatch(f"lro: {said}\n", err)


def test_a_newer_database_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"sqlite:///{tmp_path}/operations.db"
    lro(capsys, "migrate", url)
    with contextlib.closing(sqlite3.connect(tmp_path / "operations.db")) as connection:
        connection.execute("INSERT INTO migrations VALUES (99, 98)")
        connection.commit()
    code, _, err = lro(capsys, "migrate", url)
    assert code == 2
    assert "was written by a newer longrunning" in err
