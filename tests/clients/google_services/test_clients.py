"""The five living clients over all their protocols: what users of them do, and what they get."""

import pytest
from google.api_core import exceptions
from google.rpc import error_details_pb2, status_pb2

from tests.clients.google_services.drivers import Driver, cannot_cancel_by_future, over
from tests.clients.google_services.works import Speech, packed

DOMAIN = "google_services.example"


def ends_as(driver: Driver, kind: type[Exception]) -> type[Exception]:
    """Returns what a future raises for an error: the async one knows no codes (api_core)."""
    return exceptions.GoogleAPICallError if driver.protocol == "async gRPC" else kind


def error_info(status: status_pb2.Status) -> error_details_pb2.ErrorInfo:
    for detail in status.details:
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            return error_details_pb2.ErrorInfo.FromString(detail.value)
    raise AssertionError("there is no ErrorInfo")


@over()
def test_start_and_result(driver: Driver, key: str):
    future = driver.start(driver.work.quick(key))
    result = driver.call(future.result, timeout=30)
    driver.work.check(key, result, future.metadata)
    assert driver.call(future.done)
    assert not driver.call(future.cancelled)
    parent = driver.work.parent(key)
    assert future.operation.name.startswith(f"{parent}/operations/" if parent else "")
    assert future.operation.name.count("/") == (parent.count("/") + 2 if parent else 0)


@over()
def test_metadata(driver: Driver, key: str):
    future = driver.settle(driver.start(driver.work.quick(key)))
    assert isinstance(future.metadata, driver.work.metadata)
    type_url = driver.get(future.operation.name).metadata.type_url
    assert type_url == f"type.googleapis.com/{packed(driver.work.metadata)}"


@over()
def test_get(driver: Driver, key: str):
    future = driver.settle(driver.start(driver.work.quick(key)))
    found = driver.get(future.operation.name)
    assert found == future.operation
    assert found.done


@over()
def test_get_of_what_is_not_there(driver: Driver, key: str):
    future = driver.settle(driver.start(driver.work.quick(key)))
    refusal = driver.raised(driver.get, f"{future.operation.name}x")
    assert isinstance(refusal, exceptions.NotFound)
    assert (refusal.reason, refusal.domain) == ("OPERATION_NOT_FOUND", DOMAIN)


@over()
def test_list(driver: Driver, key: str):
    started = [driver.settle(driver.start(driver.work.quick(key))).operation.name for _ in range(3)]
    name, own = driver.work.listed(key)
    also = f"{own} AND " if own else ""
    found = driver.list(name, f"{also}done = true")
    assert [operation.name for operation in found] == started[::-1]
    assert driver.list(name, f"{also}done = false") == []
    kind = packed(driver.work.metadata)
    assert len(driver.list(name, f"{also}metadata.@type = type.googleapis.com/{kind}")) == 3


@over(paging=True)
def test_list_pages(driver: Driver, key: str):
    started = [driver.settle(driver.start(driver.work.quick(key))).operation.name for _ in range(3)]
    name, own = driver.work.listed(key)
    first = driver.page(name, own, 2)
    assert [operation.name for operation in first.operations] == [started[2], started[1]]
    second = driver.page(name, own, 2, first.next_page_token)
    assert [operation.name for operation in second.operations] == [started[0]]
    assert second.next_page_token == ""
    refusal = driver.raised(driver.page, name, "done = false", 2, first.next_page_token)
    assert isinstance(refusal, exceptions.BadRequest)  # over gRPC InvalidArgument, a kind of it


@over(paging=False)
def test_list_pages_of_a_client_without_page_size(driver: Driver, key: str):
    """The pager of the client of operations goes on behind the 50 of a page."""
    request = driver.work.failing(key)
    started = [driver.start(request).operation.name for _ in range(51)]
    found = driver.list(*driver.work.listed(key))
    assert [operation.name for operation in found] == started[::-1]


@over("Cancel")
def test_cancel(driver: Driver, key: str):
    future = driver.report(driver.start(driver.work.long(key)))
    if cannot_cancel_by_future(type(driver.work), driver.protocol):
        driver.cancel(future.operation.name)
    else:
        assert driver.call(future.cancel)
    driver.settle(future)
    assert driver.call(future.cancelled)
    assert driver.get(future.operation.name).error.code == 1
    with pytest.raises(ends_as(driver, exceptions.Cancelled)):
        driver.call(future.result, timeout=30)


@over("Cancel", unable_to_cancel=True)
def test_what_api_core_does_without_a_body_rule(driver: Driver, key: str):
    """Once this fails, api_core has been mended: `cannot_cancel_by_future` can go."""
    future = driver.start(driver.work.quick(key))
    with pytest.raises(KeyError, match="body"):
        future.cancel()
    assert driver.settle(future).operation.HasField("response")


@over("Cancel")
def test_cancel_of_what_is_done(driver: Driver, key: str):
    future = driver.settle(driver.start(driver.work.quick(key)))
    driver.cancel(future.operation.name)
    assert driver.get(future.operation.name) == future.operation


@over("Delete")
def test_delete(driver: Driver, key: str):
    future = driver.settle(driver.start(driver.work.quick(key)))
    driver.delete(future.operation.name)
    assert isinstance(driver.raised(driver.get, future.operation.name), exceptions.NotFound)
    assert isinstance(driver.raised(driver.delete, future.operation.name), exceptions.NotFound)


@over()
def test_failure_of_the_work(driver: Driver, key: str):
    future = driver.settle(driver.start(driver.work.failing(key)))
    with pytest.raises(ends_as(driver, exceptions.FailedPrecondition)):
        driver.call(future.result, timeout=30)
    info = error_info(future.operation.error)
    assert (info.reason, info.domain) == (driver.work.reason, DOMAIN)
    assert info.metadata["uri"].startswith("gs://")
    assert str(driver.work.root) not in future.operation.error.message


@over()
def test_refusal_of_the_start(driver: Driver, key: str):
    refusal = driver.raised(driver.start, driver.work.refused(key))
    assert isinstance(refusal, exceptions.BadRequest)  # over gRPC InvalidArgument, a kind of it
    assert refusal.domain == DOMAIN
    assert refusal.metadata["field"] == driver.work.field
    name, own = driver.work.listed(key)
    assert driver.list(name, own) == []


def refusal_of_what_is_left_out(driver: Driver) -> type[Exception]:
    """Returns what a client raises for a method that its service leaves out."""
    if driver.protocol != "REST":
        return exceptions.MethodNotImplemented
    # api_core's own paths end with `operations/*`, which a bare id is not: nothing is sent.
    return ValueError if isinstance(driver.work, Speech) else exceptions.MethodNotAllowed


@over(lacking="Delete")
def test_delete_where_it_is_left_out(driver: Driver, key: str):
    future = driver.settle(driver.start(driver.work.quick(key)))
    with pytest.raises(refusal_of_what_is_left_out(driver)):
        driver.call(driver.operations.delete_operation, future.operation.name)
    assert driver.get(future.operation.name) == future.operation


@over(lacking="Cancel")
def test_cancel_where_it_is_left_out(driver: Driver, key: str):
    future = driver.start(driver.work.quick(key))
    with pytest.raises(refusal_of_what_is_left_out(driver)):
        driver.call(driver.operations.cancel_operation, future.operation.name)
    assert driver.settle(future).operation.HasField("response")
