"""A file of grants, and what is wrong with it."""

import logging
import os
from pathlib import Path

import pytest

from longrunning.auth import Access, Caller, GrantsError, PrefixGrants

ALICE = Caller(subject="alice", issuer="https://issuer.example")
GET = "google.longrunning.Operations.GetOperation"


def access(parent: str | None, method: str = GET, caller: Caller = ALICE) -> Access:
    return Access(caller=caller, service="", method=method, parent=parent)


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("- a\n", 1, "expected a mapping of principals, each with its parents"),
        ("a#b: x\n", 1, "expected a mapping of parents, each with its methods"),
        ("\na#b:\n  projects/p: all\n", 3, "expected a list of methods, such as ['*']"),
        ("a#b:\n  projects/p:\n  - x y\n", 3, "'x y' is no method: expected 'pkg.Service.Method'"),
        ("a#b:\n  projects/p: ['']\n", 2, "'' is no method"),
        ("a#b:\n  projects/p: [{a: b}]\n", 2, "'what is here' is no method"),
        ("a#b:\n  projects/p: ['pkg.*.Get']\n", 2, "'pkg.*.Get' is no method"),
        ("# who\nalice:\n  projects/p: ['*']\n", 2, "'alice' is no principal: expected 'issuer#"),
        ("'#b':\n  projects/p: ['*']\n", 1, "'#b' is no principal"),
        ("a#b:\n  projects/p/: ['*']\n", 2, "'projects/p/' is no parent: expected segments"),
        ("a#b:\n  projects/-: ['*']\n", 2, "'projects/-' is no parent"),
        ("a#b:\n  '': ['*']\n", 2, "'' is no parent"),
        ("a#b:\n  '*': ['*']\n  '*': ['*']\n", 3, "'*' is here twice"),
        ("a#b: {}\na#b: {}\n", 2, "'a#b' is here twice"),
        ("? [a]\n: b\n", 1, "expected a mapping of principals"),
        ("a#b: {}\n  x: [\n", 2, "it is no YAML: "),
    ],
)
def test_a_fault_names_the_file_and_the_line(
    tmp_path: Path, text: str, line: int, problem: str
) -> None:
    path = tmp_path / "grants.yaml"
    path.write_text(text)
    with pytest.raises(GrantsError) as refused:
        PrefixGrants(path)
    assert str(refused.value).startswith(f"{path}, line {line}: {problem}")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(GrantsError, match=r"none\.yaml cannot be read: No such file"):
        PrefixGrants(tmp_path / "none.yaml")
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"\xff")
    with pytest.raises(GrantsError, match=r"latin\.yaml is not UTF-8"):
        PrefixGrants(path)


async def test_an_empty_file_grants_nothing(tmp_path: Path) -> None:
    path = tmp_path / "grants.yaml"
    path.write_text("")
    assert not await PrefixGrants(path).may_call(access("projects/p"))


async def test_a_prefix_ends_with_a_segment(tmp_path: Path) -> None:
    path = tmp_path / "grants.yaml"
    path.write_text(f"{ALICE.id}:\n  projects/p: [google.longrunning.Operations.*]\n")
    grants = PrefixGrants(path)
    asked = {
        "projects/p": True,
        "projects/p/locations/l": True,
        "projects/pp": False,
        "projects": False,
        "": False,
        None: True,
    }
    assert {parent: await grants.may_call(access(parent)) for parent in asked} == asked
    assert not await grants.may_call(access("projects/p", "google.longrunning.OperationsX.Get"))
    assert not await grants.may_call(access(None, "other.Service.Get"))
    nobody = Caller(subject="", issuer="https://issuer.example")
    assert not await grants.may_call(access("projects/p", caller=nobody))


async def test_a_file_that_changes_for_the_worse_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "grants.yaml"
    good = f"{ALICE.id}: {{projects/p: ['*']}}\n"
    path.write_text(good)
    grants = PrefixGrants(path)
    path.write_text("- oops\n")
    for _ in range(3):
        assert await grants.may_call(access("projects/p"))
    assert [each.levelno for each in caplog.records] == [logging.ERROR]
    assert "grants.yaml, line 1: expected a mapping" in caplog.text
    path.write_text(good.replace("projects/p", "projects/other"))
    assert not await grants.may_call(access("projects/p"))
    caplog.clear()
    path.unlink()
    for _ in range(3):
        assert await grants.may_call(access("projects/other"))
    assert [each.getMessage() for each in caplog.records] == [
        f"the grants stay as they were: {path} cannot be read: No such file or directory"
    ]
    path.write_text(good)
    assert await grants.may_call(access("projects/p"))


async def test_a_file_is_read_again_when_its_times_are_set_back(tmp_path: Path) -> None:
    path = tmp_path / "grants.yaml"
    path.write_text(f"{ALICE.id}: {{projects/p: ['*']}}\n")
    before = path.stat()
    grants = PrefixGrants(path)
    path.write_text(f"{ALICE.id}: {{projects/q: ['*']}}\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    while path.stat().st_ctime_ns == before.st_ctime_ns:  # some disks count in hundredths
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert not await grants.may_call(access("projects/p"))
