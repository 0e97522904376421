"""Generates the Python code of our .proto files, and checks that what is committed is current.

    python protos/generate.py                   writes the `_gen/` folders
    python protos/generate.py --check           fails if a committed file differs
    python protos/generate.py --descriptor-set FILE   writes what `buf` lints

Runs under the compiler's own environment (`make protos`), which has grpcio-tools alone.
"""

import argparse
import filecmp
import re
import sys
import tempfile
from importlib import resources
from pathlib import Path

from google.longrunning import operations_pb2
from grpc_tools import protoc

PROTOS = Path(__file__).resolve().parent
ROOT = PROTOS.parent
BUILD = ROOT / "build" / "protos"

# Each .proto file, and the one folder that holds what is generated from it.
TARGETS = {
    "grpc_transcoding/testing/v1/library.proto": "tests/grpc_transcoding/_gen",
    "longrunning/examples/scan/v1/scanner.proto": "examples/scanner/_gen",
}


def include_path() -> list[str]:
    """Returns protoc's `-I` arguments, with `google/longrunning/operations.proto` laid out.

    The wheel of googleapis-common-protos has that file as `operations_proto.proto`; what imports it
    under that name compiles, and then fails when Python imports it.
    """
    google = Path(operations_pb2.__file__).parents[1]
    operations = BUILD / "google" / "longrunning" / "operations.proto"
    operations.parent.mkdir(parents=True, exist_ok=True)
    operations.write_bytes((google / "longrunning" / "operations_proto.proto").read_bytes())
    well_known = resources.files("grpc_tools") / "_proto"
    return [f"-I{path}" for path in (PROTOS, BUILD, google.parent, well_known)]


def compile_protos(*arguments: str) -> None:
    """Runs protoc; a failure ends the program with protoc's own message."""
    if code := protoc.main(["protoc", *include_path(), *arguments]):
        sys.exit(code)


def generate(proto: str, folder: Path) -> None:
    """Writes the modules of one .proto file flat into `folder`, importing each other relatively."""
    with tempfile.TemporaryDirectory() as scratch:
        flags = [f"--{kind}_out={scratch}" for kind in ("python", "pyi", "grpc_python")]
        compile_protos(*flags, proto)
        folder.mkdir(parents=True, exist_ok=True)
        package = str(Path(proto).parent).replace("/", ".")
        for made in sorted(Path(scratch).rglob("*.py*")):
            text = made.read_text()
            text = re.sub(
                rf"^from {re.escape(package)} import ", "from . import ", text, flags=re.MULTILINE
            )
            (folder / made.name).write_text(text)
    (folder / "__init__.py").touch()


def drift() -> list[str]:
    """Returns the generated files that differ from what is committed, or that are missing."""
    differing = []
    with tempfile.TemporaryDirectory() as scratch:
        for proto, folder in TARGETS.items():
            generate(proto, Path(scratch, folder))
        for made in sorted(p for p in Path(scratch).rglob("*") if p.is_file()):
            name = made.relative_to(scratch)
            if not (ROOT / name).is_file() or not filecmp.cmp(made, ROOT / name, shallow=False):
                differing.append(str(name))
        for folder in set(TARGETS.values()):
            differing += [
                f"{folder}/{committed.name}"
                for committed in (ROOT / folder).glob("*.py*")
                if not Path(scratch, folder, committed.name).exists()
            ]
    return differing


def main() -> None:
    """Does what the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="fail if committed code is stale")
    parser.add_argument("--descriptor-set", metavar="FILE", help="write the set for buf and stop")
    options = parser.parse_args()
    if options.descriptor_set:
        compile_protos(
            "--include_imports",
            "--include_source_info",
            f"--descriptor_set_out={options.descriptor_set}",
            *TARGETS,
        )
    elif options.check:
        if stale := drift():
            sys.exit(f"generated code is stale: {', '.join(stale)}\nrun: make protos")
    else:
        for proto, folder in TARGETS.items():
            generate(proto, ROOT / folder)


if __name__ == "__main__":
    main()
