"""google.api_core.operations_v1.OperationsAsyncClient, and its futures."""

import asyncio

import grpc.aio
import pytest
from google.api_core import exceptions, operation_async
from google.api_core.future import async_future
from google.api_core.operations_v1 import OperationsAsyncClient

from examples.scanner._gen.scanner_pb2 import Manifest, ScanMetadata
from tests.clients.conftest import Work

POLLING = async_future.DEFAULT_RETRY.with_delay(initial=0.01, maximum=0.05)


@pytest.fixture
def client(aio_channel: grpc.aio.Channel) -> OperationsAsyncClient:
    return OperationsAsyncClient(aio_channel)


def future(operation, client: OperationsAsyncClient) -> operation_async.AsyncOperation:
    return operation_async.from_gapic(
        operation, client, Manifest, metadata_type=ScanMetadata, retry=POLLING
    )


async def test_gets_cancels_and_deletes(client: OperationsAsyncClient, work: Work, parent: str):
    name = work.run("slow", parent).name
    assert not (await client.get_operation(name)).done
    assert await client.cancel_operation(name) is None
    assert (await asyncio.to_thread(work.wait, name)).error.code == 1
    assert await client.delete_operation(name) is None
    with pytest.raises(exceptions.NotFound, match=f"Operation '{name}' was not found"):
        await client.get_operation(name)


async def test_lists_page_by_page(client: OperationsAsyncClient, work: Work, parent: str):
    for _ in range(51):
        work.start("quick", parent)
    names = [operation.name async for operation in await client.list_operations(parent, "")]
    assert len(set(names)) == 51


async def test_a_future_has_the_result(client: OperationsAsyncClient, work: Work, parent: str):
    operation = future(work.start("quick", parent), client)
    assert await operation.result() == Manifest(bytes_total=42)
    assert operation.metadata.progress_percent == 100
    assert await operation.done()
    assert not await operation.cancelled()


async def test_a_future_has_the_exception(client: OperationsAsyncClient, work: Work, parent: str):
    operation = future(work.start("failing", parent), client)
    # Unlike the sync future, it does not give the code a class.
    with pytest.raises(exceptions.GoogleAPICallError, match=r"^None The disk is full\."):
        await operation.result()


async def test_a_future_can_be_cancelled(client: OperationsAsyncClient, work: Work, parent: str):
    operation = future(work.run("slow", parent), client)
    assert await operation.cancel()
    with pytest.raises(exceptions.GoogleAPICallError, match=r"^None The operation was cancelled\."):
        await operation.result()
    assert await operation.cancelled()
    assert not await operation.cancel()
