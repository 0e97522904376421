"""The living clients, unmodified, each over gRPC, async gRPC and REST, driven alike."""

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.longrunning import operations_pb2

from tests.clients.google_services.works import LIVING, Work

PATIENCE = 30.0
PROTOCOLS = ("gRPC", "async gRPC", "REST")


def over(
    offering: str = "Get",
    *,
    lacking: str = "",
    paging: bool | None = None,
    unable_to_cancel: bool = False,
) -> pytest.MarkDecorator:
    """Runs a test with every client over every protocol.

    Args:
        offering: the method of `google.longrunning.Operations` that the service has to have.
        lacking: one that it has to leave out.
        paging: whether the client itself has to have `list_operations`, which takes a page size,
            or has to be without.
        unable_to_cancel: only those whose futures cannot cancel.
    """
    return pytest.mark.parametrize(
        "driver",
        [
            pytest.param((work, protocol), id=f"{work.__name__}-{protocol}")
            for work in LIVING
            if offering in work.offers
            if lacking not in work.offers
            if paging in (None, hasattr(work.client, "list_operations"))
            for protocol in PROTOCOLS
            if cannot_cancel_by_future(work, protocol) or not unable_to_cancel
        ],
        indirect=True,
        scope="session",
    )


def cannot_cancel_by_future(work: type[Work], protocol: str) -> bool:
    """Whether `future.cancel()` is beyond api_core: over REST it needs a body in the rule.

    `client.cancel_operation` does not.
    """
    return protocol == "REST" and work.cancel_has_no_body_rule


class Driver:
    """One client over one protocol; what its async face returns is awaited here.

    Args:
        work: of the service.
        protocol: one of PROTOCOLS.
        grpc_address: of the service's door.
        http_address: the same.

    Attributes:
        client: the client itself.
        operations: its client of operations, which the futures use.
    """

    def __init__(self, work: Work, protocol: str, grpc_address: str, http_address: str) -> None:
        self.work = work
        self.protocol = protocol
        self._runner = asyncio.Runner()
        self.client: Any = self.call(self._connect, grpc_address, http_address)
        self.operations: Any = self.client.transport.operations_client

    def _connect(self, grpc_address: str, http_address: str) -> object:
        make: Any = self.work.client
        if self.protocol == "gRPC":
            channel = grpc.insecure_channel(grpc_address)
            return make(transport=make.get_transport_class("grpc")(channel=channel))
        if self.protocol == "async gRPC":
            aio_channel = grpc.aio.insecure_channel(grpc_address)
            transport = make.get_transport_class("grpc_asyncio")(channel=aio_channel)
            return self.work.async_client(transport=transport)
        transport = make.get_transport_class("rest")(
            host=http_address, url_scheme="http", credentials=AnonymousCredentials()
        )
        return make(transport=transport)

    def close(self) -> None:
        self.call(self.client.transport.close)
        self._runner.close()

    def call(self, function: Callable[..., Any], *args: object, **kwargs: object) -> Any:
        """Calls something of the client, and awaits it if it is async."""

        async def call() -> object:
            found = function(*args, **kwargs)
            return await found if inspect.isawaitable(found) else found

        if self.protocol == "async gRPC":
            return self._runner.run(call())
        return function(*args, **kwargs)

    def start(self, request: object) -> Any:
        """Calls the method of the service; returns the client's future."""
        return self.call(getattr(self.client, self.work.method), request=request)

    def get(self, name: str) -> operations_pb2.Operation:
        if hasattr(self.client, "get_operation"):
            return self.call(self.client.get_operation, {"name": name})
        return self.call(self.operations.get_operation, name)

    def delete(self, name: str) -> None:
        if hasattr(self.client, "delete_operation"):
            self.call(self.client.delete_operation, {"name": name})
        else:
            self.call(self.operations.delete_operation, name)

    def cancel(self, name: str) -> None:
        if hasattr(self.client, "cancel_operation"):
            self.call(self.client.cancel_operation, {"name": name})
        else:
            self.call(self.operations.cancel_operation, name)

    def page(
        self, name: str, filter_: str, page_size: int, page_token: str = ""
    ) -> operations_pb2.ListOperationsResponse:
        """Returns one page of a list, of a client that has the method itself."""
        request = {
            "name": name,
            "filter": filter_,
            "page_size": page_size,
            "page_token": page_token,
        }
        return self.call(self.client.list_operations, request)

    def list(self, name: str, filter_: str) -> list[operations_pb2.Operation]:
        """Returns a list by the pager of the client of operations."""

        async def all_of() -> list[operations_pb2.Operation]:
            pager = await self.operations.list_operations(name, filter_)
            return [each async for each in pager]

        if self.protocol == "async gRPC":
            return self._runner.run(all_of())
        return list(self.operations.list_operations(name, filter_))

    def settle(self, future: Any) -> Any:
        """Returns a future once it is done; its own polling would begin with a second's pause."""
        return self._until(future, future.done)

    def report(self, future: Any) -> Any:
        """Returns a future once its work is under way."""

        def is_under_way() -> bool:
            return self.get(future.operation.name).HasField("metadata")

        deadline = time.monotonic() + PATIENCE
        while not is_under_way():
            assert time.monotonic() < deadline, "the work reports nothing"
            time.sleep(0.02)
        return future

    def _until(self, future: Any, is_true: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + PATIENCE
        while not self.call(is_true):
            assert time.monotonic() < deadline, f"{future.operation.name} takes too long"
            time.sleep(0.02)
        return future

    def raised(self, function: Callable[..., Any], *args: Any) -> exceptions.GoogleAPICallError:
        """Returns what a call is refused with."""
        try:
            function(*args)
        except exceptions.GoogleAPICallError as error:
            return error
        raise AssertionError("it was not refused")
