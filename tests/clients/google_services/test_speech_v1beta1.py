"""Speech v1beta1, which no client speaks any more: plain HTTP, exactly as its pages say."""

from typing import Any

import pytest
import requests

from tests.clients.google_services.door import Door
from tests.clients.google_services.works import SpeechBeta

METADATA = "type.googleapis.com/google.cloud.speech.v1.LongRunningRecognizeMetadata"
RESPONSE = "type.googleapis.com/google.cloud.speech.v1.LongRunningRecognizeResponse"


@pytest.fixture
def door(door_to) -> Door:
    return door_to(SpeechBeta)


def start(door: Door, key: str, kind: str = "quick") -> str:
    getattr(door.work, kind)(key)
    reply = requests.post(
        f"{door.http}/v1beta1/speech:asyncrecognize",
        json={
            "config": {"encoding": "LINEAR16", "sampleRateHertz": 8000, "languageCode": "en"},
            "audio": {"uri": f"gs://speech/{key}"},
        },
        timeout=30,
    )
    assert reply.status_code == 200, reply.text
    return reply.json()["name"]


def finish(door: Door, name: str) -> dict[str, Any]:
    door.wait(name)
    return door.get(name)


def operations(door: Door, **query: object) -> dict[str, Any]:
    reply = requests.get(f"{door.http}/v1beta1/operations", params=query, timeout=30)
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_start_and_result(door: Door, key: str):
    name = start(door, key)
    assert "/" not in name
    operation = finish(door, name)
    assert operation["metadata"].pop("startTime") < operation["metadata"].pop("lastUpdateTime")
    assert operation == {
        "name": name,
        "done": True,
        "metadata": {"@type": METADATA, "progressPercent": 100, "uri": f"gs://speech/{key}"},
        "response": {
            "@type": RESPONSE,
            "results": [{"alternatives": [{"transcript": "159951", "confidence": 1.0}]}],
            "totalBilledTime": "1s",
        },
    }


def test_get(door: Door, key: str):
    operation = finish(door, start(door, key))
    reply = requests.get(f"{door.http}/v1beta1/operations/{operation['name']}", timeout=30)
    assert reply.json() == operation


def test_list_with_filter_and_pages(door: Door, key: str):
    names = [start(door, key) for _ in range(3)]
    for name in names:
        finish(door, name)
    own = f'metadata.uri = "gs://speech/{key}"'
    assert operations(door, filter=f"{own} AND done = false") == {}
    first = operations(door, filter=own, pageSize=2, name="")
    assert [each["name"] for each in first["operations"]] == [names[2], names[1]]
    second = operations(door, filter=own, pageSize=2, pageToken=first["nextPageToken"])
    assert [each["name"] for each in second["operations"]] == [names[0]]
    assert "nextPageToken" not in second
    whole = operations(door, filter=own, name="operations")
    assert [each["name"] for each in whole["operations"]] == names[::-1]


def test_cancel(door: Door, key: str):
    name = start(door, key, "long")
    reply = requests.post(f"{door.http}/v1beta1/operations/{name}:cancel", timeout=30)
    assert (reply.status_code, reply.json()) == (200, {})
    error = {"code": 1, "message": "The operation was cancelled."}
    assert finish(door, name)["error"] == error


def test_delete(door: Door, key: str):
    name = finish(door, start(door, key))["name"]
    url = f"{door.http}/v1beta1/operations/{name}"
    assert requests.delete(url, timeout=30).json() == {}
    for again in (requests.get(url, timeout=30), requests.delete(url, timeout=30)):
        assert (again.status_code, again.json()["error"]["status"]) == (404, "NOT_FOUND")


def test_failure_of_the_work(door: Door, key: str):
    error = finish(door, start(door, key, "failing"))["error"]
    assert (error["code"], error["message"]) == (9, f"There is no object 'gs://speech/{key}'.")
    assert error["details"][0]["reason"] == "OBJECT_NOT_FOUND"


def test_refusal_of_the_start(door: Door):
    reply = requests.post(f"{door.http}/v1beta1/speech:asyncrecognize", json={}, timeout=30)
    error = reply.json()["error"]
    assert (reply.status_code, error["status"]) == (400, "INVALID_ARGUMENT")
    assert error["details"][0]["metadata"] == {"field": "config.encoding"}


@pytest.mark.parametrize("method", ["List", "Get", "Delete", "Cancel"])
def test_its_methods_over_grpc(door: Door, key: str, method: str):
    name = finish(door, start(door, key))["name"]
    reply = door.call(method, "" if method == "List" else name)
    if method == "List":
        assert name in {operation.name for operation in reply.operations}
    if method == "Get":
        assert reply.done
    if method == "Delete":
        assert requests.get(door.url(name), timeout=30).status_code == 404
    if method == "Cancel":
        assert "error" not in door.get(name)
