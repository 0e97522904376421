"""What an App puts behind its two ports."""

from pathlib import Path

import httpx
import pytest
from google.api import service_pb2
from google.protobuf import wrappers_pb2

from grpc_transcoding import ServiceConfigError
from longrunning import App, MemoryStore, Operations, SQLiteStore
from longrunning.services import find_service_config


async def test_an_app_serves_the_usual_paths_by_default() -> None:
    operations = Operations(MemoryStore())
    transcoder = App(operations).transcoder()
    async with (
        operations,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(transcoder), base_url="http://test"
        ) as client,
    ):
        for parent in ("", "projects/p/locations/l"):
            name = (await operations.create(parent=parent)).name
            assert (await client.get(f"/v1/{name}")).json() == {"name": name}
            listed = await client.get(f"/v1/{parent + '/' if parent else ''}operations")
            assert listed.json() == {"operations": [{"name": name}]}
            assert (await client.post(f"/v1/{name}:cancel")).json() == {}
            await operations.cancelled(name)
            waited = await client.post(f"/v1/{name}:wait", json={"timeout": "5s"})
            assert waited.json()["error"]["code"] == 1
            assert (await client.delete(f"/v1/{name}")).json() == {}
            assert (await client.get(f"/v1/{name}")).status_code == 404


async def test_what_another_process_changes_is_in_the_next_reply(tmp_path: Path) -> None:
    ours = Operations(SQLiteStore(tmp_path / "operations.db"))
    theirs = Operations(SQLiteStore(tmp_path / "operations.db"))
    transport = httpx.ASGITransport(App(ours).transcoder())
    async with (
        ours,
        theirs,
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        name = (await ours.create()).name
        for number in range(5):
            progress = wrappers_pb2.Int64Value(value=number)
            await theirs.report(name, progress)
            for _ in range(3):
                shown = (await client.get(f"/v1/{name}")).json()
                assert shown["metadata"]["value"] == str(number)
                assert "done" not in shown
        await theirs.succeed(name, progress)
        assert (await client.get(f"/v1/{name}")).json()["done"] is True
        await theirs.delete(name)
        assert (await client.get(f"/v1/{name}")).status_code == 404


def test_a_shipped_service_file_is_found_by_name() -> None:
    path = find_service_config("operations_v1")
    assert isinstance(path, Path)
    assert path.is_file()


def test_paths_and_messages_are_taken_as_they_are() -> None:
    message = service_pb2.Service(name="a.example.com")
    assert find_service_config(message) is message
    assert find_service_config("here/b.yaml") == Path("here/b.yaml")
    assert find_service_config(Path("b.yaml")) == Path("b.yaml")


def test_a_service_file_that_is_not_there_is_named() -> None:
    with pytest.raises(ServiceConfigError, match=r"no_such_v1\.yaml"):
        App(Operations(MemoryStore()), service_configs=["no_such_v1"]).transcoder()


async def test_the_door_of_a_service_has_the_paths_of_its_file_and_no_others() -> None:
    operations = Operations(MemoryStore())
    app = App(operations, service=operations.for_service("dialogflow_v2beta1"))
    assert app.service_name == "dialogflow.googleapis.com"
    method = "google.cloud.dialogflow.v2beta1.Agents/ExportAgent"
    async with (
        operations,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app.transcoder()), base_url="http://test"
        ) as client,
    ):
        mine = (await operations.create(parent="projects/p", method=method)).name
        others = (await operations.create(parent="projects/p")).name
        assert (await client.get(f"/v2beta1/{mine}")).json() == {"name": mine}
        assert (await client.get(f"/v2beta1/{others}")).status_code == 404
        left_out = await client.delete(f"/v2beta1/{mine}")
        assert (left_out.status_code, left_out.json()["error"]["status"]) == (405, "UNIMPLEMENTED")
        assert left_out.headers["Allow"] == "GET, HEAD, OPTIONS"
        # The annotations of operations.proto are for services that say nothing.
        for path in ("/v1/operations", "/v1/operations/1"):
            assert (await client.get(path)).status_code == 404


def test_a_service_may_have_further_files() -> None:
    operations = Operations(MemoryStore())
    service = operations.for_service("dataproc_v1")
    app = App(operations, service=service, service_configs=["dataproc_v1", "operations_v1"])
    paths = {row.path for row in app.transcoder().routes.rows}
    assert "/v1/{name=operations/**}:wait" in paths
