"""Work in a real Ray cluster of three nodes, with a real PostgreSQL for the state."""

import asyncio
import importlib.util
import os
import signal
from typing import Any

import pytest
import ray
from google.longrunning import operations_pb2
from google.protobuf import any_pb2, empty_pb2
from google.rpc import code_pb2, error_details_pb2
from ray.util import list_named_actors

from longrunning import Operations, RayEngine
from longrunning.engines.ray.dispatcher import name_of
from longrunning.engines.ray.work import work
from longrunning.lifecycle import State
from tests.longrunning.engines.ray.conftest import TARGET, Nodes, Service
from tests.longrunning.engines.ray.service import NUMBER, TEXT, Folder
from tests.longrunning.stores.postgres_server import PostgresServer
from tests.longrunning.stores.storages import PostgresSchema

pytestmark = pytest.mark.asyncio(loop_scope="session")

WAIT = 40.0


async def start(operations: Operations, handler: str, value: object = "") -> str:
    found = operations._handlers.get(handler)
    assert found
    return (await operations.start(found, TEXT(value=str(value)))).name


def unpacked(packed: any_pb2.Any, message: Any) -> Any:
    assert packed.Unpack(message), packed
    return message


def text(done: operations_pb2.Operation) -> str:
    assert done.done
    assert not done.HasField("error"), done.error
    return unpacked(done.response, TEXT()).value


async def state(operations: Operations, name: str) -> State:
    record = await operations.store.get(name)
    assert record
    return record.state


def dispatcher_of(engine: RayEngine) -> Any:
    """Returns the newest dispatcher of an engine."""
    prefix = name_of(engine._settings, str(ray.get_runtime_context().runtime_env))
    return ray.get_actor(max(each for each in list_named_actors() if each.startswith(prefix)))


async def sent(dispatcher: Any, expected: set[str]) -> None:
    """Waits until these operations, and no others, are tasks in Ray."""
    async with asyncio.timeout(WAIT):
        while set((await dispatcher.status.remote())[1]) != expected:
            await asyncio.sleep(0.02)


async def test_work_is_done_in_a_process_of_the_cluster(operations: Operations) -> None:
    name = await start(operations, "shout", "hello")
    done = await operations.wait(name, WAIT)
    word, pid = text(done).split()
    assert word == "HELLO"
    assert int(pid) != os.getpid()
    assert unpacked(done.metadata, NUMBER()).value == 1


async def test_a_process_is_used_for_one_operation_after_the_other(operations: Operations) -> None:
    pids = set()
    for _ in range(12):
        done = await operations.wait(await start(operations, "shout"), WAIT)
        pids.add(text(done))
    assert len(pids) < 12


async def test_a_failure_comes_with_its_details(operations: Operations) -> None:
    done = await operations.wait(await start(operations, "fail"), WAIT)
    assert (done.error.code, done.error.message) == (code_pb2.ABORTED, "The lock is held.")
    info = unpacked(done.error.details[0], error_details_pb2.ErrorInfo())
    assert (info.reason, dict(info.metadata)) == ("LOCKED", {"by": "me"})


async def test_reports_are_seen_while_the_work_runs(operations: Operations, folder: Folder) -> None:
    name = await start(operations, "wait", folder.path)
    async with asyncio.timeout(WAIT):
        while not (await operations.get(name)).HasField("metadata"):
            await asyncio.sleep(0.01)
    assert await state(operations, name) is State.RUNNING
    folder.tell("go on")
    assert text(await operations.wait(name, WAIT)) == "waited"


@pytest.mark.parametrize("handler", ["wait", "thread", "process"])
async def test_a_cancellation_reaches_the_work_and_it_cleans_up(
    operations: Operations, folder: Folder, handler: str
) -> None:
    name = await start(operations, handler, folder.path)
    await folder.wait("began")
    await operations.cancel(name)
    done = await operations.wait(name, WAIT)
    assert done.error.code == code_pb2.CANCELLED
    assert folder.told("cleaned up") == [""]


async def test_work_that_does_not_heed_its_cancellation_is_killed(
    operations: Operations, folder: Folder
) -> None:
    name = await start(operations, "deaf", folder.path)
    (pid,) = await folder.wait("began")
    await operations.cancel(name)
    done = await operations.wait(name, WAIT)
    assert done.error.code == code_pb2.CANCELLED
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)


async def test_an_operation_that_waits_in_ray_is_cancelled_at_once_and_leaves_ray(
    operations: Operations, service: Service
) -> None:
    dispatcher = dispatcher_of(service.engine())
    name = await start(operations, "absent")
    await sent(dispatcher, {name})
    await operations.cancel(name)
    assert (await operations.get(name)).error.code == code_pb2.CANCELLED
    await sent(dispatcher, set())


async def test_a_task_that_comes_twice_does_nothing(
    operations: Operations, service: Service, folder: Folder
) -> None:
    task = ray.remote(work).options(num_cpus=0)
    settings = service.engine()._settings
    name = await start(operations, "wait", folder.path)
    await folder.wait("began")
    assert await task.remote(settings, name) is False
    folder.tell("go on")
    done = await operations.wait(name, WAIT)
    assert await task.remote(settings, name) is False
    assert await operations.get(name) == done
    assert len(folder.told("began")) == 1


