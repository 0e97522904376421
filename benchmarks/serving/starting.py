"""From exec to serving, the memory of an idle server, and the time of `import longrunning`."""

import compileall
import time
from pathlib import Path

import grpc_transcoding
import longrunning
from benchmarks.serving.options import Options
from benchmarks.serving.processes import Process
from benchmarks.serving.rounds import Column, Table, in_turn
from benchmarks.serving.servers import lro_serve
from benchmarks.serving.stores import Places

EMPTY_APP = "benchmarks.serving.empty_app:app"
MB = "idle_mb"
COLUMNS = {
    "seconds": Column(title="seconds", form=".3f"),
    MB: Column(title="idle MB", form=".1f"),
    # How much of a library counts as resident depends on how the page cache came to hold it.
    "anonymous_mb": Column(title="of that no page of a file", form=".1f"),
}
IDLE_SECONDS = 1.0
_IMPORT = "import time; t = time.perf_counter(); {}; print(time.perf_counter() - t)"
STATEMENTS = (
    "import longrunning",
    "from longrunning import App, Operations, SQLiteStore",
    "import grpc",
)


def start(url: str, options: Options) -> dict[str, float]:
    """Starts a server on a store that has its tables."""
    begun = time.perf_counter()
    with lro_serve(options.folder, url, app=EMPTY_APP, environment=options.environment) as server:
        taken = time.perf_counter() - begun
        time.sleep(IDLE_SECONDS)
        return {
            "seconds": taken,
            MB: server.resident_kib() * 1024 / 1e6,
            "anonymous_mb": server.anonymous_kib() * 1024 / 1e6,
        }


def import_seconds(statement: str, options: Options) -> dict[str, float]:
    """Runs an import in a new interpreter, and returns what that takes besides its start."""
    with Process(
        ["python", "-c", _IMPORT.format(statement)], options.folder / "import.log"
    ) as once:
        return {"seconds": float(once.output(30))}


def measure(options: Options) -> dict[str, Table]:
    """Measures them."""
    for package in (longrunning, grpc_transcoding):
        # As pip does when it installs them; a checkout may have no bytecode.
        compileall.compile_dir(Path(str(package.__file__)).parent, quiet=1)
    table = Table(title="Starting", columns=COLUMNS)
    with Places(options.folder) as places:
        urls = {kind: places.new(kind, 0) for kind in options.kinds}
        cases = {
            f"lro serve, {kind}": lambda url=url: start(url, options) for kind, url in urls.items()
        }
        for statement in STATEMENTS:
            cases[statement] = lambda each=statement: import_seconds(each, options)
        for case in cases.values() if not options.quick else ():
            case()  # from now on all files are in the page cache
        in_turn(table, cases, options.rounds)
    return {"starting": table}
