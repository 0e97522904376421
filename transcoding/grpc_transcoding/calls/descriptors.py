"""The descriptors of a remote server's services: from a set of files, or from its reflection."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from google.api import annotations_pb2, httpbody_pb2
from google.protobuf import descriptor_pb2, descriptor_pool, wrappers_pb2
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2

Descriptors = descriptor_pb2.FileDescriptorSet | str | Path


def load_descriptors(source: Descriptors) -> descriptor_pb2.FileDescriptorSet:
    """Returns a set of files, which may be in a file (`protoc --include_imports -o`).

    Raises:
        ValueError: The file cannot be read, or holds no such set.
    """
    if isinstance(source, descriptor_pb2.FileDescriptorSet):
        return source
    path = Path(source)
    wanted = "it should be written by: protoc --include_imports --descriptor_set_out"
    try:
        return descriptor_pb2.FileDescriptorSet.FromString(path.read_bytes())
    except OSError as error:
        problem = error.strerror or "it is no file"
        raise ValueError(f"the descriptor set {path.name} cannot be read: {problem}") from error
    except DecodeError as error:
        raise ValueError(f"{path.name} is no descriptor set: {wanted}") from error


def pool_of(
    files: descriptor_pb2.FileDescriptorSet,
) -> tuple[descriptor_pool.DescriptorPool, tuple[str, ...]]:
    """Returns a pool with the files of a set, and the names of the services in them.

    What replies and errors need beside them (google.rpc's details, HttpBody, what stands in for
    unknown types) is added if it is missing.

    Raises:
        ValueError: A file imports one that is not in the set.
    """
    known = {file.name: file for file in files.file}
    services = tuple(
        f"{file.package}.{service.name}".lstrip(".")
        for file in files.file
        for service in file.service
    )
    for module in (error_details_pb2, httpbody_pb2, annotations_pb2, wrappers_pb2):
        _add_with_imports(module.DESCRIPTOR, known)
    pool = descriptor_pool.DescriptorPool()
    added: set[str] = set()
    for name in known:
        _add(name, known, pool, added, "")
    return pool, services


def _add_with_imports(file: object, known: dict[str, descriptor_pb2.FileDescriptorProto]) -> None:
    name, dependencies = file.name, file.dependencies  # type: ignore[attr-defined]
    if name in known:
        return
    proto = descriptor_pb2.FileDescriptorProto()
    file.CopyToProto(proto)  # type: ignore[attr-defined]
    known[name] = proto
    for dependency in dependencies:
        _add_with_imports(dependency, known)


def _add(
    name: str,
    known: Mapping[str, descriptor_pb2.FileDescriptorProto],
    pool: descriptor_pool.DescriptorPool,
    added: set[str],
    importer: str,
) -> None:
    if name in added:
        return
    added.add(name)
    if name not in known:
        raise ValueError(
            f"the descriptor set lacks {name!r}, which {importer!r} imports:"
            " write it with protoc's --include_imports"
        )
    for dependency in known[name].dependency:
        _add(dependency, known, pool, added, name)
    pool.Add(known[name])
