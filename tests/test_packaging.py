"""The wheel: everything that is needed at run time, and nothing that is not."""

import email
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
TEST_TOOLS = ("pytest", "hypothesis", "httpx", "requests", "google-api-core", "ruff", "mypy")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("longrunning-*.whl")
    return built


def test_the_wheel_holds_what_is_needed_at_run_time(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    expected = {
        str(path.relative_to(source))
        for source in (ROOT / "server", ROOT / "transcoding")
        for path in source.rglob("*")
        if path.suffix in {".py", ".sql"} or path.name == "py.typed"
    } | {
        f"longrunning/service_configs/{path.name}"
        for path in (ROOT / "protos" / "service_configs").glob("*.yaml")
    }
    assert expected <= held
    assert {"longrunning/py.typed", "grpc_transcoding/py.typed"} <= held
    assert "longrunning/service_configs/operations_v1.yaml" in held


def test_the_wheel_holds_two_packages_and_nothing_else(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    version = PYPROJECT["project"]["version"]
    assert tops == {"longrunning", "grpc_transcoding", f"longrunning-{version}.dist-info"}


def test_installing_it_brings_no_test_tool(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (metadata,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
    required = email.message_from_bytes(archive.read(metadata)).get_all("Requires-Dist") or []
    always = {re.split(r"[^\w-]", line)[0] for line in required if "extra ==" not in line}
    assert always == {re.split(r"[^\w-]", each)[0] for each in PYPROJECT["project"]["dependencies"]}
    assert not always & set(TEST_TOOLS)


def test_what_is_installed_from_the_wheel_works(wheel: Path, tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run(
        [*pip, "--target", str(tmp_path), str(wheel)],
        check=True,
        capture_output=True,
    )
    code = (
        "import longrunning, grpc_transcoding\n"
        "longrunning.App(longrunning.Operations(longrunning.MemoryStore())).transcoder()\n"
        "print(longrunning.__file__, grpc_transcoding.__file__)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert all(path.startswith(str(tmp_path)) for path in ran.stdout.split())


def bounds(requirements: list[object]) -> dict[str, str]:
    """Returns the lower bound of each requirement."""
    found = {}
    for requirement in requirements:
        if isinstance(requirement, str):
            match = re.fullmatch(r"([\w-]+)(?:\[[\w,]+\])?(?:>=([\d.]+))?(?:; .+)?", requirement)
            assert match, f"{requirement!r} is not NAME>=VERSION[; MARKER]"
            assert match[2], f"{requirement!r} has no lower bound"
            found[match[1].lower()] = match[2]
    return found


def test_the_lowest_versions_that_ci_tests_are_the_lower_bounds() -> None:
    project, groups = PYPROJECT["project"], PYPROJECT["dependency-groups"]
    declared = bounds(project["dependencies"]) | bounds(groups["demo"]) | bounds(groups["test"])
    for extra in project["optional-dependencies"].values():
        declared |= bounds(extra)
    lines = (ROOT / "constraints-lowest.txt").read_text().splitlines()
    pinned = dict(line.lower().split("==") for line in lines if "==" in line)
    assert declared == {name: pinned.get(name) for name in declared}
