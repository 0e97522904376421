"""In which order a host and its operations open and close, and what is left after a failure."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from google.protobuf.wrappers_pb2 import StringValue

from longrunning import App, AsyncOperationContext, MemoryStore, Operations, SQLiteStore
from tests.grpc_transcoding.serving import Server, serving

Lifespan = Callable[[Any], contextlib.AbstractAsyncContextManager[None]]


class Store(MemoryStore):
    """Tells when it is opened and closed."""

    def __init__(self, events: list[str]) -> None:
        super().__init__()
        self._events = events

    async def open(self) -> None:
        self._events.append("store opens")

    async def close(self) -> None:
        self._events.append("store closes")


def around(events: list[str], fails: str = "") -> Callable[[str], Any]:
    """Makes a host's own resource that tells when it is opened and closed, or fails to."""

    @contextlib.asynccontextmanager
    async def resource(name: str) -> AsyncIterator[None]:
        tell(f"{name} opens")
        try:
            yield
        finally:
            tell(f"{name} closes")

    def tell(event: str) -> None:
        events.append(event)
        if event == fails:
            raise LookupError(event)

    return resource


def host(operations: Operations, resource: Callable[[str], Any]) -> FastAPI:
    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with resource("outer"), operations.lifespan(app), resource("inner"):
            yield

    app = FastAPI(lifespan=lifespan)
    app.mount("/api", App(operations).transcoder())
    return app


ALL = [
    "outer opens",
    "store opens",
    "inner opens",
    "inner closes",
    "store closes",
    "outer closes",
]


async def test_a_host_without_a_lifespan_of_its_own_takes_ours() -> None:
    operations = Operations(MemoryStore())
    app = FastAPI(lifespan=operations.lifespan)
    app.mount("/api", App(operations).transcoder())
    async with serving(app) as (address, port), httpx.AsyncClient(timeout=30) as client:
        name = (await operations.create()).name
        reply = await client.get(f"http://{address}:{port}/api/v1/{name}")
        assert reply.json() == {"name": name}
    with pytest.raises(RuntimeError, match="this Operations is not open"):
        await operations.get(name)


async def test_lifespans_are_nested() -> None:
    events: list[str] = []
    async with serving(host(Operations(Store(events)), around(events))):
        assert events == ALL[:3]
    assert events == ALL


@pytest.mark.parametrize(
    ("fails", "expected"),
    [
        ("outer opens", ALL[:1]),
        ("inner opens", [*ALL[:3], *ALL[4:]]),
    ],
)
async def test_a_failed_start_leaves_nothing_open(fails: str, expected: list[str]) -> None:
    events: list[str] = []
    before = set(threading.enumerate())
    operations = Operations(Store(events))
    server = Server(
        uvicorn.Config(host(operations, around(events, fails)), lifespan="on", log_config=None)
    )
    with pytest.raises(SystemExit):
        await server.serve()
    assert events == expected
    left = set(threading.enumerate()) - before
    assert not [thread for thread in left if "longrunning" in thread.name]
    async with operations:  # nobody has it open
        pass


async def test_a_store_that_cannot_be_opened_closes_the_host(tmp_path: Path) -> None:
    events: list[str] = []
    operations = Operations(SQLiteStore(tmp_path / "missing" / "operations.db"))
    server = Server(
        uvicorn.Config(host(operations, around(events)), lifespan="on", log_config=None)
    )
    with pytest.raises(SystemExit):
        await server.serve()
    assert events == ["outer opens", "outer closes"]


@pytest.mark.parametrize("fails", ["inner closes", "outer closes"])
async def test_a_failed_end_closes_the_rest(fails: str) -> None:
    events: list[str] = []
    operations = Operations(Store(events))
    async with serving(host(operations, around(events, fails)), log_config=None):
        pass
    assert events == ALL
    with pytest.raises(RuntimeError, match="this Operations is not open"):
        await operations.list()


async def test_work_is_drained_before_what_it_needs_is_closed() -> None:
    events: list[str] = []
    operations = Operations(Store(events), drain=0.0)

    @operations.handler()
    async def work(request: StringValue, operation: AsyncOperationContext) -> None:
        running.set()
        try:
            await asyncio.Event().wait()
        finally:
            events.append("work ends")

    running = asyncio.Event()
    async with serving(host(operations, around(events))):
        await operations.start(work, StringValue())
        await running.wait()
    assert events == [*ALL[:4], "work ends", *ALL[4:]]
