"""One service, one view: its methods, its operations, its names."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import grpc
import pytest
from google.api import service_pb2
from google.longrunning import operations_pb2, operations_pb2_grpc
from google.protobuf import json_format, wrappers_pb2

from grpc_transcoding import ServiceConfigError
from longrunning import InvalidArgument, OperationNotFound, Operations, Unimplemented
from longrunning.services import required_scopes
from longrunning.view import View

PARENT = "projects/p/locations/l"
SPEECH_METHOD = "test.speech.v1.Speech/Recognize"
OTHER_METHOD = "test.other.v1.Other/Do"


def a_service(name: str, api: str, *methods: str) -> service_pb2.Service:
    return json_format.ParseDict(
        {
            "name": name,
            "apis": [{"name": api}, {"name": "google.longrunning.Operations"}],
            "http": {
                "rules": [
                    {
                        "selector": f"google.longrunning.Operations.{method}",
                        "get": f"/v1/{method}/{{name=**}}",
                    }
                    for method in methods
                ]
            },
        },
        service_pb2.Service(),
    )


SPEECH = a_service("speech.example.com", "test.speech.v1.Speech", "GetOperation", "ListOperations")
OTHER = a_service(
    "other.example.com",
    "test.other.v1.Other",
    *("GetOperation", "ListOperations", "DeleteOperation", "CancelOperation", "WaitOperation"),
)


class Doors:
    def __init__(self, operations: Operations) -> None:
        self.operations = operations
        self.speech: View = operations.for_service(SPEECH, name_format="{id}")
        self.other: View = operations.for_service(OTHER, filter_aliases={"text": "metadata.value"})


@pytest.fixture
async def doors(new_operations: Callable[..., Operations]) -> AsyncIterator[Doors]:
    operations = new_operations()
    made = Doors(operations)
    async with operations:
        yield made


async def test_an_operation_is_seen_through_its_own_door_only(doors: Doors) -> None:
    created = await doors.operations.create(method=OTHER_METHOD, parent=PARENT)
    assert await doors.other.get(created.name) == created
    assert await doors.operations.get(created.name) == created
    nobodys = (await doors.operations.create(parent=PARENT)).name
    for name in (nobodys, (await doors.operations.create(method=SPEECH_METHOD)).name):
        with pytest.raises((OperationNotFound, InvalidArgument)):
            await doors.other.get(name)


@pytest.mark.parametrize("method", ["get", "wait", "cancel", "delete"])
async def test_another_services_operation_looks_absent(doors: Doors, method: str) -> None:
    foreign = (await doors.operations.create(parent=PARENT)).name
    with pytest.raises(OperationNotFound) as refused:
        await getattr(doors.other, method)(foreign)
    assert refused.value.message == f"Operation '{foreign}' was not found."
    assert not (await doors.operations.get(foreign)).done


async def test_a_list_shows_the_services_own_operations(doors: Doors) -> None:
    mine = [
        (await doors.operations.create(method=OTHER_METHOD, parent=PARENT)).name for _ in range(3)
    ]
    await doors.operations.create(parent=PARENT)
    for name in (PARENT, "projects/-/locations/-"):
        page = await doors.other.list(name)
        assert [operation.name for operation in page.operations] == mine[::-1]
    done = await doors.operations.succeed(mine[1])
    page = await doors.other.list(PARENT, filter="done:true")
    assert list(page.operations) == [done]
    everything = await doors.operations.list(PARENT)
    assert len(everything.operations) == 4


async def test_a_page_token_is_good_for_one_door(doors: Doors) -> None:
    for _ in range(2):
        await doors.operations.create(method=OTHER_METHOD, parent=PARENT)
    token = (await doors.other.list(PARENT, page_size=1)).next_page_token
    assert token
    with pytest.raises(InvalidArgument, match="belongs to another list"):
        await doors.operations.list(PARENT, page_token=token)


async def test_names_can_be_bare_ids(doors: Doors) -> None:
    created = await doors.operations.create(method=SPEECH_METHOD, parent=PARENT)
    assert "/" not in created.name
    assert await doors.speech.get(created.name) == created
    page = await doors.speech.list(PARENT)
    assert list(page.operations) == [created]
    with pytest.raises(InvalidArgument) as refused:
        await doors.speech.get(f"operations/{created.name}")
    assert refused.value.message == (
        f"'operations/{created.name}' is not the name of an operation: expected '{{id}}'."
    )


@pytest.mark.parametrize("method", ["get", "wait", "cancel", "delete"])
async def test_the_door_of_all_takes_every_services_names(doors: Doors, method: str) -> None:
    created = await doors.operations.create(method=SPEECH_METHOD, parent=PARENT)
    await doors.operations.succeed(created.name)
    await getattr(doors.operations, method)(created.name)
    if method == "delete":
        with pytest.raises(InvalidArgument, match="is not the name of an operation"):
            await doors.operations.get(created.name)


async def test_a_method_that_the_service_leaves_out_is_unimplemented(doors: Doors) -> None:
    name = (await doors.operations.create(method=SPEECH_METHOD)).name
    for method, full in (
        ("cancel", "CancelOperation"),
        ("delete", "DeleteOperation"),
        ("wait", "WaitOperation"),
    ):
        with pytest.raises(Unimplemented) as refused:
            await getattr(doors.speech, method)(name)
        assert refused.value.message == f"speech.example.com does not offer {full}."
    server = grpc.aio.server()
    doors.speech.add_to_server(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = operations_pb2_grpc.OperationsStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as rpc:
            await stub.CancelOperation(operations_pb2.CancelOperationRequest(name=name))
    await server.stop(None)
    assert rpc.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_filters_understand_the_services_aliases(doors: Doors) -> None:
    text = wrappers_pb2.StringValue(value="a")
    created = await doors.operations.create(method=OTHER_METHOD, parent=PARENT, metadata=text)
    assert list((await doors.other.list(PARENT, filter="text = a")).operations) == [created]
    with pytest.raises(InvalidArgument, match="an operation has no field 'text'"):
        await doors.operations.list(PARENT, filter="text = a")


async def test_an_api_belongs_to_one_service(doors: Doors) -> None:
    doors.operations.for_service(OTHER)  # the same service again is no clash
    with pytest.raises(ValueError, match=r"both claim test\.other\.v1\.Other") as refused:
        doors.operations.for_service(a_service("b.example.com", "test.other.v1.Other"))
    assert str(refused.value) == (
        "b.example.com and other.example.com both claim test.other.v1.Other: "
        "an operation belongs to one service"
    )


def test_a_service_needs_a_name(new_operations: Callable[..., Operations]) -> None:
    with pytest.raises(ValueError, match="has no name: a service is told apart by it"):
        new_operations().for_service(service_pb2.Service())


@pytest.mark.parametrize(
    "template", ["", "operations", "{id}/x", "{id}{id}", "{parent}{id}", "/{id}"]
)
def test_a_wrong_name_format_is_refused(
    new_operations: Callable[..., Operations], template: str
) -> None:
    with pytest.raises(ValueError, match="is no name format: expected"):
        new_operations().for_service(OTHER, name_format=template)


@pytest.mark.parametrize("storage", ["memory", "sqlite"], indirect=True)
async def test_silent_work_elsewhere_is_lost_after_its_lease(
    new_operations: Callable[..., Operations], clock: object
) -> None:
    async with new_operations() as operations:
        silent = (await operations.create(lease=60)).name
        patient = (await operations.create()).name
        talking = (await operations.create(lease=60)).name
        clock.advance(50)  # type: ignore[attr-defined]
        await operations.report(talking, wrappers_pb2.Int32Value(value=1))
        clock.advance(20)  # type: ignore[attr-defined]
        lost = await operations.wait(silent, 20)
        assert (lost.error.code, lost.error.message) == (
            10,
            "The worker of the operation was lost before it finished.",
        )
        assert not (await operations.get(talking)).done
        assert not (await operations.get(patient)).done


@pytest.mark.parametrize("storage", ["postgres"], indirect=True)
async def test_the_clock_of_the_database_judges_the_lease(
    new_operations: Callable[..., Operations],
) -> None:
    async with new_operations() as operations:
        patient = (await operations.create(lease=3600)).name
        silent = (await operations.create(lease=0.05)).name
        assert (await operations.wait(silent, 20)).error.code == 10
        assert not (await operations.get(patient)).done


def test_the_last_rule_of_the_last_file_says_which_scopes_a_method_needs() -> None:
    def file(*rules: tuple[str, str]) -> service_pb2.Service:
        made = service_pb2.Service(name="a.example.com")
        for selector, scopes in rules:
            rule = made.authentication.rules.add(selector=selector)
            rule.oauth.canonical_scopes = scopes
        return made

    first = file(("a.*", "one, two"), ("a.A.Get", "three"), ("b.B.*", ""))
    second = file(("a.A.List", "four"))
    second.authentication.rules.add(selector="c.*", allow_without_credential=True)
    needed = required_scopes([first, second])
    assert needed("a.A.Delete") == (("one",), ("two",))
    assert needed("a.A.Get") == (("three",),)
    assert needed("a.A.List") == (("four",),)
    assert needed("b.B.Get") == ((),)
    assert needed("c.C.Get") == ()
    assert needed("d.D.Get") is None


def test_a_rule_that_cannot_be_read_leaves_no_method_open(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    rule = "{selector: shop.Shop.Buy, oauth: {canonical_scope: buy}}"
    path.write_text(f"authentication:\n  rules:\n  - {rule}\n")
    with pytest.raises(ServiceConfigError) as refused:
        required_scopes([path])
    (fault,) = refused.value.faults
    assert str(fault) == (
        "shop.yaml: shop.Shop.Buy: authentication.rules[0] is no google.api.AuthenticationRule: "
        "a value has the wrong type"
    )


@pytest.mark.parametrize(
    ("scopes", "column"),
    [(",", 1), (" ", 1), ("a,,b", 3), ("a, ,b", 3), (",a", 1), ("a,", 3), ("a,\n  b,\n", 8)],
)
def test_an_empty_scope_is_refused(tmp_path: Path, scopes: str, column: int) -> None:
    path = tmp_path / "shop.yaml"
    rule = {"selector": "shop.Shop.Buy", "oauth": {"canonical_scopes": scopes}}
    path.write_text(json.dumps({"authentication": {"rules": [rule]}}))
    with pytest.raises(ServiceConfigError) as refused:
        required_scopes([path])
    (fault,) = refused.value.faults
    assert str(fault) == (
        f"shop.yaml: shop.Shop.Buy, column {column}: canonical_scopes is {scopes!r}, with an empty "
        "scope: expected scopes with a comma between them; leave it out where any token will do"
    )


@pytest.mark.parametrize("rule", ["oauth: {canonical_scopes: ''}", "oauth: {}"])
def test_a_rule_without_scopes_wants_any_token(tmp_path: Path, rule: str) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(f"authentication:\n  rules:\n  - selector: shop.Shop.Buy\n    {rule}\n")
    assert required_scopes([path])("shop.Shop.Buy") == ((),)