async def test_a_task_that_ray_cancels_does_not_end_work_that_runs(
    operations: Operations, service: Service, folder: Folder
) -> None:
    name = await start(operations, "absent", folder.path)
    task = ray.remote(work).options(num_cpus=1).remote(service.engine()._settings, name)
    await folder.wait("began")
    ray.cancel(task)
    folder.tell("go on")
    assert text(await operations.wait(name, WAIT)) == "found"
    assert await task is True


async def test_work_runs_where_its_resources_are(operations: Operations, nodes: Nodes) -> None:
    names = [await start(operations, "gadget") for _ in range(6)]
    places = {text(await operations.wait(name, WAIT)) for name in names}
    assert places == {nodes.gadget}


async def test_what_shares_a_conflict_key_takes_turns_in_order(
    operations: Operations, folder: Folder
) -> None:
    names = [await start(operations, "turn", folder.path) for _ in range(6)]
    for name in names:
        assert not (await operations.wait(name, WAIT)).HasField("error")
    assert folder.told("turns") == [f"{sign}{name}" for name in names for sign in "+-"]


async def test_of_200_operations_each_is_done_once(operations: Operations, folder: Folder) -> None:
    names = await asyncio.gather(*(start(operations, "once", folder.path) for _ in range(200)))
    ended = await asyncio.gather(*(operations.wait(name, WAIT) for name in names))
    assert all(unpacked(done.response, empty_pb2.Empty()) is not None for done in ended)
    assert sorted(folder.told("done")) == sorted(names)
    records = await asyncio.gather(*(operations.store.get(name) for name in names))
    assert {record.attempt for record in records if record} == {1}


async def test_work_goes_on_from_its_checkpoint_when_its_node_is_lost(
    operations: Operations, nodes: Nodes, folder: Folder
) -> None:
    name = await start(operations, "resume", folder.path)
    (lost,) = await folder.wait("began")
    nodes.remove(lost)
    assert text(await operations.wait(name, WAIT)) == "2 from 7"
    first, second = folder.told("began")
    assert first == lost
    assert second != lost


async def test_work_outlives_the_api_server_and_is_not_begun_again(
    nodes: Nodes, postgres: PostgresServer, folder: Folder
) -> None:
    service = Service(nodes, PostgresSchema(postgres), linger_seconds=3.0)
    async with service.operations() as first:
        running = await start(first, "wait", folder.path)
        await folder.wait("began")
        waiting = await start(first, "absent")
        dispatcher = dispatcher_of(service.engine())
        await sent(dispatcher, {running, waiting})
    await sent(dispatcher, {running})  # nobody says hello any more: what waits is taken back
    async with service.operations() as second:
        assert await state(second, running) is State.RUNNING
        assert await state(second, waiting) is State.PENDING
        folder.tell("go on")
        assert text(await second.wait(running, WAIT)) == "waited"
        await sent(dispatcher_of(service.engine()), {waiting})
    assert len(folder.told("began")) == 1
    with pytest.raises(ray.exceptions.ActorDiedError):
        await sent(dispatcher, {"never"})  # it has nothing to do any more, and leaves


async def test_a_dispatcher_or_a_bridge_that_dies_is_replaced(
    operations: Operations, service: Service
) -> None:
    assert isinstance(operations.engine, RayEngine)
    bridge = operations.engine._bridge
    assert bridge
    os.kill(bridge.pid, signal.SIGKILL)
    assert text(await operations.wait(await start(operations, "shout", "a"), WAIT))
    ray.kill(dispatcher_of(service.engine()))
    assert text(await operations.wait(await start(operations, "shout", "b"), WAIT))


async def test_work_goes_on_from_its_checkpoint_when_the_dispatcher_is_lost(
    operations: Operations, service: Service, folder: Folder
) -> None:
    name = await start(operations, "resume", folder.path)
    await folder.wait("began")
    ray.kill(dispatcher_of(service.engine()))
    assert text(await operations.wait(name, WAIT)) == "2 from 7"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"store": None},
            "the store of tests.longrunning.engines.ray.service:operations in the cluster is not "
            "the one that is served: give RayEngine its URL as store=...",
        ),
        (
            {"target": "nowhere.to:be"},
            "nowhere.to:be: ModuleNotFoundError: No module named 'nowhere'",
        ),
    ],
)
async def test_a_cluster_that_cannot_do_the_work_is_refused_at_the_start(
    service: Service, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(RuntimeError) as caught:
        async with service.operations(**options):
            pass
    assert str(caught.value) == message


async def test_a_cluster_with_older_code_is_refused_at_the_start(service: Service) -> None:
    operations = service.operations()
    operations.handler(name="new")(operations._handlers.get("shout").function)
    with pytest.raises(RuntimeError) as caught:
        async with operations:
            pass
    assert str(caught.value) == f"{TARGET} in the cluster has no handler new"


async def test_operations_are_accepted_and_wait_while_ray_is_away(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    async with service.operations(address="127.0.0.1:9", start_seconds=0.5) as operations:
        name = await start(operations, "absent")
        assert await state(operations, name) is State.PENDING
        await operations.cancel(name)
        assert (await operations.get(name)).error.code == code_pb2.CANCELLED
    assert "Ray has not answered yet; operations wait" in caplog.text


async def test_a_target_has_a_module_and_an_attribute() -> None:
    with pytest.raises(ValueError, match="'shop/app\\.py' is not MODULE:APP"):
        RayEngine("shop/app.py")


async def test_without_ray_one_line_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError) as caught:
        RayEngine(TARGET)
    assert str(caught.value) == "RayEngine needs the extra 'ray': pip install 'longrunning[ray]'"
