"""What the package knows, and what it does not."""

import ast
import subprocess
import sys
from pathlib import Path

import grpc_transcoding

PACKAGE = Path(grpc_transcoding.__file__).parent


def imports_of(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


def modules(folder: str = ""):
    return sorted((PACKAGE / folder).rglob("*.py"))


def test_nothing_in_it_knows_of_operations():
    for path in modules():
        for name in imports_of(path):
            assert not name.startswith(("longrunning", "google.longrunning")), path


def test_importing_it_does_not_import_longrunning():
    code = "import sys, grpc_transcoding; print([m for m in sys.modules if m.split('.')[0] == 'longrunning'])"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout == "[]\n"


ARROWS = {
    # folder -> folders that it may know
    "path_templates": set(),
    "messages": {"errors", "messages"},
    "calls": {"errors", "calls"},
    "bindings": {"path_templates", "messages", "bindings"},
    "http": {
        "errors",
        "limits",
        "options",
        "path_templates",
        "messages",
        "calls",
        "bindings",
        "http",
    },
    "openapi": {"path_templates", "messages", "bindings", "openapi", "assembly"},
}


def test_each_folder_knows_only_those_below_it():
    for folder, known in ARROWS.items():
        for path in modules(folder):
            for name in imports_of(path):
                if name.startswith("grpc_transcoding."):
                    assert name.split(".")[1] in known | {folder}, (path, name)


def test_the_template_parser_does_no_io():
    for path in modules("path_templates"):
        assert not imports_of(path) & {"asyncio", "os", "pathlib", "socket", "io"}, path


def test_modules_are_small():
    long = {path.name: n for path in modules() if (n := len(path.read_text().splitlines())) > 400}
    assert long == {}


def test_public_names_are_what_the_package_lists():
    for name in grpc_transcoding.__all__:
        assert getattr(grpc_transcoding, name).__doc__, name
