"""A real client that finds out what there is to ask for, and that REST and gRPC answer alike.

    python -m benchmarks.serving.clients.asking GRPC HTTP COUNT HEADERS

Prints JSON: names of operations that are done and of those that are not, spread over the whole
list, at most COUNT of each; and the replies in bytes. HEADERS is a JSON object.
"""

import json
import sys
import urllib.request

import grpc
from google.longrunning import operations_pb2, operations_pb2_grpc
from google.protobuf import json_format

from benchmarks.stores.records import PARENT

CHECKED = 20
MOST_PAGES = 10_000


Headers = dict[str, str]


def names(
    stub: operations_pb2_grpc.OperationsStub, count: int, headers: Headers
) -> tuple[list[str], list[str]]:
    """Returns names of finished and of running operations, from the whole list of a parent."""
    done: list[str] = []
    running: list[str] = []
    asked = operations_pb2.ListOperationsRequest(name=PARENT, page_size=1000)
    for _ in range(MOST_PAGES):
        reply = stub.ListOperations(asked, timeout=30, metadata=tuple(headers.items()))
        for operation in reply.operations:
            (done if operation.done else running).append(operation.name)
        if not reply.next_page_token:
            break
        asked.page_token = reply.next_page_token
    else:
        raise SystemExit(f"the list does not end after {MOST_PAGES} pages")
    assert done, "there are no finished operations"
    assert running, "there are no running operations"
    return done[:: -(-len(done) // count)], running[:: -(-len(running) // count)]


def check(stub: operations_pb2_grpc.OperationsStub, http: str, name: str, headers: Headers) -> int:
    """Asks for an operation over gRPC and over REST, and returns the bytes of the gRPC reply."""
    metadata = tuple(headers.items())
    asked = operations_pb2.GetOperationRequest(name=name)
    reply = stub.GetOperation(asked, timeout=10, metadata=metadata)
    if http:
        request = urllib.request.Request(f"http://{http}/v1/{name}", headers=headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            shown = json_format.Parse(answer.read(), operations_pb2.Operation())
        assert shown == reply, f"REST answers {shown} and gRPC {reply}"
    return len(reply.SerializeToString())


def main(address: str, http: str, count: int, headers: Headers) -> None:
    with grpc.insecure_channel(address) as channel:
        stub = operations_pb2_grpc.OperationsStub(channel)
        done, running = names(stub, count, headers)
        for name in (*done[:CHECKED], *running[:CHECKED]):
            check(stub, http, name, headers)
        listed = operations_pb2.ListOperationsRequest(name=PARENT)
        page = stub.ListOperations(listed, timeout=30, metadata=tuple(headers.items()))
        json.dump(
            {
                "finished": done,
                "running": running,
                "finished_bytes": check(stub, http, done[0], headers),
                "running_bytes": check(stub, http, running[0], headers),
                "page_bytes": len(page.SerializeToString()),
            },
            sys.stdout,
        )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), json.loads(sys.argv[4]))
