"""A small real server of google.longrunning.Operations whose operations the test moves along."""

import threading
from concurrent import futures

import grpc
from google.longrunning import operations_pb2, operations_pb2_grpc
from google.protobuf import any_pb2, empty_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_reflection.v1alpha import reflection
from grpc_status import rpc_status

from examples.scanner._gen import scanner_pb2

PARENT = "projects/p/locations/l"
SERVICE = operations_pb2.DESCRIPTOR.services_by_name["Operations"].full_name


def packed(message):
    result = any_pb2.Any()
    result.Pack(message)
    return result


def operation(name, *, percent=None, manifest=None, error=None, done=False):
    """An operation as the example service makes them."""
    made = operations_pb2.Operation(name=name, done=done or bool(manifest or error))
    if percent is not None:
        made.metadata.Pack(scanner_pb2.ScanMetadata(files_total=5, progress_percent=percent))
    if manifest:
        made.response.Pack(manifest)
    if error:
        made.error.CopyFrom(error)
    return made


class FakeOperations(operations_pb2_grpc.OperationsServicer):
    """Answers from a dictionary; `put` replaces an operation and wakes who waits for it.

    Attributes:
        requests: every request that came, in order.
        tokens: the authorization header of each.
        refuse_with: the status that every call ends with, if there is one.
        left_out: names of methods that this service does not offer.
    """

    def __init__(self):
        self.changed = threading.Condition()
        self.operations = {}
        self.requests = []
        self.tokens = []
        self.refuse_with = None
        self.left_out = set()

    def put(self, made):
        with self.changed:
            self.operations[made.name] = made
            self.changed.notify_all()
        return made.name

    def await_request(self, kind, count=1):
        """Block until so many requests of this kind have come."""
        with self.changed:
            assert self.changed.wait_for(
                lambda: sum(type(r) is kind for r in self.requests) >= count, timeout=20
            )

    def _enter(self, method, request, context):
        with self.changed:
            self.requests.append(request)
            self.tokens.append(dict(context.invocation_metadata()).get("authorization"))
            self.changed.notify_all()
        if method in self.left_out:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, f"Method {method} is not offered.")
        if self.refuse_with is not None:
            context.abort_with_status(rpc_status.to_status(self.refuse_with))

    def _find(self, name, context):
        if name not in self.operations:
            not_found = refusal(code_pb2.NOT_FOUND, f"Operation {name!r} was not found.")
            context.abort_with_status(rpc_status.to_status(not_found))
        return self.operations[name]

    def ListOperations(self, request, context):
        self._enter("ListOperations", request, context)
        with self.changed:
            known = [o for n, o in self.operations.items() if n.startswith(request.name)]
        start, size = int(request.page_token or 0), request.page_size or 2
        end = start + size
        return operations_pb2.ListOperationsResponse(
            operations=known[start:end], next_page_token=str(end) if end < len(known) else ""
        )

    def GetOperation(self, request, context):
        self._enter("GetOperation", request, context)
        with self.changed:
            return self._find(request.name, context)

    def WaitOperation(self, request, context):
        self._enter("WaitOperation", request, context)
        before = self._find(request.name, context)
        with self.changed:
            self.changed.wait_for(
                lambda: self.operations[request.name] is not before or before.done,
                timeout=request.timeout.ToNanoseconds() / 1e9,
            )
            return self.operations[request.name]

    def CancelOperation(self, request, context):
        self._enter("CancelOperation", request, context)
        with self.changed:
            self._find(request.name, context)
        return empty_pb2.Empty()

    def DeleteOperation(self, request, context):
        self._enter("DeleteOperation", request, context)
        with self.changed:
            self._find(request.name, context)
            del self.operations[request.name]
        return empty_pb2.Empty()


def refusal(code, message):
    """A status as AIP-193 wants it, with an ErrorInfo."""
    info = error_details_pb2.ErrorInfo(reason="BECAUSE", domain="test")
    return status_pb2.Status(code=code, message=message, details=[packed(info)])


class FakeServer:
    """A `grpc.server` on loopback with a FakeOperations in it.

    Attributes:
        servicer: what answers.
        address: where, as `host:port`.
    """

    def __init__(self, servicer, *, port=0, credentials=None, reflect=True):
        self.servicer = servicer
        self._server = grpc.server(
            futures.ThreadPoolExecutor(max_workers=8), options=[("grpc.so_reuseport", 0)]
        )
        operations_pb2_grpc.add_OperationsServicer_to_server(servicer, self._server)
        if reflect:
            reflection.enable_server_reflection([SERVICE], self._server)
        if credentials is None:
            self.port = self._server.add_insecure_port(f"127.0.0.1:{port}")
        else:
            self.port = self._server.add_secure_port(f"127.0.0.1:{port}", credentials)
        self.address = f"localhost:{self.port}"
        self._server.start()

    def stop(self):
        self._server.stop(grace=None).wait()
