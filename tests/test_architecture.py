"""The arrows between the rooms: who may import whom."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# A module of the server imports from floors below its own, and from its own room.
FLOORS = [
    {"child_process", "clock", "errors", "event_loop", "identifiers", "packing"},
    {"interception", "names", "page_tokens", "statuses", "traces", "lifecycle", "filters"},
    {"auth", "services", "stores", "logs"},
    {"observing"},
    {"handlers", "ledger", "waiters", "servicer", "telemetry"},
    {"engines", "purging", "starting", "view"},
    {"recovery", "reporting"},
    {"operations"},
    {"portal", "testing"},
    {"serving"},
    {"commands"},
]
# `operations.portal()` makes what stands on it, as the house's public face wants it.
UPWARD = {("operations", "portal")}
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


def modules(package: Path) -> list[Path]:
    return [path for path in sorted(package.rglob("*.py")) if "_gen" not in path.parts]


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


SERVER = ROOT / "server" / "longrunning"
TRANSCODING = ROOT / "transcoding" / "grpc_transcoding"


@pytest.mark.parametrize("path", modules(TRANSCODING), ids=lambda path: path.name)
def test_the_transcoder_knows_nothing_of_operations(path: Path) -> None:
    for name in imported(path):
        assert name.split(".")[0] != "longrunning"
        assert not name.startswith("google.longrunning")


def room_of(path: Path) -> str:
    return path.relative_to(SERVER).parts[0].removesuffix(".py")


@pytest.mark.parametrize(
    "path",
    [path for path in modules(SERVER) if path != SERVER / "__init__.py"],
    ids=lambda path: str(path.relative_to(SERVER)),
)
def test_a_module_imports_only_what_is_below_it(path: Path) -> None:
    room = room_of(path)
    for name in imported(path):
        head, _, rest = name.partition(".")
        if head == "grpc_transcoding":
            assert room in ("serving", "services", "commands"), f"{room} must not know of HTTP"
        if head != "longrunning":
            continue
        below = rest.split(".")[0]
        if below in FLOOR and below != room and (room, below) not in UPWARD:
            assert FLOOR[below] < FLOOR[room], f"{room} (floor {FLOOR[room]}) imports {below}"


def test_every_room_has_a_floor() -> None:
    rooms = {room_of(path) for path in modules(SERVER)} - {"__init__"}
    assert rooms == set(FLOOR)


def test_only_stores_speak_sql() -> None:
    for path in modules(SERVER):
        if room_of(path) != "stores":
            assert not {"sqlite3", "psycopg"} & {name.split(".")[0] for name in imported(path)}
